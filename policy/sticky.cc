#include "policy/sticky.h"

#include <linux/capability.h>

#include <cerrno>

namespace hardlinkfs {
namespace {

constexpr uint32_t kSticky = 01000;
constexpr uint32_t kStickyAndOpen = 01002;

}  // namespace

Decision MayRemoveFrom(const Caller& caller, const Attributes& directory, const Attributes& inode) {
  if ((directory.mode & kSticky) == 0) return std::nullopt;
  if (caller.uid == inode.uid || caller.uid == directory.uid || caller.Holds(CAP_FOWNER)) return std::nullopt;
  return Refusal{EPERM, "sticky", "another's entry in a sticky directory of somebody else"};
}

Decision MayFollow(const Caller& caller, const Attributes& directory, const Attributes& symlink) {
  if ((directory.mode & kStickyAndOpen) != kStickyAndOpen) return std::nullopt;
  if (caller.uid == symlink.uid || directory.uid == symlink.uid) return std::nullopt;
  return Refusal{EACCES, "protected_symlinks", "another's symlink in a sticky directory that everybody may write in"};
}

}  // namespace hardlinkfs
