// The private area: S-PRIVATE-* of docs/semantics.md.
#include <sys/stat.h>

#include <sstream>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kArea[] = ".hardlinkfs";

class PrivateArea : public MountTest {};
INSTANTIATE_TEST_SUITE_P(, PrivateArea, testing::ValuesIn(TestBackings()), NameOf);

// S-PRIVATE-1
TEST_P(PrivateArea, CannotBeSeen) {
  ASSERT_EQ(top().Write("a", ""), 0);
  EXPECT_THAT(top().Names(), ElementsAre("a"));
  EXPECT_EQ(top().Status(kArea).error, ENOENT);
  EXPECT_EQ(top().Status(std::string(kArea) + "/README.txt").error, ENOENT);
  EXPECT_EQ(top().Opens(kArea, O_RDONLY), ENOENT);
  EXPECT_EQ(top().Unlink(kArea), ENOENT);
  EXPECT_EQ(top().Rmdir(kArea), ENOENT);
  EXPECT_EQ(top().Rename(kArea, "x"), ENOENT);
  EXPECT_EQ(top().Link(std::string(kArea) + "/volume", "x"), ENOENT);
}

// S-PRIVATE-2
TEST_P(PrivateArea, CannotBeMadeLinkedOrRenamedInto) {
  ASSERT_EQ(top().Write("a", ""), 0);
  ASSERT_EQ(top().Mkdir("d"), 0);
  EXPECT_EQ(top().Opens(kArea, O_CREAT | O_WRONLY), EPERM);
  EXPECT_EQ(top().Mkdir(kArea), EPERM);
  EXPECT_EQ(top().Symlink("x", kArea), EPERM);
  EXPECT_EQ(top().Mknod(kArea, S_IFIFO | 0600), EPERM);
  EXPECT_EQ(top().Link("a", kArea), EPERM);
  EXPECT_EQ(top().Rename("a", kArea), EPERM);
  EXPECT_EQ(top().Rename("d", kArea), EPERM);
  EXPECT_EQ(top().Rename("a", kArea, RENAME_EXCHANGE), ENOENT);  // the kernel finds nothing there to exchange with
  EXPECT_EQ(top().Rename("a", kArea, RENAME_NOREPLACE), EPERM);
  EXPECT_THAT(top().Names(), ElementsAre("a", "d"));
  EXPECT_TRUE(bare().Exists(".hardlinkfs/volume"));
}

// S-PRIVATE-3
TEST_P(PrivateArea, IsOnlyInTheRootAndOnlyOfThatSpelling) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Mkdir("d/.hardlinkfs"), 0);
  ASSERT_EQ(top().Write("d/.hardlinkfs/f", "text"), 0);
  ASSERT_EQ(top().Mkdir(".HardLinkFS"), 0);
  ASSERT_EQ(top().Write(".HardLinkFS/volume", "not the volume file"), 0);
  ASSERT_EQ(top().Write(".hardlinkfs2", "text"), 0);
  Remount();
  EXPECT_EQ(top().Read("d/.hardlinkfs/f"), "text");
  EXPECT_EQ(top().Read(".HardLinkFS/volume"), "not the volume file");
  EXPECT_EQ(top().Read(".hardlinkfs2"), "text");
  EXPECT_THAT(top().Names(), ElementsAre(".HardLinkFS", ".hardlinkfs2", "d"));
}

// S-PRIVATE-4
TEST_P(PrivateArea, TellsAFinderWhatItIsAndHowToGetEverythingBack) {
  ASSERT_EQ(top().Symlink("target", "a"), 0);
  Unmount();
  const std::string readme = bare().Read(".hardlinkfs/README.txt");
  EXPECT_THAT(readme, HasSubstr("hardlinkfs"));
  EXPECT_THAT(readme, HasSubstr("How to get everything back"));
  EXPECT_THAT(readme, HasSubstr("    hardlinkfs mount /path/to/this/drive /path/to/this/drive\n"));
  EXPECT_THAT(readme, HasSubstr("Without hardlinkfs: everything outside of this folder is yours"));
  std::istringstream lines(readme);
  for (std::string line; std::getline(lines, line);) EXPECT_LT(line.size(), 80U) << line;
  // What it tells to do is what works.
  MountedVolume over(bare().path(), bare().path());
  over.Mount();
  EXPECT_TRUE(bare().Exists("a"));
  over.Unmount();
  Mount();
}

// S-PRIVATE-5
TEST_P(PrivateArea, LetsNoOtherUserReadTheCatalog) {
  if (on_fat()) GTEST_SKIP() << "exFAT has no modes; what others may see there its mount options say";
  EXPECT_EQ(bare().Status(kArea).permissions() & 077U, 0U);
}

// S-PRIVATE-5
TEST_P(PrivateArea, LetsNoOtherUserReadACatalogThatLiesElsewhere) {
  Unmount();
  const Folder outside(Outside("."));
  MountedVolume other(Outside("source"), volume().mountpoint());
  ASSERT_EQ(outside.Mkdir("source"), 0);
  other.Mount("store=" + Outside("store"));
  EXPECT_EQ(outside.Status("store").permissions(), 0700U);
  // An old one, that others can get into, is told of.
  other.Unmount();
  ASSERT_EQ(outside.Chmod("store", 0755), 0);
  other.Mount("store=" + Outside("store"));
  EXPECT_THAT(other.Log(), HasSubstr("others can read the catalog"));
}

}  // namespace
}  // namespace hardlinkfs
