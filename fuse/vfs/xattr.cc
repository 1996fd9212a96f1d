// Extended attributes, and the ACLs that travel as such. Who may see and set which namespace the kernel has checked (xattr(7)).
#include <algorithm>
#include <array>
#include <cerrno>

#include "fuse/vfs/vfs.h"

namespace hardlinkfs {
namespace {

constexpr size_t kMaxListBytes = 65536;  // XATTR_LIST_MAX: a longer list could not be read
constexpr uint32_t kSetGroupId = 02000;

bool IsKnown(std::string_view name) {
  constexpr std::array<std::string_view, 3> kNamespaces = {"user.", "trusted.", "security."};
  return name == kAccessAclXattr || name == kDefaultAclXattr ||
         std::ranges::any_of(kNamespaces, [&](std::string_view prefix) { return name.starts_with(prefix) && name.size() > prefix.size(); });
}

bool IsMember(const Caller& caller, uint32_t gid) {
  if (caller.uid == 0 || caller.gid == gid) return true;
  const std::vector<gid_t> groups = caller.groups ? caller.groups() : std::vector<gid_t>();
  return std::ranges::find(groups, gid) != groups.end();
}

}  // namespace

Result<std::string> Vfs::GetXattr(InodeId inode, const std::string& name) {
  if (!IsKnown(name)) return Error{EOPNOTSUPP, "unknown xattr namespace"};
  if (Status prepared = volume_.Prepare(inode); !prepared.ok()) return prepared.error();
  return volume_.catalog().ReadXattr(inode, name);
}

// Nothing filters this for us: for GetXattr trusted.* is the privileged's, and names of a foreign namespace, that were taken over from the
// backing, are unknown.
Result<std::vector<std::string>> Vfs::ListXattrs(const Caller& caller, InodeId inode) {
  if (Status prepared = volume_.Prepare(inode); !prepared.ok()) return prepared.error();
  Result<std::vector<std::string>> names = volume_.catalog().ListXattrs(inode);
  if (!names.ok()) return names;
  std::erase_if(*names, [&](const std::string& name) { return !IsKnown(name) || (name.starts_with("trusted.") && caller.uid != 0); });
  return names;
}

Status Vfs::SetXattr(const Caller& caller, InodeId inode, const std::string& name, std::string_view value, XattrMode mode) {
  Status set = SetXattrUnpromised(caller, inode, name, value, mode);
  return set.ok() ? Promise(Durability::kEverything) : set;
}

Status Vfs::SetXattrUnpromised(const Caller& caller, InodeId inode, const std::string& name, std::string_view value, XattrMode mode) {
  if (!IsKnown(name)) return Error{EOPNOTSUPP, "unknown xattr namespace"};
  if (Status prepared = volume_.Prepare(inode); !prepared.ok()) return prepared;
  if (name == kCapabilityXattr) AwaitCloses(inode);
  const auto held = volume_.locks().Exclusive(inode);
  const Result<InodeRecord> record = volume_.Read(inode);
  if (!record.ok()) return record.error();
  const Result<std::vector<std::string>> names = volume_.catalog().ListXattrs(inode);
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
  const Result<InodeRecord> changed = volume_.ChangeAttributes(inode, change, {{name, stored}});
  if (!changed.ok()) return changed.error();
  if (name == kCapabilityXattr) {
    const std::shared_ptr<OpenContent> open = table_.FindOpen(inode);
    if (open != nullptr) NotePrivileges(inode, *open, *changed);
  }
  return {};
}

Status Vfs::RemoveXattr(const Caller& /*caller*/, InodeId inode, const std::string& name) {
  if (!IsKnown(name)) return Error{EOPNOTSUPP, "unknown xattr namespace"};
  if (Status prepared = volume_.Prepare(inode); !prepared.ok()) return prepared;
  {
    const auto held = volume_.locks().Exclusive(inode);
    const Result<std::string> value = volume_.catalog().ReadXattr(inode, name);
    // The removal of an ACL that is not there succeeds, as posix_acl_xattr_set has it.
    const bool is_acl = name == kAccessAclXattr || name == kDefaultAclXattr;
    if (value.code() == ENODATA && is_acl) return {};
    if (!value.ok()) return value.error();
    if (Status removed = volume_.ChangeAttributes(inode, {}, {{name, std::nullopt}}).status(); !removed.ok()) return removed;
  }
  return Promise(Durability::kEverything);
}

}  // namespace hardlinkfs
