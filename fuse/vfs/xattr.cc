// Extended attributes. Who may see and set which namespace the kernel has checked (xattr(7)).
#include <algorithm>
#include <array>
#include <cerrno>

#include "fuse/vfs/vfs.h"
#include "store/base/acl.h"

namespace hardlinkfs {
namespace {

bool IsKnown(std::string_view name) {
  constexpr std::array<std::string_view, 3> kNamespaces = {"user.", "trusted.", "security."};
  return name == kAccessAclXattr || name == kDefaultAclXattr ||
         std::ranges::any_of(kNamespaces, [&](std::string_view prefix) { return name.starts_with(prefix) && name.size() > prefix.size(); });
}

}  // namespace

Result<std::string> Vfs::GetXattr(InodeId inode, const std::string& name) {
  if (!IsKnown(name)) return Error{EOPNOTSUPP, "unknown xattr namespace"};
  if (Status prepared = volume_.Prepare(inode); !prepared.ok()) return prepared.error();
  return volume_.GetXattr(inode, name);
}

// Nothing filters this for us: for GetXattr trusted.* is the privileged's, and names of a foreign namespace, that were taken over from the
// backing, are unknown.
Result<std::vector<std::string>> Vfs::ListXattrs(const Caller& caller, InodeId inode) {
  if (Status prepared = volume_.Prepare(inode); !prepared.ok()) return prepared.error();
  Result<std::vector<std::string>> names = volume_.ListXattrs(inode);
  if (!names.ok()) return names;
  std::erase_if(*names, [&](const std::string& name) { return !IsKnown(name) || (name.starts_with("trusted.") && caller.uid != 0); });
  return names;
}

Status Vfs::SetXattr(const Caller& caller, InodeId inode, const std::string& name, std::string_view value, XattrMode mode) {
  if (Status failed = MayFail({.operation = Operation::kSetxattr, .caller = caller, .inode = inode}); !failed.ok()) return failed;
  Status set = SetXattrUnpromised(caller, inode, name, value, mode);
  return set.ok() ? Promise(Durability::kEverything) : set;
}

Status Vfs::SetXattrUnpromised(const Caller& caller, InodeId inode, const std::string& name, std::string_view value, XattrMode mode) {
  if (!IsKnown(name)) return Error{EOPNOTSUPP, "unknown xattr namespace"};
  if (Status prepared = volume_.Prepare(inode); !prepared.ok()) return prepared;
  if (name == kCapabilityXattr) AwaitCloses(inode);
  const auto held = volume_.locks().Exclusive(inode);
  const Asked asked{.operation = Operation::kSetxattr, .caller = caller, .inode = inode};
  if (Status allowed = CheckChange(asked, inode, Change::kXattr); !allowed.ok()) return allowed;
  if (Status allowed = Judge(asked); !allowed.ok()) return allowed;
  const Result<Attributes> changed = volume_.SetXattr(caller, inode, name, value, mode);
  if (!changed.ok()) return changed.error();
  if (name == kCapabilityXattr) {
    const std::shared_ptr<OpenContent> open = table_.FindOpen(inode);
    if (open != nullptr) NotePrivileges(*open, *changed);
  }
  return {};
}

Status Vfs::RemoveXattr(const Caller& caller, InodeId inode, const std::string& name) {
  if (!IsKnown(name)) return Error{EOPNOTSUPP, "unknown xattr namespace"};
  if (Status prepared = volume_.Prepare(inode); !prepared.ok()) return prepared;
  if (Status failed = MayFail({.operation = Operation::kRemovexattr, .caller = caller, .inode = inode}); !failed.ok()) return failed;
  {
    const auto held = volume_.locks().Exclusive(inode);
    const Asked asked{.operation = Operation::kRemovexattr, .caller = caller, .inode = inode};
    if (Status allowed = CheckChange(asked, inode, Change::kXattr); !allowed.ok()) return allowed;
    if (Status allowed = Judge(asked); !allowed.ok()) return allowed;
    if (Status removed = volume_.RemoveXattr(caller, inode, name); !removed.ok()) return removed;
  }
  return Promise(Durability::kEverything);
}

}  // namespace hardlinkfs
