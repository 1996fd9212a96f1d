// LinkRules: who may give a file another name, beyond what permissions say: protected_hardlinks of proc(5), for each mount by itself;
// filesystems without links, which a program may have to survive; and which errno Linux or BSD has for a refusal.
#ifndef HARDLINKFS_POLICY_LINK_RULES_H_
#define HARDLINKFS_POLICY_LINK_RULES_H_

#include <cstdint>
#include <functional>

#include "policy/decision.h"
#include "store/base/attributes.h"
#include "store/base/caller.h"

namespace hardlinkfs {

// kHost: the kernel's own, /proc/sys/fs/protected_hardlinks, which it goes by before it asks the server at all; so kOff takes nothing back
// that it refuses. kOwner: nobody but the owner, or who holds CAP_FOWNER.
enum class LinkProtection { kHost, kOn, kOff, kOwner };
enum class Flavor { kLinux, kBsd };
enum class LinkUse { kAllow, kDeny };

struct LinkRules {
  LinkProtection protection = LinkProtection::kHost;
  LinkUse links = LinkUse::kAllow;
  Flavor flavor = Flavor::kLinux;

  // RETURNS: whether nothing is ever refused.
  bool are_empty() const { return links == LinkUse::kAllow && (protection == LinkProtection::kHost || protection == LinkProtection::kOff); }
};

// LINK_MAX of FreeBSD.
inline constexpr uint32_t kBsdMaxLinks = 32767;

// RETURNS: the first refusal, in the kernel's order (may_linkat in fs/namei.c, then the filesystem). `may_read_and_write` tells whether the
// caller may both for the inode; it is asked for only if that matters.
Decision MayLink(const LinkRules& rules, const Caller& caller, const Attributes& inode, const std::function<bool()>& may_read_and_write);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_POLICY_LINK_RULES_H_
