// Rules of creation, attributes, extended attributes and renames that are the filesystem's to keep.
#include "store/base/acl.h"
#include "tests/unit/vfs/vfs_fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class RulesTest : public VfsTest {
 protected:
  // user::rwx user:1000:rwx group::r-x mask::rwx other::---
  static std::string ExtendedAcl() { return AclOf({{1, 7, ~0U}, {2, 7, 1000}, {4, 5, ~0U}, {0x10, 7, ~0U}, {0x20, 0, ~0U}}); }
  struct Entry {
    uint16_t tag;
    uint16_t permissions;
    uint32_t id;
  };
  static std::string AclOf(const std::vector<Entry>& entries) {
    std::string bytes{2, 0, 0, 0};
    for (const Entry& entry : entries) {
      bytes += {static_cast<char>(entry.tag), 0, static_cast<char>(entry.permissions), 0};
      for (unsigned i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(entry.id >> 8 * i & 0xFFU));
    }
    return bytes;
  }
  int Set(InodeId inode, const std::string& name, const std::string& value, XattrMode mode = XattrMode::kAny) {
    return vfs().SetXattr(root_, inode, name, value, mode).code();
  }

  const std::string access_{kAccessAclXattr};
  const std::string default_{kDefaultAclXattr};
};

TEST_F(RulesTest, NewFileHasTheCallersIdsAndUmask) {
  const auto made = vfs().MakeNode({.uid = 5, .gid = 6, .umask = 027}, kRootInode, "a", {.type = FileType::kRegular, .mode = 0666});
  EXPECT_EQ(made->uid, 5U);
  EXPECT_EQ(made->gid, 6U);
  EXPECT_EQ(made->mode, 0640U);
}

TEST_F(RulesTest, SgidOfADirectoryGivesItsGroup) {
  const InodeId directory = Directory("d", kRootInode, 02775);
  ASSERT_TRUE(vfs().SetAttributes(root_, directory, {.gid = 77}).ok());
  const Caller caller{.uid = 5, .gid = 6};
  const auto file = vfs().MakeNode(caller, directory, "a", {.type = FileType::kRegular, .mode = 0644});
  EXPECT_EQ(file->gid, 77U);
  EXPECT_EQ(file->mode, 0644U);
  const auto below = vfs().MakeNode(caller, directory, "b", {.type = FileType::kDirectory, .mode = 0755});
  EXPECT_EQ(below->gid, 77U);
  EXPECT_EQ(below->mode, 02755U);
  EXPECT_EQ(vfs().Create(caller, directory, "c", 0644, O_RDWR)->attributes.gid, 77U);
  EXPECT_EQ(vfs().MakeTemporary(caller, directory, 0644, O_RDWR)->attributes.gid, 77U);
  EXPECT_EQ(vfs().MakeNode(caller, directory, "s", {.type = FileType::kSymlink, .target = "x"})->gid, 77U);
}

TEST_F(RulesTest, PrivilegesAreTakenFromAnythingButDirectories) {
  const InodeId directory = Directory("d", kRootInode, 02775);
  EXPECT_EQ(vfs().SetAttributes(root_, directory, {.kill_suidgid = true})->mode, 02775U);
  EXPECT_EQ(vfs().SetAttributes(root_, File("a", kRootInode, 06775), {.kill_suidgid = true})->mode, 0775U);
}

TEST_F(RulesTest, SymlinkKeepsItsTargetAndSize) {
  const auto made = vfs().MakeNode(root_, kRootInode, "s", {.type = FileType::kSymlink, .target = "somewhere"});
  EXPECT_EQ(made->size, 9U);
  EXPECT_EQ(made->mode, 0777U);
  EXPECT_EQ(*vfs().ReadLink(made->inode), "somewhere");
  EXPECT_EQ(vfs().ReadLink(File("a")).code(), EINVAL);
  EXPECT_EQ(vfs().Link(root_, made->inode, kRootInode, "t")->nlink, 2U);
}

TEST_F(RulesTest, SpecialFileKeepsItsDeviceNumber) {
  const auto made = vfs().MakeNode(root_, kRootInode, "c", {.type = FileType::kCharacterDevice, .mode = 0600, .rdev = 0x103});
  Remount();
  EXPECT_EQ(Look(made->inode).rdev, 0x103U);
  EXPECT_EQ(Look(made->inode).type, FileType::kCharacterDevice);
}

TEST_F(RulesTest, DirectoriesCountTheirSubdirectories) {
  const InodeId d = Directory("d");
  const InodeId e = Directory("e");
  Directory("f", d);
  EXPECT_EQ(Look(kRootInode).nlink, 4U);
  EXPECT_EQ(Look(d).nlink, 3U);
  ASSERT_TRUE(vfs().Rename(root_, d, "f", e, "f", RenameMode::kReplace).ok());
  EXPECT_EQ(Look(d).nlink, 2U);
  EXPECT_EQ(Look(e).nlink, 3U);
}

