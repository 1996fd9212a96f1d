#include "policy/link_rules.h"

#include <linux/capability.h>

#include <cerrno>

namespace hardlinkfs {
namespace {

constexpr char kProtectedHardlinks[] = "protected_hardlinks";

// inode_owner_or_capable: whose the file is, or who may do as if it were his.
bool IsAsOwner(const Caller& caller, const Attributes& inode) { return caller.uid == inode.uid || caller.Holds(CAP_FOWNER); }

// safe_hardlink_source: what somebody else's file has to be, so that a name for it elsewhere does no harm.
Decision IsSafeSource(const Attributes& inode, const std::function<bool()>& may_read_and_write) {
  if (inode.type != FileType::kRegular) return Refusal{EPERM, kProtectedHardlinks, "another's file that is no regular one"};
  if ((inode.mode & 04000U) != 0) return Refusal{EPERM, kProtectedHardlinks, "another's set-user-ID file"};
  if ((inode.mode & 02010U) == 02010U) return Refusal{EPERM, kProtectedHardlinks, "another's set-group-ID file"};
  if (!may_read_and_write()) return Refusal{EPERM, kProtectedHardlinks, "another's file, which the caller may not read and write"};
  return std::nullopt;
}

}  // namespace

Decision MayLink(const LinkRules& rules, const Caller& caller, const Attributes& inode, const std::function<bool()>& may_read_and_write) {
  const bool owner_only = rules.protection == LinkProtection::kOwner;
  const bool is_protected = owner_only || rules.protection == LinkProtection::kOn;
  if (is_protected && !IsAsOwner(caller, inode)) {
    if (owner_only) return Refusal{EPERM, kProtectedHardlinks, "another's file"};
    if (Decision unsafe = IsSafeSource(inode, may_read_and_write)) return unsafe;
  }
  if (rules.links == LinkUse::kDeny) {
    // link(2): EPERM of Linux, EOPNOTSUPP of FreeBSD, for a filesystem that has no links.
    return Refusal{rules.flavor == Flavor::kBsd ? EOPNOTSUPP : EPERM, "links", "there are no hard links here"};
  }
  return std::nullopt;
}

}  // namespace hardlinkfs
