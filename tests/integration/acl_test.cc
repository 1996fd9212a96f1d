// POSIX ACLs: S-ACL-* of docs/semantics.md. They are written as the xattrs in which the kernel takes them (acl(5),
// linux/posix_acl_xattr.h).
#include <sys/stat.h>

#include <cstring>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

constexpr char kAccess[] = "system.posix_acl_access";
constexpr char kDefault[] = "system.posix_acl_default";

enum Tag : uint16_t { kUserObj = 1, kUser = 2, kGroupObj = 4, kGroup = 8, kMask = 16, kOther = 32 };
constexpr uint32_t kNoId = 0xffffffffU;

struct Entry {
  Tag tag;
  uint16_t permissions;
  uint32_t id = kNoId;
};

template <typename Number>
void AppendLittleEndian(std::string& out, Number number) {
  for (size_t i = 0; i < sizeof number; ++i) out.push_back(static_cast<char>(static_cast<uint64_t>(number) >> (8 * i)));
}

std::string Acl(const std::vector<Entry>& entries) {
  std::string out;
  AppendLittleEndian(out, uint32_t{2});
  for (const Entry& entry : entries) {
    AppendLittleEndian(out, static_cast<uint16_t>(entry.tag));
    AppendLittleEndian(out, entry.permissions);
    AppendLittleEndian(out, entry.id);
  }
  return out;
}

const std::string kForAlice = Acl({{kUserObj, 6}, {kUser, 6, 61001}, {kGroupObj, 4}, {kMask, 6}, {kOther, 0}});

class PosixAcl : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    ASSERT_EQ(top().Write("a", "x"), 0);
    ASSERT_EQ(top().Chmod("a", 0640), 0);
    ASSERT_EQ(top().Mkdir("d"), 0);
  }
};
INSTANTIATE_TEST_SUITE_P(, PosixAcl, testing::ValuesIn(BackingsAndMirrors()), NameOf);

// S-ACL-1
TEST_P(PosixAcl, LetsANamedUserInAcrossRemounts) {
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Opens("a", O_RDWR).code; }), EACCES);
  ASSERT_EQ(top().SetXattr("a", kAccess, kForAlice), 0);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Opens("a", O_RDWR).code; }), 0);
  EXPECT_EQ(AsUser(kBob, [&] { return top().Opens("a", O_RDONLY).code; }), EACCES);
  Remount();
  EXPECT_EQ(top().Xattr("a", kAccess), kForAlice);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Opens("a", O_RDWR).code; }), 0);
  EXPECT_EQ(AsUser(kBob, [&] { return top().Opens("a", O_RDONLY).code; }), EACCES);
}

// S-ACL-2
TEST_P(PosixAcl, IsCoupledWithTheMode) {
  ASSERT_EQ(top().SetXattr("a", kAccess, kForAlice), 0);
  EXPECT_EQ(top().Status("a").permissions(), 0660U);  // the group bits show the mask
  ASSERT_EQ(top().Chmod("a", 0644), 0);               // and set it
  EXPECT_EQ(top().Xattr("a", kAccess), Acl({{kUserObj, 6}, {kUser, 6, 61001}, {kGroupObj, 4}, {kMask, 4}, {kOther, 4}}));
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Opens("a", O_RDONLY).code; }), 0);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Opens("a", O_RDWR).code; }), EACCES);
  Remount();
  EXPECT_EQ(top().Status("a").permissions(), 0644U);
}

// S-ACL-2
TEST_P(PosixAcl, ThatSaysNoMoreThanTheModeIsOnlyTheMode) {
  ASSERT_EQ(top().SetXattr("a", kAccess, Acl({{kUserObj, 7}, {kGroupObj, 5}, {kOther, 1}})), 0);
  EXPECT_EQ(top().Status("a").permissions(), 0751U);
  EXPECT_EQ(top().XattrError("a", kAccess), ENODATA);
}

