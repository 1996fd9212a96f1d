// What explain makes of the facts of a link.
#include <linux/capability.h>
#include <linux/fs.h>

#include <cerrno>

#include "gmock/gmock.h"
#include "policy/flags.h"
#include "tests/unit/mount-helpers/explain_scene.h"

namespace hardlinkfs {
namespace {

using testing::HasSubstr;

TEST(ExplainLink, OfNothingWrongSucceeds) { EXPECT_EQ(Ask(SceneOf(kLink)), "ok"); }

TEST(ExplainLink, EveryDirectoryOnTheWayHasToBeSearched) {
  ExplainFacts facts = SceneOf(kLink, CallerWith(kBob));
  ParentOf(facts.old_path).attributes.mode = 0700;
  EXPECT_EQ(Ask(facts), "EACCES search");
  facts = SceneOf(kLink, CallerWith(kBob, {}, {CAP_DAC_READ_SEARCH}));
  ParentOf(facts.old_path).attributes.mode = 0700;
  EXPECT_EQ(Ask(facts), "EPERM protected_hardlinks");
}

TEST(ExplainLink, ErrorsOfTheWayAreTheCallers) {
  ExplainFacts facts = SceneOf(kLink);
  facts.old_path.found.reset();
  for (const auto& [code, name] : {std::pair{ENOENT, "ENOENT path"}, std::pair{ENOTDIR, "ENOTDIR path"}, std::pair{ELOOP, "ELOOP path"},
                                   std::pair{ENAMETOOLONG, "ENAMETOOLONG path"}, std::pair{ENOTCONN, "ENOTCONN path"}}) {
    facts.old_path.walk_error = code;
    EXPECT_EQ(Ask(facts), name);
    facts.old_path.walk_error = 0;
    facts.old_path.last_error = code;
    EXPECT_EQ(Ask(facts), name);
    facts.old_path.last_error = 0;
  }
}

TEST(ExplainLink, WhatExplainItselfMayNotSeeCannotBeTold) {
  ExplainFacts facts = SceneOf(kLink);
  facts.old_path.found.reset();
  facts.old_path.walk_error = EACCES;
  facts.old_path.was_barred = true;
  EXPECT_EQ(Ask(facts), "EACCES path");
  facts.caller.is_self = false;
  EXPECT_EQ(Ask(facts), "? path");
  facts = SceneOf(kLink);
  facts.old_path.found->flags.reset();
  EXPECT_EQ(Ask(facts), "? immutable");
  facts = SceneOf(kLink, CallerWith(kBob));
  facts.old_path.found->attributes.mode = 0666;
  ParentOf(*facts.new_path).attributes.mode = 0777;
  EXPECT_EQ(Ask(facts), "ok");
  facts.old_path.found->knows_acl = false;
  EXPECT_EQ(Ask(facts), "? protected_hardlinks");
  ParentOf(facts.old_path).knows_acl = false;
  EXPECT_EQ(Ask(facts), "? search");
}

TEST(ExplainLink, AnUncertaintyBeforeTheFailureIsTold) {
  ExplainFacts facts = SceneOf(kLink);
  facts.old_path.found->attributes.nlink = 65000;
  std::vector<Check> checks = ChecksOf(facts);
  EXPECT_FALSE(VerdictOf(checks).may_be_another);
  facts.old_path.found->flags.reset();
  checks = ChecksOf(facts);
  EXPECT_EQ(VerdictOf(checks).outcome, Outcome::kFail);
  EXPECT_TRUE(VerdictOf(checks).may_be_another);
}

TEST(ExplainLink, ANameThatIsThereComesBeforeAReadOnlyMount) {
  ExplainFacts facts = SceneOf(kLink);
  ExplainedMount mount = MountOf("ext4");
  mount.entry.options = {"ro"};
  MoveTo(facts, mount);
  EXPECT_EQ(Ask(facts), "EROFS read-only");
  PutNew(facts, FileType::kDirectory).mount = mount;
  EXPECT_EQ(Ask(facts), "EEXIST exists");
  std::vector<Check> checks = ChecksOf(facts);
  EXPECT_THAT(VerdictOf(checks).first->cure, HasSubstr("/data/b/l/f")) << "as ln(1) does";
  facts.new_path->found->attributes.number = 3;
  facts.new_path->found->mount = facts.old_path.found->mount;
  checks = ChecksOf(facts);
  EXPECT_THAT(VerdictOf(checks).first->cure, HasSubstr("nothing is to be done"));
}

TEST(ExplainLink, ASlashBehindANewNameIsENOENT) {
  ExplainFacts facts = SceneOf(kLink);
  facts.new_path->ends_in_slash = true;
  EXPECT_EQ(Ask(facts), "ENOENT path");
  facts = SceneOf(kLink);
  facts.old_path.ends_in_slash = true;
  EXPECT_EQ(Ask(facts), "ENOTDIR path");
}

TEST(ExplainLink, AcrossMountsIsEXDEVAndNamesTheWay) {
  ExplainFacts facts = SceneOf(kLink);
  ParentOf(*facts.new_path).mount = MountOf("ext4", "/srv", 11);
  EXPECT_EQ(Ask(facts), "EXDEV one-mount");
  std::vector<Check> checks = ChecksOf(facts);
  EXPECT_THAT(VerdictOf(checks).first->reason, HasSubstr("two mounts of one filesystem"));
  facts.one_mount = OneMount{"/data/a/f", "/data/dir 1/l"};
  checks = ChecksOf(facts);
  EXPECT_THAT(VerdictOf(checks).first->cure, HasSubstr("ln /data/a/f '/data/dir 1/l'"));
  facts.one_mount.reset();
  ParentOf(*facts.new_path).mount = MountOf("fuse.bindfs", "/srv", 11, "0:44");
  checks = ChecksOf(facts);
  EXPECT_THAT(VerdictOf(checks).first->reason, HasSubstr("a FUSE filesystem of its own"));
  EXPECT_THAT(VerdictOf(checks).first->cure, HasSubstr("for its FUSE server to say"));
}

TEST(ExplainLink, ProtectedHardlinksAreAsTheKernelSays) {
  ExplainFacts facts = SceneOf(kLink, CallerWith(kBob, {kAlice}));
  ParentOf(*facts.new_path).attributes.mode = 0777;
  EXPECT_EQ(Ask(facts), "EPERM protected_hardlinks");
  facts.kernel.protected_hardlinks = false;
  EXPECT_EQ(Ask(facts), "ok");
  facts.kernel.protected_hardlinks.reset();
  EXPECT_EQ(Ask(facts), "? protected_hardlinks");
  facts.kernel.protected_hardlinks = true;
  facts.old_path.found->attributes.mode = 0664;
  EXPECT_EQ(Ask(facts), "ok");
  facts.old_path.found->flags = FS_IMMUTABLE_FL;
  EXPECT_EQ(Ask(facts), "EPERM protected_hardlinks") << "what is immutable nobody may write";
  facts.caller.caller = CallerWith(kBob, {}, {CAP_FOWNER});
  EXPECT_EQ(Ask(facts), "EPERM immutable");
}

TEST(ExplainLink, PrivilegeIsOverMappedIdsAlone) {
  ExplainFacts facts = SceneOf(kLink, CallerWith(0, {}, {CAP_FOWNER, CAP_DAC_OVERRIDE}));
  EXPECT_EQ(Ask(facts), "ok");
  facts.kernel.uids = {{0, 1}};
  EXPECT_EQ(Ask(facts), "EPERM protected_hardlinks");
}

TEST(ExplainLink, TheDirectoryHasToBeWritable) {
  ExplainFacts facts = SceneOf(kLink, CallerWith(kBob));
  facts.old_path.found->attributes.uid = kBob;
  EXPECT_EQ(Ask(facts), "EACCES write-directory");
  ParentOf(*facts.new_path).flags = FS_IMMUTABLE_FL;
  EXPECT_EQ(Ask(facts), "EPERM immutable");
  facts = SceneOf(kLink);
  ParentOf(*facts.new_path).flags = FS_APPEND_FL;
  EXPECT_EQ(Ask(facts), "ok");
  ParentOf(*facts.new_path).attributes.nlink = 0;
  EXPECT_EQ(Ask(facts), "ENOENT path");
}

TEST(ExplainLink, FlagsOfTheFileForbid) {
  ExplainFacts facts = SceneOf(kLink);
  facts.old_path.found->flags = FS_IMMUTABLE_FL;
  EXPECT_EQ(Ask(facts), "EPERM immutable");
  facts.old_path.found->flags = FS_APPEND_FL;
  EXPECT_EQ(Ask(facts), "EPERM append-only");
}

TEST(ExplainLink, FilesystemsWithoutLinksAreKnown) {
  const std::pair<const char*, const char*> cases[] = {
      {"vfat", "EPERM has-links"},
      {"exfat", "EPERM has-links"},
      {"msdos", "EPERM has-links"},
      {"fuse.exfat", "EPERM has-links"},
      {"xfs", "ok"},
      {"btrfs", "ok"},
      {"tmpfs", "ok"},
      {"proc", "ENOENT path"},
      {"sysfs", "EPERM has-links"},
      {"fuse.sshfs", "? search"},
      {"nosuchfs", "? search"},
      {"nfs4", "? search"},
  };
  for (const auto& [type, wanted] : cases) {
    ExplainFacts facts = SceneOf(kLink);
    MoveTo(facts, MountOf(type));
    EXPECT_EQ(Ask(facts), wanted) << type;
  }
  ExplainFacts facts = SceneOf(kLink);
  ExplainedMount mount = MountOf("fuse.sshfs");
  mount.entry.super_options = {"rw", "user_id=0", "group_id=0", "default_permissions", "allow_other"};
  MoveTo(facts, mount);
  EXPECT_EQ(Ask(facts), "? has-links");
  mount.entry.super_options.pop_back();
  MoveTo(facts, mount);
  EXPECT_EQ(Ask(facts), "EACCES search") << "it is for who mounted it alone";
  facts.caller.caller = CallerWith(0, {}, {CAP_DAC_OVERRIDE, CAP_FOWNER});
  EXPECT_EQ(Ask(facts), "? has-links");
}

TEST(ExplainLink, DirectoriesAndRemovedFilesHaveNoOtherName) {
  ExplainFacts facts = SceneOf(kLink);
  facts.old_path.found->attributes.type = FileType::kDirectory;
  EXPECT_EQ(Ask(facts), "EPERM directory");
  facts = SceneOf(kLink);
  facts.old_path.found->attributes.nlink = 0;
  EXPECT_EQ(Ask(facts), "ENOENT link-count");
}

TEST(ExplainLink, TheLinkCountHasALimit) {
  const std::tuple<const char*, uint32_t, const char*> cases[] = {
      {"ext4", 64999, "ok"},
      {"ext4", 65000, "EMLINK link-count"},
      {"ext2", 32000, "EMLINK link-count"},
      {"xfs", 0x7FFFFFFE, "ok"},
      {"xfs", 0x7FFFFFFF, "EMLINK link-count"},
      {"btrfs", 65535, "EMLINK link-count"},
      {"tmpfs", 1000000, "ok"},
      {"overlay", 10, "ok"},
      {"overlay", 40000, "? link-count"},
  };
  for (const auto& [type, nlink, wanted] : cases) {
    ExplainFacts facts = SceneOf(kLink);
    MoveTo(facts, MountOf(type));
    facts.old_path.found->attributes.nlink = nlink;
    EXPECT_EQ(Ask(facts), wanted) << type << nlink;
  }
}

TEST(ExplainLink, PartsOfAFilesystemAreApart) {
  ExplainFacts facts = SceneOf(kLink);
  ParentOf(*facts.new_path).passes_project_on = true;
  EXPECT_EQ(Ask(facts), "ok");
  facts.old_path.found->project = 7;
  EXPECT_EQ(Ask(facts), "EXDEV project");
  facts.old_path.found->project.reset();
  EXPECT_EQ(Ask(facts), "? project");
  facts = SceneOf(kLink);
  MoveTo(facts, MountOf("btrfs"));
  ParentOf(*facts.new_path).device = 2;
  EXPECT_EQ(Ask(facts), "EXDEV one-mount");
  facts = SceneOf(kLink);
  ParentOf(*facts.new_path).is_encrypted = true;
  EXPECT_EQ(Ask(facts), "? encryption");
  facts = SceneOf(kLink);
  ExplainedMount mount = MountOf("ext4");
  mount.entry.options = {"rw", "idmapped"};
  MoveTo(facts, mount);
  EXPECT_EQ(Ask(facts), "? ids");
}

TEST(ExplainLink, OfMountsThatAreNotKnownNothingIsSaid) {
  ExplainFacts facts = SceneOf(kLink);
  MoveTo(facts, ExplainedMount{});
  EXPECT_EQ(VerdictOf(ChecksOf(facts)).outcome, Outcome::kUnknown);
}

TEST(ExplainLink, SecurityModulesMayRefuseToo) {
  ExplainFacts facts = SceneOf(kLink);
  facts.kernel.security = {"selinux"};
  EXPECT_EQ(Ask(facts), "? security");
}

ExplainFacts OnHardlinkfs(ExplainedOperation operation) {
  ExplainFacts facts = SceneOf(operation);
  ExplainedMount mount = MountOf("fuse.hardlinkfs");
  mount.entry.super_options = {"rw", "user_id=0", "group_id=0", "default_permissions", "allow_other"};
  MoveTo(facts, mount);
  facts.server = ExplainedServer{.state = "read-write", .policy = Policy()};
  return facts;
}

TEST(ExplainLink, OnHardlinkfsTheServerIsAskedLast) {
  ExplainFacts facts = OnHardlinkfs(kLink);
  EXPECT_EQ(Ask(facts), "ok");
  facts.server->policy.reset();
  EXPECT_EQ(Ask(facts), "? policy");
  facts.server->failure = "sync (EIO)";
  EXPECT_EQ(Ask(facts), "EROFS mount-state");
  facts = OnHardlinkfs(kLink);
  facts.server->error = ENOTCONN;
  EXPECT_EQ(Ask(facts), "? mount-state");
  facts = OnHardlinkfs(kLink);
  facts.server->reserve_whole = false;
  EXPECT_EQ(Ask(facts), "? reserve");
  facts = OnHardlinkfs(kLink);
  ParentOf(*facts.new_path).flags = FS_IMMUTABLE_FL;
  EXPECT_EQ(Ask(facts), "EPERM immutable");
  facts = OnHardlinkfs(kLink);
  facts.old_path.found->flags = FS_APPEND_FL;
  EXPECT_EQ(Ask(facts), "EPERM append-only");
  facts = OnHardlinkfs(kLink);
  facts.new_path->last_name = ".hardlinkfs";
  EXPECT_EQ(Ask(facts), "? mount-rules") << "only in the root";
  ParentOf(*facts.new_path).path = "/data";
  EXPECT_EQ(Ask(facts), "EPERM private");
  facts = OnHardlinkfs(kUnlink);
  facts.server->is_mirror = true;
  EXPECT_EQ(Ask(facts), "? backing");
  facts = OnHardlinkfs(ExplainedOperation::kWrite);
  facts.old_path.found->flags = kIunlinkFlag;
  EXPECT_EQ(Ask(facts), "EPERM iunlink");
  facts = OnHardlinkfs(ExplainedOperation::kUnlink);
  EXPECT_EQ(Ask(facts), "ok");
  facts.server->reserve_whole = false;
  EXPECT_EQ(Ask(facts), "ok") << "what frees space always works";
}

}  // namespace
}  // namespace hardlinkfs
