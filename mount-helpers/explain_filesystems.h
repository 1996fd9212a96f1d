// What is known of a filesystem by its type alone: whether it has hard links, how many of a file, and who decides about permissions. Only
// what is the same wherever it is mounted is here; what is not known is said to be so.
#ifndef HARDLINKFS_MOUNT_HELPERS_EXPLAIN_FILESYSTEMS_H_
#define HARDLINKFS_MOUNT_HELPERS_EXPLAIN_FILESYSTEMS_H_

#include <cstdint>
#include <string_view>

namespace hardlinkfs {

enum class Trait { kYes, kNo, kUnknown };

enum class PermissionsBy {
  kKernel,  // modes and ACLs, as shown
  kServer,  // somebody else, who may refuse what they allow, or allow what they refuse
};

inline constexpr uint64_t kNoLinkLimit = UINT64_MAX;
inline constexpr uint64_t kUnknownLinkLimit = 0;

struct FilesystemTraits {
  std::string_view type;
  Trait hard_links = Trait::kUnknown;
  uint64_t max_links = kUnknownLinkLimit;  // of a file
  Trait changes_names = Trait::kYes;       // whether names can be removed and moved at all
  PermissionsBy permissions = PermissionsBy::kKernel;
};

// `driver` as ExplainedMount::driver.
FilesystemTraits TraitsOf(std::string_view driver);

// RETURNS: whether a server outside of the kernel is behind it: "fuse", "fuseblk", "fuse.NAME", "virtiofs".
bool IsFuse(std::string_view driver);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_EXPLAIN_FILESYSTEMS_H_