TEST_F(RulesTest, XattrModesAreKept) {
  const InodeId file = File("a");
  EXPECT_EQ(Set(file, "user.x", "1", XattrMode::kReplace), ENODATA);
  EXPECT_EQ(Set(file, "user.x", "1", XattrMode::kCreate), 0);
  EXPECT_EQ(Set(file, "user.x", "2", XattrMode::kCreate), EEXIST);
  EXPECT_EQ(Set(file, "user.x", "", XattrMode::kReplace), 0);
  EXPECT_EQ(*vfs().GetXattr(file, "user.x"), "");
  EXPECT_THAT(*vfs().ListXattrs(root_, file), ElementsAre("user.x"));
  EXPECT_EQ(vfs().RemoveXattr(root_, file, "user.x").code(), 0);
  EXPECT_EQ(vfs().RemoveXattr(root_, file, "user.x").code(), ENODATA);
  EXPECT_EQ(vfs().GetXattr(file, "user.x").code(), ENODATA);
}

TEST_F(RulesTest, ListShowsOnlyXattrsThatCanBeGot) {
  const InodeId file = File("a");
  EXPECT_EQ(Set(file, "user.x", "1"), 0);
  EXPECT_EQ(Set(file, "trusted.x", "1"), 0);
  // As a backing may have had it.
  ASSERT_TRUE(volume().ChangeAttributes({}, file, {}, {{"system.nfs4_acl", "1"}}).ok());
  EXPECT_THAT(*vfs().ListXattrs(root_, file), UnorderedElementsAre("trusted.x", "user.x"));
  EXPECT_THAT(*vfs().ListXattrs({.uid = 5, .gid = 5}, file), ElementsAre("user.x"));
}

TEST_F(RulesTest, UnknownXattrNamespaceIsEOPNOTSUPP) {
  const InodeId file = File("a");
  for (const char* name : {"system.other", "nothing", "user.", ""}) {
    EXPECT_EQ(Set(file, name, "1"), EOPNOTSUPP) << name;
    EXPECT_EQ(vfs().GetXattr(file, name).code(), EOPNOTSUPP) << name;
    EXPECT_EQ(vfs().RemoveXattr(root_, file, name).code(), EOPNOTSUPP) << name;
  }
}

