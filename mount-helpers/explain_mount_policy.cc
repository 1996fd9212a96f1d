#include "mount-helpers/explain_mount_policy.h"

#include <cerrno>
#include <cstring>
#include <string>

#include "mount-helpers/explain_filesystems.h"
#include "mount-helpers/explain_rules.h"
#include "mount-helpers/explain_text.h"
#include "policy/flags.h"
#include "store/backing/private_area.h"

namespace hardlinkfs {
namespace {

const ExplainedInode* ParentIn(const ExplainedPath& path) { return path.has_parent() ? &path.parent() : nullptr; }

// The server enforces flags, since the kernel does not know those of FUSE. What it would say of one inode and change.
void CheckServersFlags(CheckList& list, const ExplainedInode* inode, Change change) {
  if (inode == nullptr || inode->mount.driver != "fuse.hardlinkfs") return;
  if (!inode->flags.has_value()) {
    list.CannotTell("immutable", Describe(*inode), EPERM, "its flags cannot be read", "run explain as root");
    return;
  }
  const Decision decision = MayChange(*inode->flags, change);
  if (!decision.has_value()) return;
  const std::string path = ShellWord(inode->path);
  const std::string rule = decision->rule;
  const std::string cure =
      rule == "iunlink" ? "clear its iunlink flag, or write to a copy" : (rule == "immutable" ? "chattr -i " : "chattr -a ") + path;
  list.Fail(rule, Describe(*inode), decision->code, decision->reason, cure);
}

// In the order of Vfs::Link, Unlink, Rename and Open.
void CheckFlagsOfOperation(CheckList& list) {
  const ExplainFacts& facts = list.facts();
  const ExplainedInode* const inode = facts.old_path.seen();
  switch (facts.operation) {
    case ExplainedOperation::kLink:
      CheckServersFlags(list, ParentIn(*facts.new_path), Change::kNewEntry);
      CheckServersFlags(list, inode, Change::kNewName);
      return;
    case ExplainedOperation::kRename:
      CheckServersFlags(list, ParentIn(facts.old_path), Change::kLostEntry);
      CheckServersFlags(list, inode, Change::kLostName);
      if (const ExplainedInode* const replaced = facts.new_path->seen(); replaced != nullptr) {
        CheckServersFlags(list, ParentIn(*facts.new_path), Change::kLostEntry);
        CheckServersFlags(list, replaced, Change::kLostName);
      }
      CheckServersFlags(list, ParentIn(*facts.new_path), Change::kNewEntry);
      return;
    case ExplainedOperation::kUnlink:
      CheckServersFlags(list, ParentIn(facts.old_path), Change::kLostEntry);
      CheckServersFlags(list, inode, Change::kLostName);
      return;
    case ExplainedOperation::kWrite:
      CheckServersFlags(list, inode, Change::kContent);
      return;
  }
}

void CheckState(CheckList& list, const ExplainedMount& mount, const ExplainedServer& server) {
  const std::string subject = Describe(mount);
  if (server.error != 0) {
    list.CannotTell("mount-state", subject, EROFS, "its server cannot be asked: " + std::string(strerrordesc_np(server.error)));
    return;
  }
  const std::string at = ShellWord(mount.entry.mountpoint);
  if (!server.failure.empty()) {
    list.Fail("mount-state", subject, EROFS, "it has failed and takes no changes: " + ShellWord(server.failure),
              "see hardlinkfs status " + at + ", then unmount and mount it again");
    return;
  }
  list.Pass("mount-state", subject + ": " + ShellWord(server.state));
  if (server.is_mirror) {
    list.CannotTell("backing", subject, EXDEV, "a mirror: what the filesystem of " + ShellWord(server.source) + " says is not asked for",
                    "explain the same of " + ShellWord(server.source));
  }
  const bool needs_room = list.facts().operation == ExplainedOperation::kLink || list.facts().operation == ExplainedOperation::kRename;
  if (!needs_room || server.reserve_whole) return;
  list.CannotTell("reserve", subject, ENOSPC,
                  "it is full but for its reserve, which is for removing; it is refused unless there is room by then",
                  "remove something from " + at);
}

// S-PRIVATE-2: only in the root of the volume, wherever that is mounted.
void CheckNotPrivate(CheckList& list, const ExplainedPath& path) {
  const MountEntry& mount = path.parent().mount.entry;
  const bool is_root = path.parent().path == mount.mountpoint && mount.root == "/";
  const bool is_mirror = list.facts().server.has_value() && list.facts().server->is_mirror;
  if (path.last_name != kPrivateAreaName || !is_root || is_mirror) return;
  list.Fail("private", ShellWord(path.given), EPERM, "that name is for what hardlinkfs keeps beside the files", "use another name");
}

void CheckHardlinkfs(CheckList& list, const ExplainedMount& mount) {
  const ExplainFacts& facts = list.facts();
  if (facts.server.has_value()) CheckState(list, mount, *facts.server);
  if (facts.new_path.has_value()) CheckNotPrivate(list, *facts.new_path);
  CheckFlagsOfOperation(list);
  if (facts.server.has_value()) CheckRules(list, mount, *facts.server);
}

}  // namespace

void CheckMountPolicy(CheckList& list) {
  const ExplainedInode* const place = PlaceOf(list.facts());
  if (place == nullptr || !IsFuse(place->mount.driver)) return;
  if (place->mount.driver == "fuse.hardlinkfs") {
    CheckHardlinkfs(list, place->mount);
  } else if (list.facts().operation != ExplainedOperation::kLink || TraitsOf(place->mount.driver).hard_links == Trait::kYes) {
    list.CannotTell("server", Describe(place->mount), EPERM, "a FUSE filesystem: its server decides, and may refuse it with any errno");
  }
}

}  // namespace hardlinkfs
