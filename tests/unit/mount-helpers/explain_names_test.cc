// What explain makes of the facts of an unlink, a rename and a write.
#include <linux/capability.h>
#include <linux/fs.h>

#include <cerrno>

#include "tests/unit/mount-helpers/explain_scene.h"

namespace hardlinkfs {
namespace {

ExplainedMount ReadOnly() {
  ExplainedMount mount = MountOf("ext4");
  mount.entry.options = {"ro"};
  return mount;
}

TEST(ExplainUnlink, AsksTheDirectoryThenTheFile) {
  ExplainFacts facts = SceneOf(kUnlink);
  EXPECT_EQ(Ask(facts), "ok");
  facts.old_path.found->flags = FS_APPEND_FL;
  EXPECT_EQ(Ask(facts), "EPERM append-only");
  facts.old_path.found->flags = FS_IMMUTABLE_FL;
  EXPECT_EQ(Ask(facts), "EPERM immutable");
  ParentOf(facts.old_path).attributes.mode = 0;
  EXPECT_EQ(Ask(facts), "EACCES search");
  ParentOf(facts.old_path).attributes.mode = 0100;
  EXPECT_EQ(Ask(facts), "EACCES write-directory");
  ParentOf(facts.old_path).flags = FS_IMMUTABLE_FL;
  EXPECT_EQ(Ask(facts), "EPERM immutable");
  facts = SceneOf(kUnlink);
  ParentOf(facts.old_path).flags = FS_APPEND_FL;
  EXPECT_EQ(Ask(facts), "EPERM append-only");
}

TEST(ExplainUnlink, OfAReadOnlyMountComesBeforeTheName) {
  ExplainFacts facts = SceneOf(kUnlink);
  MoveTo(facts, ReadOnly());
  facts.old_path.found.reset();
  facts.old_path.last_error = ENOENT;
  EXPECT_EQ(Ask(facts), "EROFS read-only");
  facts.old_path.last = LastComponent::kDot;
  EXPECT_EQ(Ask(facts), "EISDIR path");
}

TEST(ExplainUnlink, OfStickyDirectoriesIsForOwners) {
  ExplainFacts facts = SceneOf(kUnlink, CallerWith(kBob));
  ParentOf(facts.old_path).attributes.mode = 01777;
  EXPECT_EQ(Ask(facts), "EPERM sticky");
  facts.caller.caller = CallerWith(kBob, {}, {CAP_FOWNER});
  EXPECT_EQ(Ask(facts), "ok");
}

TEST(ExplainUnlink, KnowsKindsAndUses) {
  ExplainFacts facts = SceneOf(kUnlink);
  facts.old_path.found->attributes.type = FileType::kDirectory;
  EXPECT_EQ(Ask(facts), "EISDIR directory");
  facts = SceneOf(kUnlink);
  facts.old_path.ends_in_slash = true;
  EXPECT_EQ(Ask(facts), "ENOTDIR path");
  facts = SceneOf(kUnlink);
  facts.old_is_swap = true;
  EXPECT_EQ(Ask(facts), "EPERM swap");
  facts = SceneOf(kUnlink);
  facts.old_path.found->is_mount_root = true;
  EXPECT_EQ(Ask(facts), "EBUSY mountpoint");
  facts = SceneOf(kUnlink);
  MoveTo(facts, MountOf("sysfs"));
  EXPECT_EQ(Ask(facts), "EPERM names");
  MoveTo(facts, MountOf("nosuchfs"));
  EXPECT_EQ(Ask(facts), "? search");
  MoveTo(facts, MountOf("configfs"));
  EXPECT_EQ(Ask(facts), "? names");
  MoveTo(facts, MountOf("fuse.sshfs"));
  EXPECT_EQ(Ask(facts), "? search");
  facts = SceneOf(kUnlink);
  facts.room.available_blocks = 0;
  facts.room.free_blocks = 0;
  EXPECT_EQ(Ask(facts), "ok") << "removing takes no room";
}

TEST(ExplainRename, OfNothingWrongSucceeds) { EXPECT_EQ(Ask(SceneOf(kRename)), "ok"); }

TEST(ExplainRename, MountsComeFirst) {
  ExplainFacts facts = SceneOf(kRename);
  facts.old_path.found.reset();
  facts.old_path.last_error = ENOENT;
  facts.old_path.failed_at = "/data/a/f";
  EXPECT_EQ(Ask(facts), "ENOENT path");
  MoveTo(facts, ReadOnly());
  EXPECT_EQ(Ask(facts), "EROFS read-only");
  ParentOf(*facts.new_path).mount = MountOf("ext4", "/srv", 11);
  EXPECT_EQ(Ask(facts), "EXDEV one-mount");
}

TEST(ExplainRename, OntoTheSameFileDoesNothing) {
  ExplainFacts facts = SceneOf(kRename, CallerWith(kBob));
  PutNew(facts, FileType::kRegular).attributes.number = 3;
  EXPECT_EQ(Ask(facts), "ok");
}

TEST(ExplainRename, BothDirectoriesAreAsked) {
  ExplainFacts facts = SceneOf(kRename);
  ParentOf(*facts.new_path).attributes.mode = 0500;
  EXPECT_EQ(Ask(facts), "EACCES write-directory");
  ParentOf(facts.old_path).flags = FS_APPEND_FL;
  EXPECT_EQ(Ask(facts), "EPERM append-only");
  facts = SceneOf(kRename);
  ParentOf(*facts.new_path).flags = FS_APPEND_FL;
  EXPECT_EQ(Ask(facts), "ok");
  PutNew(facts, FileType::kRegular);
  EXPECT_EQ(Ask(facts), "EPERM append-only");
}

TEST(ExplainRename, WhatIsReplacedIsProtectedToo) {
  ExplainFacts facts = SceneOf(kRename, CallerWith(kBob));
  ParentOf(facts.old_path).attributes.mode = 0777;
  ParentOf(*facts.new_path).attributes.mode = 01777;
  EXPECT_EQ(Ask(facts), "ok");
  PutNew(facts, FileType::kRegular);
  EXPECT_EQ(Ask(facts), "EPERM sticky");
  facts.new_path->found->attributes.uid = kBob;
  EXPECT_EQ(Ask(facts), "ok");
  facts.new_path->found->flags = FS_IMMUTABLE_FL;
  EXPECT_EQ(Ask(facts), "EPERM immutable");
  facts.new_path->found->flags = 0;
  facts.new_is_swap = true;
  EXPECT_EQ(Ask(facts), "EPERM swap");
}

TEST(ExplainRename, KindsHaveToFit) {
  ExplainFacts facts = SceneOf(kRename);
  PutNew(facts, FileType::kDirectory);
  EXPECT_EQ(Ask(facts), "EISDIR kind");
  facts.old_path.found->attributes.type = FileType::kDirectory;
  facts.old_path.found->attributes.mode = 0755;
  EXPECT_EQ(Ask(facts), "? empty");
  facts.replaced_is_empty = false;
  EXPECT_EQ(Ask(facts), "ENOTEMPTY empty");
  facts.replaced_is_empty = true;
  EXPECT_EQ(Ask(facts), "ok");
  facts.new_path->found->attributes.type = FileType::kRegular;
  EXPECT_EQ(Ask(facts), "ENOTDIR kind");
}

TEST(ExplainRename, OfDirectoriesMakesNoLoops) {
  ExplainFacts facts = SceneOf(kRename);
  facts.old_path.found = InodeOf("/data/b", FileType::kDirectory, 0755, kAlice, 4);
  EXPECT_EQ(Ask(facts), "EINVAL loop");
  facts.old_path.found = InodeOf("/data/a/f", FileType::kDirectory, 0755, kAlice, 3);
  facts.new_path->last_error = 0;
  facts.new_path->found = InodeOf("/data/a", FileType::kDirectory, 0755, kAlice, 2);
  EXPECT_EQ(Ask(facts), "ENOTEMPTY loop");
}

TEST(ExplainRename, OfADirectoryElsewhereWritesItsParentEntry) {
  ExplainFacts facts = SceneOf(kRename);
  facts.old_path.found->attributes.type = FileType::kDirectory;
  facts.old_path.found->attributes.mode = 0555;
  EXPECT_EQ(Ask(facts), "EACCES move-directory");
  ParentOf(*facts.new_path) = ParentOf(facts.old_path);
  EXPECT_EQ(Ask(facts), "ok");
}

TEST(ExplainRename, PathsThatEndInNoNameAreBusy) {
  ExplainFacts facts = SceneOf(kRename);
  facts.new_path->last = LastComponent::kDotDot;
  EXPECT_EQ(Ask(facts), "EBUSY path");
  facts = SceneOf(kRename);
  facts.new_path->ends_in_slash = true;
  EXPECT_EQ(Ask(facts), "ENOTDIR path");
  facts = SceneOf(kRename);
  facts.old_path.found->is_mount_root = true;
  EXPECT_EQ(Ask(facts), "EBUSY mountpoint");
}

TEST(ExplainWrite, AsksInTheOrderOfOpen) {
  ExplainFacts facts = SceneOf(kWrite);
  EXPECT_EQ(Ask(facts), "ok");
  MoveTo(facts, ReadOnly());
  EXPECT_EQ(Ask(facts), "EROFS read-only");
  facts.old_is_executed = true;
  EXPECT_EQ(Ask(facts), "ETXTBSY busy");
  facts.old_path.found->flags = FS_APPEND_FL;
  EXPECT_EQ(Ask(facts), "EPERM append-only");
  facts.old_path.found->attributes.mode = 0400;
  EXPECT_EQ(Ask(facts), "EACCES write");
  facts.old_path.found->flags = FS_IMMUTABLE_FL;
  EXPECT_EQ(Ask(facts), "EPERM immutable");
  facts.old_path.found->mount.entry.super_options = {"ro"};
  EXPECT_EQ(Ask(facts), "EROFS read-only");
  facts.old_path.found->attributes.type = FileType::kDirectory;
  EXPECT_EQ(Ask(facts), "EISDIR directory");
}

TEST(ExplainWrite, OfDevicesIsTheirDrivers) {
  ExplainFacts facts = SceneOf(kWrite);
  facts.old_path.found->attributes.type = FileType::kCharacterDevice;
  EXPECT_EQ(Ask(facts), "? device");
  facts.old_path.found->mount.entry.options = {"ro", "nodev"};
  EXPECT_EQ(Ask(facts), "EACCES nodev");
  facts.old_path.found->attributes.type = FileType::kFifo;
  EXPECT_EQ(Ask(facts), "ok") << "a fifo of a read-only mount can be written to";
  facts.old_path.found->attributes.type = FileType::kSocket;
  EXPECT_EQ(Ask(facts), "ENXIO kind");
}

TEST(ExplainWrite, FollowsNoSymlinkOfOthersInStickyDirectories) {
  ExplainFacts facts = SceneOf(kWrite, CallerWith(kAlice));
  ParentOf(facts.old_path).attributes = InodeOf("/tmp", FileType::kDirectory, 01777, 0, 2).attributes;
  facts.old_path.lookups.back().symlink = InodeOf("/tmp/s", FileType::kSymlink, 0777, kBob, 9);
  EXPECT_EQ(Ask(facts), "EACCES protected_symlinks");
  facts.kernel.protected_symlinks.reset();
  EXPECT_EQ(Ask(facts), "? protected_symlinks");
  facts.kernel.protected_symlinks = false;
  EXPECT_EQ(Ask(facts), "ok");
  ParentOf(facts.old_path).mount.entry.options = {"nosymfollow"};
  EXPECT_EQ(Ask(facts), "ELOOP symlinks");
}

}  // namespace
}  // namespace hardlinkfs
