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

// link(2): EPERM of Linux, EOPNOTSUPP of FreeBSD, for a filesystem that has no links.
int NoLinks(Flavor flavor) { return flavor == Flavor::kBsd ? EOPNOTSUPP : EPERM; }

bool IsSpecial(FileType type) { return type != FileType::kRegular && type != FileType::kDirectory && type != FileType::kSymlink; }

}  // namespace

std::optional<uint32_t> LinkRules::LimitOf(FileType type) const {
  if (const auto found = max_links.by_type.find(type); found != max_links.by_type.end()) return found->second;
  return !max_links.all.has_value() && flavor == Flavor::kBsd ? kBsdMaxLinks : max_links.all;
}

bool LinkRules::are_empty() const {
  const bool is_open = protection == LinkProtection::kHost || protection == LinkProtection::kOff;
  const bool has_limit = max_links.all.has_value() || !max_links.by_type.empty() || flavor == Flavor::kBsd;
  return is_open && !has_limit && links == LinkUse::kAllow && symlinks == LinkUse::kAllow && specials == LinkUse::kAllow;
}

Decision MayLink(const LinkRules& rules, const Caller& caller, const Attributes& inode, const std::function<bool()>& may_read_and_write) {
  const bool owner_only = rules.protection == LinkProtection::kOwner;
  const bool is_protected = owner_only || rules.protection == LinkProtection::kOn;
  if (is_protected && !IsAsOwner(caller, inode)) {
    if (owner_only) return Refusal{EPERM, kProtectedHardlinks, "another's file"};
    if (Decision unsafe = IsSafeSource(inode, may_read_and_write)) return unsafe;
  }
  const int none = NoLinks(rules.flavor);
  if (rules.links == LinkUse::kDeny) return Refusal{none, "links", "there are no hard links here"};
  if (rules.symlinks == LinkUse::kDeny && inode.type == FileType::kSymlink) return Refusal{none, "symlinks", "a symlink"};
  if (rules.specials == LinkUse::kDeny && IsSpecial(inode.type)) return Refusal{none, "specials", "a device, fifo or socket"};
  const std::optional<uint32_t> limit = rules.LimitOf(inode.type);
  // Directories have one name; link(2) says so.
  if (inode.type == FileType::kDirectory || !limit.has_value() || inode.nlink < *limit) return std::nullopt;
  return Refusal{EMLINK, "max_links", "it has as many names as it may have"};
}

}  // namespace hardlinkfs
