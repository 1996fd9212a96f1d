#include "mount-helpers/explain_path_checks.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "mount-helpers/explain_access.h"
#include "mount-helpers/explain_filesystems.h"
#include "mount-helpers/explain_text.h"
#include "policy/access.h"
#include "policy/sticky.h"

namespace hardlinkfs {
namespace {

constexpr char kDifferentFilesystems[] = "use ln -s, or a copy (cp --reflink=auto), instead: a hard link stays in one filesystem";
constexpr char kDifferentMove[] = "use mv(1), which copies and removes: a rename stays in one filesystem";

std::string WalkCure(int code) {
  switch (code) {
    case ENOENT:
      return "make it first, or correct the path";
    case ENOTDIR:
      return "correct the path: what is before a slash has to be a directory";
    case ELOOP:
      return "correct the symlinks on the way, which lead in a circle, or are more than 40";
    case ENAMETOOLONG:
      return "use a shorter name or path";
    case ENOTCONN:
    case ECONNABORTED:
      return "unmount it and mount it again: its server has died";
    default:
      return "";
  }
}

// A look that was refused may be explain's own trouble; one that failed is everybody's.
bool IsBroken(const ExplainedInode& inode) { return inode.look_error != 0 && inode.look_error != EACCES && inode.look_error != EPERM; }

void CheckSearch(CheckList& list, const ExplainedInode& directory) {
  if (IsBroken(directory)) return;
  const AccessAnswer answer = AskAccess(list.facts(), directory, kMayExecute, AccessOf::kKernelAndServer);
  list.Add({"search", Describe(directory), answer.outcome, answer.outcome == Outcome::kPass ? 0 : EACCES, answer.reason, answer.cure});
}

// pick_link and may_follow_link in the kernel.
void CheckFollowed(CheckList& list, const LookedUp& step) {
  const ExplainFacts& facts = list.facts();
  const std::string subject = Describe(*step.symlink);
  if (step.is_last && MayFollow(facts.caller.caller, step.directory.attributes, step.symlink->attributes).has_value()) {
    if (!facts.kernel.protected_symlinks.has_value()) {
      list.CannotTell("protected_symlinks", subject, EACCES, "/proc/sys/fs/protected_symlinks cannot be read");
    } else if (*facts.kernel.protected_symlinks) {
      list.Fail("protected_symlinks", subject, EACCES, "another's symlink in a sticky directory that everybody may write in",
                "use the path that it leads to, or sysctl fs.protected_symlinks=0");
    }
  }
  if (HasOption(step.directory.mount.entry.options, "nosymfollow")) {
    list.Fail("symlinks", subject, ELOOP, "no symlink is followed in " + Describe(step.directory.mount) + ": nosymfollow",
              "use the path that it leads to");
  }
}

// RETURNS: whether it was told already that a directory on the way cannot be searched.
bool IsBarred(const ExplainFacts& facts, const ExplainedPath& path) {
  return std::ranges::any_of(path.lookups, [&facts](const LookedUp& step) {
    return AskAccess(facts, step.directory, kMayExecute, AccessOf::kKernelAndServer).outcome != Outcome::kPass;
  });
}

std::string Reason(int code) {
  if (code == ENOENT) return "there is nothing by that name";
  return code == ENOTDIR ? "it is no directory" : strerrordesc_np(code);
}

void CheckWalkEnd(CheckList& list, const ExplainedPath& path) {
  if (path.walk_error == 0) return;
  const std::string subject = ShellWord(path.failed_at);
  if (path.walk_error == EACCES && IsBarred(list.facts(), path)) return;
  const std::string reason = Reason(path.walk_error);
  if (path.was_barred && !list.facts().caller.is_self) {
    list.CannotTell("path", subject, path.walk_error, "explain itself gets: " + reason, "run explain as root");
    return;
  }
  list.Fail("path", subject, path.walk_error, reason, WalkCure(path.walk_error));
}

std::string MoveText(const ExplainedInode& from, const ExplainedInode& to) {
  const std::string both = Describe(from.mount) + " and " + Describe(to.mount);
  if (from.mount.entry.device == to.mount.entry.device) return "two mounts of one filesystem: " + both;
  std::string text = "different filesystems: " + both;
  for (const ExplainedInode* const inode : {&from, &to}) {
    if (IsFuse(inode->mount.driver))
      text += "; " + ShellWord(inode->mount.entry.mountpoint) + " is a FUSE filesystem of its own, whatever it shows";
  }
  return text;
}

std::string MoveCure(const ExplainFacts& facts, const ExplainedInode& from, const ExplainedInode& to) {
  const bool links = facts.operation == ExplainedOperation::kLink;
  if (facts.one_mount.has_value()) {
    return "go through one mount: " + std::string(links ? "ln " : "mv ") + ShellWord(facts.one_mount->old_path) + " " +
           ShellWord(facts.one_mount->new_path);
  }
  if (from.mount.entry.device == to.mount.entry.device) {
    return "mount a directory that both are below at one place, and go through that: no mount that can be seen here shows both";
  }
  std::string cure = links ? kDifferentFilesystems : kDifferentMove;
  if (links && IsFuse(to.mount.driver)) {
    cure += "; whether a link inside of " + ShellWord(to.mount.entry.mountpoint) + " works is for its FUSE server to say";
  }
  return cure;
}

bool HasProjects(const ExplainedInode& inode) {
  const std::string& driver = inode.mount.driver;
  return driver == "ext4" || driver == "xfs" || driver == "f2fs";
}

void CheckProject(CheckList& list, const ExplainedInode& inode, const ExplainedInode& new_parent) {
  if (!HasProjects(new_parent) || !new_parent.passes_project_on) return;
  const std::string subject = ShellWord(inode.path);
  if (!inode.project.has_value()) {
    list.CannotTell("project", subject, EXDEV, "what project it is of cannot be read, and " + ShellWord(new_parent.path) + " keeps to one");
  } else if (inode.project != new_parent.project) {
    const std::string project = std::to_string(new_parent.project.value_or(0));
    list.Fail("project", subject, EXDEV,
              "it is of project " + std::to_string(*inode.project) + ", " + ShellWord(new_parent.path) + " takes only " + project +
                  " (chattr +P)",
              "chattr -p " + project + " " + subject);
  } else {
    list.Pass("project", subject);
  }
}

}  // namespace

bool IsSame(const ExplainedInode& a, const ExplainedInode& b) {
  return a.look_error == 0 && b.look_error == 0 && a.mount.entry.id == b.mount.entry.id && a.device == b.device &&
         a.attributes.number == b.attributes.number;
}

void CheckWalk(CheckList& list, const ExplainedPath& path) {
  for (const LookedUp& step : path.lookups) {
    CheckSearch(list, step.directory);
    if (step.symlink.has_value()) CheckFollowed(list, step);
  }
  CheckWalkEnd(list, path);
}

void CheckExists(CheckList& list, const ExplainedPath& path) {
  if (path.walk_error != 0) return;
  if (path.last_error != 0) {
    if (path.last_error == EACCES && IsBarred(list.facts(), path)) return;
    const std::string reason = Reason(path.last_error);
    if (path.was_barred && !list.facts().caller.is_self) {
      list.CannotTell("path", ShellWord(path.failed_at), path.last_error, "explain itself gets: " + reason, "run explain as root");
    } else {
      list.Fail("path", ShellWord(path.failed_at), path.last_error, reason, WalkCure(path.last_error));
    }
    return;
  }
  if (!path.found.has_value()) return;
  if (IsBroken(*path.found)) {
    const int code = path.found->look_error;
    list.Fail("path", Describe(*path.found), code, strerrordesc_np(code), WalkCure(code));
  } else if (path.found->look_error != 0) {
    list.CannotTell("path", Describe(*path.found), path.found->look_error, "explain itself may not look at it", "run explain as root");
  } else if (path.ends_in_slash && path.found->attributes.type != FileType::kDirectory) {
    list.Fail("path", Describe(*path.found), ENOTDIR, "a slash is behind it, and it is no directory", "leave out the slash at the end");
  } else {
    list.Pass("path", Describe(*path.found));
  }
}

void CheckWritable(CheckList& list, const ExplainedInode& directory) {
  const MountEntry& mount = directory.mount.entry;
  if (mount.type.empty()) {
    list.CannotTell("mount", ShellWord(directory.path), EROFS, "its mount is not in /proc/self/mountinfo");
    return;
  }
  const std::string subject = Describe(directory.mount);
  const std::string at = ShellWord(mount.mountpoint);
  if (HasOption(mount.super_options, "ro")) {
    list.Fail("read-only", subject, EROFS, "the filesystem is mounted read-only, by an option or after an error",
              "look for an error in dmesg; then mount -o remount,rw " + at);
  } else if (HasOption(mount.options, "ro")) {
    list.Fail("read-only", subject, EROFS, "this mount is read-only", "mount -o remount,bind,rw " + at);
  } else {
    list.Pass("writable", subject);
  }
}

void CheckOneMount(CheckList& list, const ExplainedInode& old_inode, const ExplainedInode& new_parent) {
  if (old_inode.mount.entry.id == 0 || new_parent.mount.entry.id == 0) {
    list.CannotTell("one-mount", ShellWord(new_parent.path), EXDEV, "/proc does not tell in which mounts they are");
    return;
  }
  if (old_inode.mount.entry.id == new_parent.mount.entry.id) {
    list.Pass("one-mount", Describe(new_parent.mount));
    return;
  }
  list.Fail("one-mount", ShellWord(old_inode.path) + ", " + ShellWord(new_parent.path), EXDEV, MoveText(old_inode, new_parent),
            MoveCure(list.facts(), old_inode, new_parent));
}

void CheckDirectoryWritable(CheckList& list, const ExplainedInode& directory) {
  if (directory.look_error == 0 && directory.attributes.nlink == 0) {
    list.Fail("path", Describe(directory), ENOENT, "the directory has been removed", "change to one that is there");
  }
  const bool knows_flags = directory.flags.has_value() || IsFuse(directory.mount.driver);
  if (!knows_flags) list.CannotTell("immutable", Describe(directory), EPERM, "its flags cannot be read", "run explain as root");
  if (!IsFuse(directory.mount.driver) && (directory.flags.value_or(0) & FS_IMMUTABLE_FL) != 0) {
    list.Fail("immutable", Describe(directory), EPERM, "the directory is immutable (chattr +i)", "chattr -i " + ShellWord(directory.path));
  }
  const AccessAnswer answer = AskAccess(list.facts(), directory, kMayWrite | kMayExecute, AccessOf::kKernelAndServer);
  list.Add(
      {"write-directory", Describe(directory), answer.outcome, answer.outcome == Outcome::kPass ? 0 : EACCES, answer.reason, answer.cure});
}

void CheckFlags(CheckList& list, const ExplainedInode& inode, Change change) {
  if (IsFuse(inode.mount.driver) || inode.look_error != 0) return;
  if (!inode.flags.has_value()) {
    list.CannotTell("immutable", Describe(inode), EPERM, "its flags cannot be read", "run explain as root");
    return;
  }
  const Decision decision = MayChange(*inode.flags & (FS_IMMUTABLE_FL | FS_APPEND_FL), change);
  if (!decision.has_value()) {
    list.Pass("flags", Describe(inode));
    return;
  }
  const bool is_immutable = (*inode.flags & FS_IMMUTABLE_FL) != 0;
  list.Fail(decision->rule, Describe(inode), decision->code, decision->reason,
            std::string(is_immutable ? "chattr -i " : "chattr -a ") + ShellWord(inode.path));
}

void CheckIdMapping(CheckList& list, const ExplainedInode& inode) {
  if (!HasOption(inode.mount.entry.options, "idmapped")) return;
  list.CannotTell("ids", Describe(inode.mount), EOVERFLOW, "an idmapped mount: it may have no number for the caller, or for the owner");
}

void CheckOneFilesystemPart(CheckList& list, const ExplainedInode& inode, const ExplainedInode& new_parent) {
  if (inode.look_error != 0 || new_parent.look_error != 0 || inode.mount.entry.id != new_parent.mount.entry.id) return;
  if (inode.mount.driver == "btrfs" && inode.device != new_parent.device) {
    list.Fail("one-mount", ShellWord(inode.path) + ", " + ShellWord(new_parent.path), EXDEV, "different subvolumes of one btrfs",
              "copy it (cp --reflink=always shares the content)");
  }
  CheckProject(list, inode, new_parent);
  if (new_parent.is_encrypted) {
    list.CannotTell("encryption", Describe(new_parent), EXDEV,
                    "the directory is encrypted: it takes only what has the same policy (EXDEV), with its key (ENOKEY)");
  }
}

}  // namespace hardlinkfs