TEST_F(RulesTest, MoreXattrsThanCanBeListedIsENOSPC) {
  const InodeId file = File("a");
  int code = 0;
  for (int i = 0; code == 0 && i < 1'000; ++i) code = Set(file, "user." + std::string(200, 'x') + std::to_string(i), "1");
  EXPECT_EQ(code, ENOSPC);
  size_t bytes = 0;
  const auto names = vfs().ListXattrs(root_, file);
  for (const std::string& name : *names) bytes += name.size() + 1;
  EXPECT_LE(bytes, 65'536U);
}

TEST_F(RulesTest, XattrsChangeCtimeAndSurviveARemount) {
  const InodeId file = File("a");
  clock().Advance(std::chrono::seconds(2));
  EXPECT_EQ(Set(file, "user.x", std::string("a\0b", 3)), 0);
  EXPECT_EQ(Look(file).ctime, clock().Now());
  Remount();
  EXPECT_EQ(*vfs().GetXattr(file, "user.x"), std::string("a\0b", 3));
}

TEST_F(RulesTest, AccessAclSetsTheMode) {
  const InodeId file = File("a", kRootInode, 0600);
  EXPECT_EQ(Set(file, access_, ExtendedAcl()), 0);
  EXPECT_EQ(Look(file).mode, 0770U);
  EXPECT_TRUE(vfs().GetXattr(file, access_).ok());
}

TEST_F(RulesTest, AclThatSaysNoMoreThanTheModeIsNotKept) {
  const InodeId file = File("a", kRootInode, 0600);
  EXPECT_EQ(Set(file, access_, ExtendedAcl()), 0);
  EXPECT_EQ(Set(file, access_, AclOf({{1, 6, ~0U}, {4, 4, ~0U}, {0x20, 4, ~0U}})), 0);
  EXPECT_EQ(Look(file).mode, 0644U);
  EXPECT_THAT(*vfs().ListXattrs(root_, file), IsEmpty());
}

TEST_F(RulesTest, ModeChangesTheAclsMask) {
  const InodeId file = File("a");
  EXPECT_EQ(Set(file, access_, ExtendedAcl()), 0);
  ASSERT_TRUE(vfs().SetAttributes(root_, file, {.mode = 0740}).ok());
  EXPECT_EQ(ModeOf(*ParseAcl(*vfs().GetXattr(file, access_)), 0), 0740U);
}

TEST_F(RulesTest, SgidGoesWhenTheAclIsSetByAStrangerToTheGroup) {
  const InodeId file = File("a", kRootInode, 02770);
  const Caller stranger{.uid = 5, .gid = 5, .groups = [] { return std::vector<gid_t>{9}; }};
  EXPECT_EQ(vfs().SetXattr(stranger, file, access_, ExtendedAcl(), XattrMode::kAny).code(), 0);
  EXPECT_EQ(Look(file).mode, 0770U);
  ASSERT_TRUE(vfs().SetAttributes(root_, file, {.mode = 02770}).ok());
  const Caller member{.uid = 5, .gid = 5, .groups = [] { return std::vector<gid_t>{0}; }};
  EXPECT_EQ(vfs().SetXattr(member, file, access_, ExtendedAcl(), XattrMode::kAny).code(), 0);
  EXPECT_EQ(Look(file).mode, 02770U);
}

TEST_F(RulesTest, DefaultAclIsForDirectoriesAndInherited) {
  EXPECT_EQ(Set(File("a"), default_, ExtendedAcl()), EACCES);
  const InodeId directory = Directory("d");
  EXPECT_EQ(Set(directory, default_, ExtendedAcl()), 0);
  const auto file = vfs().MakeNode({.umask = 077}, directory, "f", {.type = FileType::kRegular, .mode = 0666});
  EXPECT_EQ(file->mode, 0660U);  // cut to the ACL, not by the umask
  EXPECT_THAT(*vfs().ListXattrs(root_, file->inode), ElementsAre(access_));
  const auto below = vfs().MakeNode({}, directory, "e", {.type = FileType::kDirectory, .mode = 0777});
  EXPECT_THAT(*vfs().ListXattrs(root_, below->inode), UnorderedElementsAre(access_, default_));
  EXPECT_EQ(vfs().RemoveXattr(root_, directory, default_).code(), 0);
  EXPECT_EQ(vfs().RemoveXattr(root_, directory, default_).code(), 0);  // an ACL that is not there
}

TEST_F(RulesTest, DamagedAclIsEINVAL) {
  EXPECT_EQ(Set(File("a"), access_, "x"), EINVAL);
  EXPECT_EQ(Set(Directory("d"), default_, ExtendedAcl().substr(0, 20)), EINVAL);
}

TEST_F(RulesTest, RenameOfADirectoryIntoItselfIsEINVAL) {
  const InodeId d = Directory("d");
  const InodeId e = Directory("e", d);
  EXPECT_EQ(vfs().Rename(root_, kRootInode, "d", e, "x", RenameMode::kReplace).code(), EINVAL);
  EXPECT_EQ(vfs().Rename(root_, kRootInode, "d", d, "x", RenameMode::kReplace).code(), EINVAL);
  EXPECT_EQ(vfs().Rename(root_, d, "e", kRootInode, "d", RenameMode::kExchange).code(), EINVAL);
  EXPECT_EQ(vfs().Rename(root_, d, "e", kRootInode, "d", RenameMode::kReplace).code(), ENOTEMPTY);
}

TEST_F(RulesTest, WhiteoutIsLeftAtTheOldName) {
  const InodeId file = File("a");
  EXPECT_EQ(Rename("a", "b", RenameMode::kWhiteout), 0);
  const auto whiteout = vfs().Lookup(kRootInode, "a");
  ASSERT_TRUE(whiteout.ok());
  EXPECT_EQ(whiteout->type, FileType::kCharacterDevice);
  EXPECT_EQ(whiteout->rdev, 0U);
  EXPECT_EQ(whiteout->nlink, 1U);
  EXPECT_EQ(vfs().Lookup(kRootInode, "b")->inode, file);
}

TEST_F(RulesTest, RenameTouchesBothDirectoriesAndTheInode) {
  const InodeId d = Directory("d");
  const InodeId file = File("a");
  const Timestamp before = clock().Now();
  clock().Advance(std::chrono::seconds(2));
  ASSERT_TRUE(vfs().Rename(root_, kRootInode, "a", d, "b", RenameMode::kReplace).ok());
  EXPECT_EQ(Look(kRootInode).mtime, clock().Now());
  EXPECT_EQ(Look(d).mtime, clock().Now());
  EXPECT_EQ(Look(file).ctime, clock().Now());
  EXPECT_EQ(Look(file).mtime, before);
}

TEST_F(RulesTest, RemovalOfADirectorySeesWhatAnotherMachinePutThere) {
  Directory("d");
  ASSERT_EQ(machine_.Close().code(), 0);
  const auto d = *machine_.backing().OpenDirectory(machine_.backing().root(), BackingName("d"));
  ASSERT_TRUE(machine_.backing().CreateFile(d, BackingName("x"), 0777).ok());
  ASSERT_EQ(machine_.Open().code(), 0);
  EXPECT_EQ(vfs().RemoveDirectory(root_, kRootInode, "d").code(), ENOTEMPTY);
  const InodeId e = Directory("e");
  static_cast<void>(e);
  EXPECT_EQ(Rename("e", "d"), ENOTEMPTY);
}

}  // namespace
}  // namespace hardlinkfs
