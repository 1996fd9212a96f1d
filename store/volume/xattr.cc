// Extended attributes, and the ACLs that travel as such.
#include <algorithm>
#include <cerrno>

#include "store/volume/catalog_volume.h"

namespace hardlinkfs {
namespace {

constexpr size_t kMaxListBytes = 65536;  // XATTR_LIST_MAX: a longer list could not be read
constexpr uint32_t kSetGroupId = 02000;

bool IsMember(const Caller& caller, uint32_t gid) {
  if (caller.uid == 0 || caller.gid == gid) return true;
  const std::vector<gid_t> groups = caller.groups ? caller.groups() : std::vector<gid_t>();
  return std::ranges::find(groups, gid) != groups.end();
}

}  // namespace

Result<std::optional<Acl>> CatalogVolume::ReadAcl(InodeId inode, std::string_view xattr) const {
  const Result<std::string> value = catalog_.ReadXattr(inode, std::string(xattr));
  if (value.code() == ENODATA) return std::optional<Acl>();
  if (!value.ok()) return value.error();
  Result<Acl> acl = ParseAcl(*value);
  if (!acl.ok()) return acl.error();
  return std::optional(*std::move(acl));
}

Result<Attributes> CatalogVolume::SetXattr(const Caller& caller, InodeId inode, const std::string& name, std::string_view value,
                                           XattrMode mode) {
  const Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (!record.ok()) return record.error();
  const Result<std::vector<std::string>> names = catalog_.ListXattrs(inode);
  if (!names.ok()) return names.error();
  const bool exists = std::ranges::find(*names, name) != names->end();
  if (mode == XattrMode::kCreate && exists) return Error{EEXIST, "xattr exists"};
  if (mode == XattrMode::kReplace && !exists) return Error{ENODATA, "xattr does not exist"};
  size_t list_bytes = name.size() + 1;
  for (const std::string& other : *names) list_bytes += other.size() + 1;
  if (!exists && list_bytes > kMaxListBytes) return Error{ENOSPC, "too many xattrs to list"};

  AttributeChange change;
  std::optional<std::string> stored{value};
  if (name == kAccessAclXattr || name == kDefaultAclXattr) {
    const Result<Acl> acl = ParseAcl(value);
    if (!acl.ok()) return acl.error();
    if (name == kDefaultAclXattr && record->type != FileType::kDirectory)
      return Error{EACCES, "default ACL on something that is no directory"};
    stored = Encode(*acl);
    if (name == kAccessAclXattr) {
      change.mode = ModeOf(*acl, record->mode);
      // An ACL that says no more than the mode is not kept beside it.
      if (EquivalentMode(*acl).has_value()) stored = std::nullopt;
      // As chmod: sgid only for a group that the caller is in.
      if (!IsMember(caller, record->gid)) *change.mode &= ~kSetGroupId;
    }
  }
  return ChangeAttributes(caller, inode, change, {{name, stored}});
}

Status CatalogVolume::RemoveXattr(const Caller& caller, InodeId inode, const std::string& name) {
  const Result<std::string> value = catalog_.ReadXattr(inode, name);
  // The removal of an ACL that is not there succeeds, as posix_acl_xattr_set has it.
  const bool is_acl = name == kAccessAclXattr || name == kDefaultAclXattr;
  if (value.code() == ENODATA && is_acl) return {};
  if (!value.ok()) return value.error();
  return ChangeAttributes(caller, inode, {}, {{name, std::nullopt}}).status();
}

}  // namespace hardlinkfs
