// do_linkat, may_linkat and vfs_link of the kernel's fs/namei.c.
#include <cerrno>
#include <cstring>
#include <string>

#include "mount-helpers/explain_access.h"
#include "mount-helpers/explain_filesystems.h"
#include "mount-helpers/explain_operations.h"
#include "mount-helpers/explain_path_checks.h"
#include "mount-helpers/explain_room_checks.h"
#include "mount-helpers/explain_text.h"
#include "policy/access.h"
#include "policy/link_rules.h"

namespace hardlinkfs {
namespace {

// Every filesystem that has links lets a file have as many; MINIX has the fewest.
constexpr uint32_t kAlwaysPossible = 250;

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string CureOfExisting(const ExplainFacts& facts, const ExplainedInode& there) {
  if (facts.old_path.found.has_value() && IsSame(*facts.old_path.found, there))
    return "nothing is to be done: it is a name of that file already";
  if (there.attributes.type == FileType::kDirectory) {
    const std::string name = facts.old_path.found.has_value() ? BaseName(facts.old_path.found->path) : facts.old_path.last_name;
    return "name what is to be made in it, as ln(1) does by itself: " + ShellWord(there.path + (there.path == "/" ? "" : "/") + name);
  }
  return "use another name, or remove that one first (ln -f)";
}

// filename_create: what is there is told of before a read-only mount is.
void CheckNewName(CheckList& list, const ExplainedPath& path) {
  if (path.walk_error != 0) return;
  if (path.found.has_value()) {
    list.Fail("exists", Describe(*path.found), EEXIST, "NEW is there already", CureOfExisting(list.facts(), *path.found));
  } else if (path.last_error != ENOENT) {
    CheckExists(list, path);
  } else if (path.has_parent() && path.parent().mount.driver == "proc") {
    // Its lookups fail, where those of others find that there is nothing.
    list.Fail("path", ShellWord(path.failed_at), ENOENT, "no name can be added to a proc", "");
  } else if (path.ends_in_slash) {
    list.Fail("path", ShellWord(path.failed_at), ENOENT, "a slash is behind it, which only a directory can have",
              "leave out the slash at the end");
  } else {
    list.Pass("free-name", ShellWord(path.failed_at));
  }
}

std::string CureOfProtection(const ExplainFacts& facts, const ExplainedInode& inode) {
  const std::string path = ShellWord(inode.path);
  const std::string uid = std::to_string(facts.caller.caller.uid);
  const bool is_follower = inode.attributes.type == FileType::kSymlink;
  std::string cure = std::string("as root: ") + (is_follower ? "chown -h " : "chown ") + uid + " " + path;
  const bool is_plain = inode.attributes.type == FileType::kRegular && !IsPrivileged(inode.attributes.mode);
  if (is_plain) cure += "; or let him read and write it: setfacl -m u:" + uid + ":rw " + path;
  return cure + "; or, for the whole machine, sysctl fs.protected_hardlinks=0";
}

// safe_hardlink_source asks inode_permission, to which flags and read-only filesystems count.
AccessAnswer MayReadAndWrite(const ExplainFacts& facts, const ExplainedInode& inode) {
  const bool is_fixed = !IsFuse(inode.mount.driver) && (inode.flags.value_or(0) & FS_IMMUTABLE_FL) != 0;
  if (is_fixed || HasOption(inode.mount.entry.super_options, "ro")) return {Outcome::kFail, "", ""};
  return AskAccess(facts, inode, kMayRead | kMayWrite, AccessOf::kKernel);
}

void CheckProtectedHardlinks(CheckList& list, const ExplainedInode& inode) {
  const ExplainFacts& facts = list.facts();
  const AccessAnswer access = MayReadAndWrite(facts, inode);
  const LinkRules rules{.protection = LinkProtection::kOn};
  const auto ask = [&](bool may_read_and_write) {
    return MayLink(rules, CallerOver(facts, inode.attributes), inode.attributes, [=] { return may_read_and_write; });
  };
  const std::string subject = Describe(inode);
  const Decision decision = ask(access.outcome == Outcome::kPass);
  if (facts.kernel.protected_hardlinks == false || !decision.has_value()) {
    list.Pass("protected_hardlinks", subject);
    return;
  }
  const std::string reason = std::string(decision->reason) + "; the owner is " + OwnerText(inode) + ", not " + CallerText(facts.caller);
  const std::string cure = CureOfProtection(facts, inode);
  if (!facts.kernel.protected_hardlinks.has_value()) {
    list.CannotTell("protected_hardlinks", subject, EPERM, "/proc/sys/fs/protected_hardlinks cannot be read; if it is 1: " + reason, cure);
  } else if (access.outcome == Outcome::kUnknown && !ask(true).has_value()) {
    list.CannotTell("protected_hardlinks", subject, EPERM, access.reason + "; if he may not read and write it: " + reason, cure);
  } else {
    list.Fail("protected_hardlinks", subject, EPERM, reason + " (fs.protected_hardlinks=1)", cure);
  }
}

void CheckHasLinks(CheckList& list, const ExplainedInode& directory) {
  const std::string subject = Describe(directory.mount);
  const FilesystemTraits traits = TraitsOf(directory.mount.driver);
  switch (traits.hard_links) {
    case Trait::kYes:
      list.Pass("has-links", subject);
      return;
    case Trait::kNo:
      list.Fail("has-links", subject, EPERM, directory.mount.driver + " has no hard links",
                traits.changes_names == Trait::kYes ? "mount hardlinkfs over it (hardlinkfs mount), or use ln -s, or a copy" : "");
      return;
    case Trait::kUnknown:
      break;
  }
  const bool is_fuse = IsFuse(directory.mount.driver);
  list.CannotTell("has-links", subject, EPERM,
                  is_fuse ? "a FUSE filesystem: its server decides whether there are links"
                          : "it is not known whether a " + directory.mount.entry.type + " has hard links");
}

void CheckLinkable(CheckList& list, const ExplainedInode& inode) {
  if (inode.attributes.type == FileType::kDirectory) {
    list.Fail("directory", Describe(inode), EPERM, "a directory can have only one name", "use ln -s, or mount --bind");
    return;
  }
  const std::string subject = ShellWord(inode.path) + ": " + std::to_string(inode.attributes.nlink);
  const uint64_t limit = TraitsOf(inode.mount.driver).max_links;
  if (inode.attributes.nlink == 0) {
    list.Fail("link-count", subject, ENOENT, "the file has been removed", "");
  } else if (limit == kUnknownLinkLimit && inode.attributes.nlink >= kAlwaysPossible && inode.mount.driver != "fuse.hardlinkfs") {
    list.CannotTell("link-count", subject, EMLINK, "how many names a file can have on " + inode.mount.entry.type + " is not known");
  } else if (limit != kUnknownLinkLimit && inode.attributes.nlink >= limit) {
    list.Fail("link-count", subject, EMLINK, "no file of " + inode.mount.driver + " can have more than " + std::to_string(limit) + " names",
              "copy the file, and link the copy; or remove names of it (find " + ShellWord(inode.mount.entry.mountpoint) +
                  " -xdev -samefile " + ShellWord(inode.path) + ")");
  } else {
    list.Pass("link-count", subject);
  }
}

}  // namespace

void CheckLink(CheckList& list) {
  const ExplainedPath& old_path = list.facts().old_path;
  const ExplainedPath& new_path = *list.facts().new_path;
  CheckWalk(list, old_path);
  CheckExists(list, old_path);
  CheckWalk(list, new_path);
  CheckNewName(list, new_path);
  const ExplainedInode* const inode = old_path.found.has_value() ? &*old_path.found : nullptr;
  const ExplainedInode* const parent = new_path.has_parent() ? &new_path.parent() : nullptr;
  const bool was_seen = inode != nullptr && inode->look_error == 0;
  if (parent != nullptr) CheckWritable(list, *parent);
  if (inode != nullptr && parent != nullptr) CheckOneMount(list, *inode, *parent);
  if (was_seen) CheckIdMapping(list, *inode);
  if (was_seen) CheckProtectedHardlinks(list, *inode);
  if (parent != nullptr) CheckDirectoryWritable(list, *parent);
  if (was_seen) CheckFlags(list, *inode, Change::kNewName);
  if (parent != nullptr) CheckHasLinks(list, *parent);
  if (was_seen) CheckLinkable(list, *inode);
  if (was_seen && parent != nullptr) CheckOneFilesystemPart(list, *inode, *parent);
  if (parent != nullptr) CheckRoomForName(list, *parent, new_path.last_name);
}

}  // namespace hardlinkfs
