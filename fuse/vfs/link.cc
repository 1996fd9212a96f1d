// link(2), linkat(2). Permissions, and its own protected_hardlinks, the kernel has checked already.
#include <cerrno>

#include "fuse/vfs/caller_access.h"
#include "fuse/vfs/vfs.h"
#include "policy/access.h"
#include "policy/link_rules.h"

namespace hardlinkfs {

Status Vfs::MayLinkTo(const Caller& caller, InodeId inode) {
  if (options_.links.are_empty()) return {};
  const Result<Attributes> attributes = volume_.Stat(inode);
  if (!attributes.ok()) return attributes.error();
  const auto may_read_and_write = [&] { return HasAccess(volume_, caller, *attributes, kMayRead | kMayWrite); };
  return ToStatus(MayLink(options_.links, caller, *attributes, may_read_and_write));
}

Result<Attributes> Vfs::Link(const Caller& caller, InodeId inode, InodeId new_directory, std::string_view new_name) {
  const Result<Name> component = NewName(new_directory, new_name);
  if (!component.ok()) return component.error();
  if (Status prepared = volume_.PrepareDirectory(new_directory); !prepared.ok()) return prepared.error();
  if (Status prepared = volume_.Prepare(inode); !prepared.ok()) return prepared.error();
  return Promised(WithSpace([&]() -> Result<Attributes> {
    const InodeId involved[] = {inode, new_directory};
    const auto held = volume_.locks().Exclusive(involved);
    if (Status addable = CheckChange(new_directory, Change::kNewEntry); !addable.ok()) return addable.error();
    if (Status nameable = CheckChange(inode, Change::kNewName); !nameable.ok()) return nameable.error();
    if (Status may_link = MayLinkTo(caller, inode); !may_link.ok()) return may_link.error();
    const Result<Attributes> linked = volume_.Link(caller, inode, new_directory, *component);
    if (!linked.ok()) return linked.error();
    table_.ClearOrphan(inode);
    table_.AddLookup(InodeRef(inode));
    // As in Lookup: of a file that is being written the volume is behind.
    if (const std::shared_ptr<OpenContent> open = table_.FindOpen(inode); open != nullptr) {
      if (const Result<Attributes> fresh = RefreshPrivileges(inode, *open); fresh.ok()) return Show(*fresh);
    }
    return Show(*linked);
  }));
}

}  // namespace hardlinkfs
