// The order of keys is the order of their numbers, and the parts of a key can be read back.
#include "store/catalog/keys.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace hardlinkfs {
namespace {

constexpr InodeId kLargest{std::numeric_limits<uint64_t>::max()};

TEST(Keys, AreOrderedAsTheirNumbers) {
  const std::vector<uint64_t> ascending{
      0, 1, 127, 128, 255, 256, 65'535, uint64_t{1} << 31, uint64_t{1} << 32, (uint64_t{1} << 63) - 1, uint64_t{1} << 63, Raw(kLargest)};
  for (size_t i = 1; i < ascending.size(); ++i) {
    EXPECT_LT(keys::Inode(InodeId{ascending[i - 1]}), keys::Inode(InodeId{ascending[i]}));
    EXPECT_LT(keys::NameAt(InodeId{5}, Slot{ascending[i - 1]}), keys::NameAt(InodeId{5}, Slot{ascending[i]}));
    EXPECT_LT(keys::Link(InodeId{5}, InodeId{ascending[i - 1]}, Slot{9}), keys::Link(InodeId{5}, InodeId{ascending[i]}, Slot{1}));
  }
}

TEST(Keys, OfADirectoryLieTogether) {
  EXPECT_LT(keys::NameAt(InodeId{5}, Slot{Raw(kLargest)}), keys::NameAt(InodeId{6}, Slot{0}));
  EXPECT_LT(keys::Home({InodeId{5}, BackingName("\xff\xff")}), keys::Home({InodeId{6}, BackingName("")}));
  EXPECT_TRUE(keys::NameAt(InodeId{5}, Slot{1}).starts_with(keys::NamePrefix(InodeId{5})));
  EXPECT_TRUE(keys::Link(InodeId{5}, InodeId{1}, Slot{1}).starts_with(keys::LinkPrefix(InodeId{5})));
  EXPECT_TRUE(keys::Home({InodeId{5}, BackingName("x")}).starts_with(keys::HomePrefix(InodeId{5})));
  EXPECT_TRUE(keys::Xattr(InodeId{5}, "x").starts_with(keys::XattrPrefix(InodeId{5})));
}

TEST(Keys, GiveTheirPartsBack) {
  const InodeId inode{0x0102030405060708}, directory{0xfffefdfcfbfaf9f8};
  const Slot slot{0x8070605040302010};
  EXPECT_EQ(keys::InodeOf(keys::Orphan(inode)), inode);
  EXPECT_EQ(keys::InodeOf(keys::Link(inode, directory, slot)), inode);
  EXPECT_EQ(keys::DirectoryOfLink(keys::Link(inode, directory, slot)), directory);
  EXPECT_EQ(keys::SlotOf(keys::Link(inode, directory, slot)), slot);
  EXPECT_EQ(keys::SlotOf(keys::NameAt(directory, slot)), slot);
  EXPECT_EQ(keys::TailOf(keys::Xattr(inode, "user.a")), "user.a");
  EXPECT_EQ(keys::TailOf(keys::Home({inode, BackingName("b")})), "b");
}

TEST(Keys, AreTheBytesOfTheFormat) {
  EXPECT_EQ(keys::Meta(), "M");
  EXPECT_EQ(keys::NameAt(InodeId{1}, Slot{0x0203}), std::string("N\0\0\0\0\0\0\0\1\0\0\0\0\0\0\2\3", 17));
  EXPECT_EQ(keys::Home({InodeId{1}, BackingName("ab")}), std::string("H\0\0\0\0\0\0\0\1ab", 11));
}

}  // namespace
}  // namespace hardlinkfs
