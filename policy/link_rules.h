// LinkRules: who may give a file another name, beyond what permissions say: protected_hardlinks of proc(5), for each mount by itself;
// filesystems without links, which a program may have to survive; and which errno Linux or BSD has for a refusal.
#ifndef HARDLINKFS_POLICY_LINK_RULES_H_
#define HARDLINKFS_POLICY_LINK_RULES_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "policy/decision.h"
#include "store/base/attributes.h"
#include "store/base/caller.h"

namespace hardlinkfs {

// kHost: the kernel's own, /proc/sys/fs/protected_hardlinks, which it goes by before it asks the server at all; so kOff takes nothing back
// that it refuses. kOwner: nobody but the owner, or who holds CAP_FOWNER.
enum class LinkProtection { kHost, kOn, kOff, kOwner };
enum class Flavor { kLinux, kBsd };
enum class LinkUse { kAllow, kDeny };

// As ext4 and FreeBSD have them.
inline constexpr uint32_t kLinuxMaxLinks = 65000;
inline constexpr uint32_t kBsdMaxLinks = 32767;

// How many names an inode may have. A value.
struct LinkLimits {
  std::optional<uint32_t> all;           // unset: as the flavor and the regime have it
  std::map<FileType, uint32_t> by_type;  // goes before `all`

  bool operator==(const LinkLimits&) const = default;
};

struct LinkRules {
  LinkProtection protection = LinkProtection::kHost;
  LinkUse links = LinkUse::kAllow;
  LinkUse symlinks = LinkUse::kAllow;  // to symlinks, that is
  LinkUse specials = LinkUse::kAllow;  // to devices, fifos and sockets
  Flavor flavor = Flavor::kLinux;
  LinkLimits max_links;

  // RETURNS: nullopt when nothing is said of it here.
  std::optional<uint32_t> LimitOf(FileType type) const;
  // RETURNS: whether nothing is ever refused.
  bool are_empty() const;
  bool operator==(const LinkRules&) const = default;
};

// RETURNS: the first refusal, in the kernel's order (may_linkat in fs/namei.c, then the filesystem). `may_read_and_write` tells whether the
// caller may both for the inode; it is asked for only if that matters.
Decision MayLink(const LinkRules& rules, const Caller& caller, const Attributes& inode, const std::function<bool()>& may_read_and_write);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_POLICY_LINK_RULES_H_
