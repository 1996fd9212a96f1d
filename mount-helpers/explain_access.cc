#include "mount-helpers/explain_access.h"

#include <linux/capability.h>

#include <algorithm>
#include <cstring>

#include "mount-helpers/explain_filesystems.h"
#include "mount-helpers/explain_text.h"
#include "policy/access.h"

namespace hardlinkfs {
namespace {

// "r", "rw", "x" …
std::string Letters(unsigned wanted) {
  std::string letters;
  if ((wanted & kMayRead) != 0) letters += "r";
  if ((wanted & kMayWrite) != 0) letters += "w";
  if ((wanted & kMayExecute) != 0) letters += "x";
  return letters;
}

std::string Verb(const ExplainedInode& inode, unsigned wanted) {
  const bool is_directory = inode.attributes.type == FileType::kDirectory;
  if (wanted == kMayExecute) return is_directory ? "search" : "execute";
  if (wanted == (kMayRead | kMayWrite)) return "read and write";
  return is_directory ? "write in" : "write";
}

// fuse_allow_current_process: without allow_other a FUSE filesystem is its user's alone, and not root's either.
bool IsKeptOut(const ExplainFacts& facts, const ExplainedMount& mount) {
  const std::vector<std::string>& options = mount.entry.super_options;
  const std::optional<uint32_t> user = NumberOption(options, "user_id=");
  if (!IsFuse(mount.driver) || !user.has_value() || HasOption(options, "allow_other")) return false;
  if (facts.kernel.admin_enters_fuse && HoldsInMachine(facts, CAP_SYS_ADMIN)) return false;
  return facts.caller.caller.uid != *user || facts.caller.caller.gid != NumberOption(options, "group_id=");
}

bool IsServers(const ExplainedMount& mount) {
  if (mount.driver == "virtiofs") return false;
  if (IsFuse(mount.driver)) return !HasOption(mount.entry.super_options, "default_permissions");
  return TraitsOf(mount.driver).permissions == PermissionsBy::kServer;
}

// What he has already stays when he is given an entry of his own in the ACL.
std::string Cure(const Caller& caller, const ExplainedInode& inode, unsigned wanted) {
  unsigned all = wanted;
  for (const unsigned bit : {kMayRead, kMayWrite, kMayExecute}) {
    if (MayAccess(caller, inode.attributes, inode.acl, bit)) all |= bit;
  }
  const std::string path = ShellWord(inode.path);
  if (caller.uid == inode.attributes.uid) return "chmod u+" + Letters(wanted) + " " + path;
  const FilesystemTraits traits = TraitsOf(inode.mount.driver);
  // FAT and the like have no modes of their own.
  if (traits.hard_links == Trait::kNo && traits.changes_names == Trait::kYes)
    return "mount it with uid=" + std::to_string(caller.uid) + " or another umask=";
  const std::string entry = "setfacl -m u:" + std::to_string(caller.uid) + ":" + Letters(all) + " " + path;
  if (inode.acl.has_value()) return entry;
  return "chmod " + std::string(caller.IsIn(inode.attributes.gid) ? "g+" : "o+") + Letters(wanted) + " " + path + ", or " + entry;
}

bool IsIn(const std::vector<IdRange>& ranges, uint32_t id) {
  return std::ranges::any_of(ranges, [id](const IdRange& range) { return id >= range.first && id - range.first < range.count; });
}

AccessAnswer ByMode(const ExplainFacts& facts, const ExplainedInode& inode, unsigned wanted) {
  const Caller caller = CallerOver(facts, inode.attributes);
  if (!inode.knows_acl && caller.uid != inode.attributes.uid) {
    Attributes closed = inode.attributes;
    closed.mode = 0;
    // Privilege asks for no ACL.
    if (MayAccess(caller, closed, std::nullopt, wanted)) return {};
    return {Outcome::kUnknown, "its ACL cannot be read", "run explain as root"};
  }
  if (MayAccess(caller, inode.attributes, inode.acl, wanted)) return {};
  return {Outcome::kFail, CallerText(facts.caller) + " may not " + Verb(inode, wanted) + " it", Cure(caller, inode, wanted)};
}

}  // namespace

bool HoldsInMachine(const ExplainFacts& facts, unsigned capability) {
  return facts.kernel.is_initial_namespace && facts.caller.caller.Holds(capability);
}

Caller CallerOver(const ExplainFacts& facts, const Attributes& inode) {
  Caller caller = facts.caller.caller;
  if (!IsIn(facts.kernel.uids, inode.uid) || !IsIn(facts.kernel.gids, inode.gid)) caller.has_capability = nullptr;
  return caller;
}

AccessAnswer AskAccess(const ExplainFacts& facts, const ExplainedInode& inode, unsigned wanted, AccessOf asked) {
  if (IsKeptOut(facts, inode.mount)) {
    return {Outcome::kFail, "the FUSE filesystem at " + ShellWord(inode.mount.entry.mountpoint) + " is for who mounted it alone",
            "mount it with -o allow_other"};
  }
  if (inode.look_error != 0) {
    return {Outcome::kUnknown, "explain itself may not look at it (" + std::string(strerrorname_np(inode.look_error)) + ")",
            "run explain as root"};
  }
  if (!IsServers(inode.mount)) return ByMode(facts, inode, wanted);
  if (asked == AccessOf::kKernel && IsFuse(inode.mount.driver)) return {};
  return {Outcome::kUnknown, "what a " + ShellWord(inode.mount.entry.type) + " lets be done is not for the kernel alone to say", ""};
}

}  // namespace hardlinkfs
