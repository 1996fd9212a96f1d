#include "policy/sticky.h"

#include <linux/capability.h>

#include <cerrno>

#include "gtest/gtest.h"
#include "tests/unit/policy/callers.h"

namespace hardlinkfs {
namespace {

constexpr uint32_t kOwnerOfDirectory = 1001;
constexpr uint32_t kStranger = 1002;

Attributes Directory(uint32_t mode) { return {.type = FileType::kDirectory, .mode = mode, .uid = kOwnerOfDirectory, .gid = 0}; }
Attributes Entry(FileType type) { return {.type = type, .mode = 0777, .uid = kOwnerOfFiles, .gid = 0}; }

TEST(Sticky, LetsOnlyTheOwnersRemove) {
  const Attributes file = Entry(FileType::kRegular);
  EXPECT_FALSE(MayRemoveFrom(CallerWith(kStranger), Directory(0777), file).has_value());
  const Attributes sticky = Directory(01777);
  EXPECT_FALSE(MayRemoveFrom(CallerWith(kOwnerOfFiles), sticky, file).has_value());
  EXPECT_FALSE(MayRemoveFrom(CallerWith(kOwnerOfDirectory), sticky, file).has_value());
  EXPECT_FALSE(MayRemoveFrom(CallerWith(kStranger, {}, {CAP_FOWNER}), sticky, file).has_value());
  const Decision refused = MayRemoveFrom(CallerWith(kStranger), sticky, file);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->code, EPERM);
  EXPECT_STREQ(refused->rule, "sticky");
  EXPECT_TRUE(MayRemoveFrom(CallerWith(0), sticky, file).has_value()) << "root by number only is nobody in particular";
}

// Each row of protected_symlinks in proc(5).
TEST(Sticky, LetsNobodyFollowTheSymlinksOfOthers) {
  const Attributes symlink = Entry(FileType::kSymlink);
  EXPECT_FALSE(MayFollow(CallerWith(kStranger), Directory(0777), symlink).has_value());
  EXPECT_FALSE(MayFollow(CallerWith(kStranger), Directory(01775), symlink).has_value()) << "not everybody may write in it";
  const Attributes sticky = Directory(01777);
  EXPECT_FALSE(MayFollow(CallerWith(kOwnerOfFiles), sticky, symlink).has_value());
  Attributes of_directory_owner = symlink;
  of_directory_owner.uid = kOwnerOfDirectory;
  EXPECT_FALSE(MayFollow(CallerWith(kStranger), sticky, of_directory_owner).has_value());
  const Decision refused = MayFollow(CallerWith(0, {}, {CAP_FOWNER, CAP_DAC_OVERRIDE}), sticky, symlink);
  ASSERT_TRUE(refused.has_value()) << "no capability helps";
  EXPECT_EQ(refused->code, EACCES);
  EXPECT_STREQ(refused->rule, "protected_symlinks");
}

}  // namespace
}  // namespace hardlinkfs
