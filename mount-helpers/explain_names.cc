// do_unlinkat, do_renameat2, may_delete and vfs_rename of the kernel's fs/namei.c.
#include <cerrno>
#include <string>

#include "mount-helpers/explain_access.h"
#include "mount-helpers/explain_filesystems.h"
#include "mount-helpers/explain_operations.h"
#include "mount-helpers/explain_path_checks.h"
#include "mount-helpers/explain_room_checks.h"
#include "mount-helpers/explain_text.h"
#include "policy/access.h"
#include "policy/sticky.h"

namespace hardlinkfs {
namespace {

bool IsDirectory(const ExplainedInode& inode) { return inode.attributes.type == FileType::kDirectory; }

void CheckSticky(CheckList& list, const ExplainedInode& directory, const ExplainedInode& inode) {
  const ExplainFacts& facts = list.facts();
  const Decision decision = MayRemoveFrom(CallerOver(facts, inode.attributes), directory.attributes, inode.attributes);
  if (!decision.has_value()) {
    list.Pass("sticky", Describe(directory));
    return;
  }
  list.Fail(
      "sticky", Describe(directory), decision->code,
      std::string(decision->reason) + ": " + ShellWord(inode.path) + " is of " + OwnerText(inode) + ", not of " + CallerText(facts.caller),
      "as root: chown " + std::to_string(facts.caller.caller.uid) + " " + ShellWord(inode.path) + ", or chmod -t " +
          ShellWord(directory.path));
}

enum class SwapUse { kNone, kInUse };

// may_delete, of an entry that is removed, moved, or replaced.
void CheckRemovable(CheckList& list, const ExplainedInode& directory, const ExplainedInode& inode, SwapUse swap) {
  if (inode.look_error != 0) return;
  CheckIdMapping(list, inode);
  CheckDirectoryWritable(list, directory);
  CheckFlags(list, directory, Change::kLostEntry);
  if (inode.is_mount_root) {
    // What is mounted there was seen, and not what would be removed.
    if ((directory.attributes.mode & 01000U) != 0)
      list.CannotTell("sticky", Describe(directory), EPERM, "what is under the mount is hidden");
    return;
  }
  CheckSticky(list, directory, inode);
  CheckFlags(list, inode, Change::kLostName);
  if (swap == SwapUse::kInUse) list.Fail("swap", Describe(inode), EPERM, "the kernel swaps to it", "swapoff " + ShellWord(inode.path));
}

void CheckNotMounted(CheckList& list, const ExplainedInode& inode) {
  if (!inode.is_mount_root) return;
  list.Fail("mountpoint", Describe(inode), EBUSY, "something is mounted there", "umount " + ShellWord(inode.path));
}

void CheckChangesNames(CheckList& list, const ExplainedInode& directory) {
  const Trait answer = TraitsOf(directory.mount.driver).changes_names;
  const std::string subject = Describe(directory.mount);
  if (answer == Trait::kNo) list.Fail("names", subject, EPERM, "the kernel alone makes and removes names there", "");
  if (answer == Trait::kUnknown) {
    list.CannotTell("names", subject, EPERM, "it is not known whether names of a " + directory.mount.entry.type + " can be changed");
  }
}

void CheckNoDirectory(CheckList& list, const ExplainedInode& inode) {
  if (IsDirectory(inode))
    list.Fail("directory", Describe(inode), EISDIR, "it is a directory", "rmdir " + ShellWord(inode.path) + ", or rm -r");
}

void CheckLastIsName(CheckList& list, const ExplainedPath& path, int code) {
  if (path.walk_error != 0 || path.last == LastComponent::kName) return;
  list.Fail("path", ShellWord(path.given), code, "it ends in \"/\", \".\" or \"..\", which is no name of it",
            "give its name in its parent");
}

// vfs_rename where NEW is there.
void CheckReplaced(CheckList& list, const ExplainedInode& parent, const ExplainedInode& from, const ExplainedInode& replaced) {
  CheckRemovable(list, parent, replaced, list.facts().new_is_swap ? SwapUse::kInUse : SwapUse::kNone);
  if (IsDirectory(from) && !IsDirectory(replaced)) {
    list.Fail("kind", Describe(replaced), ENOTDIR, "a directory cannot replace what is no directory",
              "use another name, or remove it first");
  }
  if (!IsDirectory(from) && IsDirectory(replaced)) {
    list.Fail("kind", Describe(replaced), EISDIR, "NEW is a directory, and what would be moved is none",
              "name what is to be made in it, as mv(1) does by itself");
  }
}

// d_ancestor, by paths: within one mount a path without symlinks is one directory.
bool LiesIn(const std::string& inner, const std::string& outer) {
  return inner == outer || inner.starts_with(outer == "/" ? outer : outer + "/");
}

void CheckNoLoop(CheckList& list, const ExplainedPath& old_path, const ExplainedPath& new_path) {
  const ExplainedInode* const from = old_path.seen();
  if (from != nullptr && IsDirectory(*from) && LiesIn(new_path.parent().path, from->path)) {
    list.Fail("loop", ShellWord(new_path.parent().path), EINVAL, "a directory cannot be moved into itself", "move it elsewhere");
  }
  const ExplainedInode* const to = new_path.seen();
  if (to != nullptr && IsDirectory(*to) && LiesIn(old_path.parent().path, to->path)) {
    list.Fail("loop", Describe(*to), ENOTEMPTY, "NEW is a directory that what is moved lies in", "use another name");
  }
}

void CheckSlashes(CheckList& list, const ExplainedPath& old_path, const ExplainedPath& new_path) {
  const ExplainedInode* const from = old_path.seen();
  if (from == nullptr || IsDirectory(*from) || !new_path.ends_in_slash) return;
  list.Fail("path", ShellWord(new_path.given), ENOTDIR, "a slash is behind it, and what would be moved is no directory",
            "leave out the slash at the end");
}

// What do_renameat2 looks at before it looks up the names.
void CheckRenameParents(CheckList& list, const ExplainedPath& old_path, const ExplainedPath& new_path) {
  CheckWalk(list, old_path);
  CheckWalk(list, new_path);
  if (old_path.has_parent() && new_path.has_parent()) CheckOneMount(list, old_path.parent(), new_path.parent());
  CheckLastIsName(list, old_path, EBUSY);
  CheckLastIsName(list, new_path, EBUSY);
  if (old_path.has_parent()) CheckWritable(list, old_path.parent());
}

// A move of a directory changes its "..".
void CheckMovedDirectory(CheckList& list, const ExplainedInode& from) {
  const AccessAnswer answer = AskAccess(list.facts(), from, kMayWrite, AccessOf::kKernelAndServer);
  list.Add({"move-directory", Describe(from), answer.outcome, answer.outcome == Outcome::kPass ? 0 : EACCES, answer.reason, answer.cure});
}

void CheckRenameInFilesystem(CheckList& list, const ExplainedInode& from, const ExplainedPath& new_path) {
  const ExplainedInode* const to = new_path.seen();
  CheckNotMounted(list, from);
  if (to != nullptr) CheckNotMounted(list, *to);
  if (to != nullptr && IsDirectory(*to) && IsDirectory(from) && !to->is_mount_root) {
    if (!list.facts().replaced_is_empty.has_value()) {
      list.CannotTell("empty", Describe(*to), ENOTEMPTY, "whether it is empty cannot be seen", "run explain as root");
    } else if (!*list.facts().replaced_is_empty) {
      list.Fail("empty", Describe(*to), ENOTEMPTY, "NEW is a directory that is not empty", "use another name, or empty it first");
    }
  }
  CheckOneFilesystemPart(list, from, new_path.parent());
  if (to == nullptr) CheckRoomForName(list, new_path.parent(), new_path.last_name);
}

}  // namespace

void CheckUnlink(CheckList& list) {
  const ExplainedPath& path = list.facts().old_path;
  CheckWalk(list, path);
  CheckLastIsName(list, path, EISDIR);
  if (path.last != LastComponent::kName || !path.has_parent()) return;
  CheckWritable(list, path.parent());
  CheckExists(list, path);
  const ExplainedInode* const inode = path.seen();
  if (inode == nullptr) return;
  if (path.ends_in_slash) CheckNoDirectory(list, *inode);
  CheckRemovable(list, path.parent(), *inode, list.facts().old_is_swap ? SwapUse::kInUse : SwapUse::kNone);
  CheckNoDirectory(list, *inode);
  CheckChangesNames(list, path.parent());
  CheckNotMounted(list, *inode);
}

void CheckRename(CheckList& list) {
  const ExplainedPath& old_path = list.facts().old_path;
  const ExplainedPath& new_path = *list.facts().new_path;
  CheckRenameParents(list, old_path, new_path);
  if (!old_path.has_parent() || !new_path.has_parent()) return;
  if (old_path.last != LastComponent::kName || new_path.last != LastComponent::kName) return;
  CheckExists(list, old_path);
  if (new_path.last_error != 0 && new_path.last_error != ENOENT) CheckExists(list, new_path);
  CheckSlashes(list, old_path, new_path);
  CheckNoLoop(list, old_path, new_path);
  const ExplainedInode* const from = old_path.seen();
  const ExplainedInode* const to = new_path.seen();
  if (from == nullptr) return;
  if (to != nullptr && IsSame(*from, *to)) {
    list.Pass("same-file", Describe(*to) + ": nothing will be done, and both names stay");
    return;
  }
  CheckRemovable(list, old_path.parent(), *from, list.facts().old_is_swap ? SwapUse::kInUse : SwapUse::kNone);
  if (to != nullptr) {
    CheckReplaced(list, new_path.parent(), *from, *to);
  } else {
    CheckDirectoryWritable(list, new_path.parent());
  }
  CheckChangesNames(list, new_path.parent());
  if (IsDirectory(*from) && !IsSame(old_path.parent(), new_path.parent())) CheckMovedDirectory(list, *from);
  CheckRenameInFilesystem(list, *from, new_path);
}

}  // namespace hardlinkfs
