// Acl: POSIX access control lists as they travel in the xattrs system.posix_acl_access and system.posix_acl_default, and what
// chmod and creation make of them. Pure: it neither reads xattrs nor checks permissions, which is the kernel's part (FUSE_POSIX_ACL).
// Sources: acl(5), linux/posix_acl_xattr.h, and the kernel's fs/posix_acl.c, which is followed wherever acl(5) is stricter.
#ifndef HARDLINKFS_STORE_BASE_ACL_H_
#define HARDLINKFS_STORE_BASE_ACL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/base/attributes.h"
#include "store/base/result.h"

namespace hardlinkfs {

inline constexpr std::string_view kAccessAclXattr = "system.posix_acl_access";
inline constexpr std::string_view kDefaultAclXattr = "system.posix_acl_default";

// The values are those of e_tag in linux/posix_acl.h.
enum class AclTag : uint16_t {
  kOwner = 0x01,  // ACL_USER_OBJ
  kUser = 0x02,
  kOwningGroup = 0x04,  // ACL_GROUP_OBJ
  kGroup = 0x08,
  kMask = 0x10,
  kOther = 0x20,
};

// Stands for "no id" in entries other than kUser and kGroup; never the id of one of these.
inline constexpr uint32_t kNoAclId = UINT32_MAX;

struct AclEntry {
  AclTag tag{};
  uint16_t permissions = 0;  // rwx as 0 … 7
  uint32_t id = kNoAclId;    // uid of kUser, gid of kGroup

  bool operator==(const AclEntry&) const = default;
};

// A valid ACL, in this order: one kOwner, any kUser, one kOwningGroup, any kGroup, a kMask (a must with kUser or kGroup), one kOther.
// Only the functions below make one, so that it can be relied upon. Thread safety: a value.
class Acl {
 public:
  const std::vector<AclEntry>& entries() const { return entries_; }

  bool operator==(const Acl&) const = default;

 private:
  friend Result<Acl> ParseAcl(std::string_view xattr_value);
  friend Acl WithMode(Acl acl, uint32_t mode);

  explicit Acl(std::vector<AclEntry> entries) : entries_(std::move(entries)) {}

  std::vector<AclEntry> entries_;
};

// RETURNS: the ACL. EOPNOTSUPP for another version than 2; EINVAL for what setxattr(2) refuses so. As the kernel does, it takes
// several entries of one id, in any order, and overlooks the ids of entries that have none. EINVAL also for an empty value and for
// a header without entries: for setxattr(2) these mean removal, and the kernel asks a FUSE server for REMOVEXATTR then.
Result<Acl> ParseAcl(std::string_view xattr_value);

// RETURNS: the xattr's value as the kernel would show it.
std::string Encode(const Acl& acl);

// RETURNS: the permission bits (0777) that say the same as `acl`, and make storing it needless; nullopt if it says more.
std::optional<uint32_t> EquivalentMode(const Acl& acl);

// RETURNS: `mode` with its permission bits (0777) replaced by those of `acl`: owner, mask or else owning group, other. This is what
// setting an access ACL makes of the mode.
uint32_t ModeOf(const Acl& acl, uint32_t mode);

// RETURNS: what chmod(2) to `mode` makes of an access ACL; only the permission bits of `mode` count.
Acl WithMode(Acl acl, uint32_t mode);

// What a new inode begins with.
struct InheritedAcl {
  uint32_t mode = 0;               // 07777
  std::optional<Acl> access_acl;   // nullopt: `mode` says all
  std::optional<Acl> default_acl;  // of directories only
};

// `mode` is 07777 as the caller of open(2), mknod(2) or mkdir(2) gave it, `umask` the caller's.
// RETURNS: `mode` cut to what the parent's default ACL grants, and the ACLs that follow from it; the umask counts only where the parent
// has no default ACL. A symlink keeps its mode and takes no ACL.
InheritedAcl Inherit(const std::optional<Acl>& parent_default, FileType type, uint32_t mode, uint32_t umask);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BASE_ACL_H_