// S-ACL-2
TEST_P(PosixAcl, RemovedLeavesTheMode) {
  ASSERT_EQ(top().SetXattr("a", kAccess, kForAlice), 0);
  ASSERT_EQ(top().RemoveXattr("a", kAccess), 0);
  EXPECT_EQ(top().XattrError("a", kAccess), ENODATA);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Opens("a", O_RDONLY).code; }), EACCES);
}

// S-ACL-3
TEST_P(PosixAcl, OfADirectoryIsInheritedByWhatIsMadeInIt) {
  const std::string inherited = Acl({{kUserObj, 7}, {kUser, 6, 61001}, {kGroupObj, 5}, {kMask, 7}, {kOther, 0}});
  ASSERT_EQ(top().SetXattr("d", kDefault, inherited), 0);
  umask(077);  // means nothing below a default ACL
  ASSERT_EQ(top().Write("d/f", "", 0666), 0);
  ASSERT_EQ(top().Mkdir("d/sub", 0777), 0);
  ASSERT_EQ(top().Mknod("d/p", S_IFIFO | 0666), 0);
  ASSERT_EQ(top().Symlink("f", "d/s"), 0);
  umask(022);
  const std::string of_file = Acl({{kUserObj, 6}, {kUser, 6, 61001}, {kGroupObj, 5}, {kMask, 6}, {kOther, 0}});
  EXPECT_EQ(top().Status("d/f").permissions(), 0660U);
  EXPECT_EQ(top().Xattr("d/f", kAccess), of_file);
  EXPECT_EQ(top().Xattr("d/p", kAccess), of_file);
  EXPECT_EQ(top().XattrError("d/f", kDefault), ENODATA);
  EXPECT_EQ(top().Xattr("d/sub", kAccess), inherited);
  EXPECT_EQ(top().Xattr("d/sub", kDefault), inherited);
  EXPECT_EQ(top().Status("d/sub").permissions(), 0770U);
  Remount();
  EXPECT_EQ(top().Xattr("d/sub", kDefault), inherited);
  ASSERT_EQ(top().Write("d/sub/deep", "", 0600), 0);
  EXPECT_EQ(top().Status("d/sub/deep").permissions(), 0600U);
}

// S-ACL-3
TEST_P(PosixAcl, IsInheritedByTemporaryFilesToo) {
  ASSERT_EQ(top().SetXattr("d", kDefault, kForAlice), 0);
  const UniqueFd file = top().Open("d", O_TMPFILE | O_RDWR, 0666);
  ASSERT_EQ(Ended(linkat(file.get(), "", AT_FDCWD, top().Path("d/f").c_str(), AT_EMPTY_PATH)), 0);
  EXPECT_EQ(top().Xattr("d/f", kAccess), kForAlice);
}

// S-ACL-4
TEST_P(PosixAcl, IsRefusedWhereItMakesNoSense) {
  EXPECT_EQ(top().SetXattr("a", kDefault, kForAlice), EACCES);
  EXPECT_EQ(top().SetXattr("a", kAccess, "abc"), EINVAL);
  EXPECT_EQ(top().SetXattr("a", kAccess, "version?"), EOPNOTSUPP);
  EXPECT_EQ(top().SetXattr("a", kAccess, Acl({{kUserObj, 6}, {kUser, 6, 61001}, {kGroupObj, 4}, {kOther, 0}})), EINVAL);  // no mask
  EXPECT_EQ(AsUser(kAlice, [&] { return top().SetXattr("a", kAccess, kForAlice).code; }), EPERM);
  ASSERT_EQ(top().Symlink("a", "s"), 0);
  EXPECT_EQ(top().SetXattr("s", kAccess, kForAlice), EOPNOTSUPP);
}

// S-ACL-4
TEST_P(PosixAcl, SetByANonMemberOfTheGroupDropsSgid) {
  ASSERT_EQ(top().Chown("a", kAlice.uid, 777), 0);
  ASSERT_EQ(top().Chmod("a", 02755), 0);
  ASSERT_EQ(AsUser(kAlice, [&] { return top().SetXattr("a", kAccess, kForAlice).code; }), 0);
  EXPECT_EQ(top().Status("a").permissions(), 0660U);
}

}  // namespace
}  // namespace hardlinkfs
