// link(2), linkat(2). Permissions, and its own protected_hardlinks, the kernel has checked already.
#include <cerrno>

#include "fuse/vfs/vfs.h"

namespace hardlinkfs {

Result<Attributes> Vfs::Link(const Caller& caller, InodeId inode, InodeId new_directory, std::string_view new_name) {
  const Result<Name> component = NewName(new_directory, new_name);
  if (!component.ok()) return component.error();
  if (Status prepared = volume_.PrepareDirectory(new_directory); !prepared.ok()) return prepared.error();
  if (Status prepared = volume_.Prepare(inode); !prepared.ok()) return prepared.error();
  const Asked asked{.operation = Operation::kLink, .caller = caller, .inode = inode, .to = NameAt{new_directory, new_name}};
  if (Status failed = MayFail(asked); !failed.ok()) return failed.error();
  return Promised(WithRoom([&](Attempt attempt) -> Result<Attributes> {
    const InodeId involved[] = {inode, new_directory};
    const auto held = volume_.locks().Exclusive(involved);
    if (Status addable = CheckChange(asked, new_directory, Change::kNewEntry); !addable.ok()) return addable.error();
    if (Status nameable = CheckChange(asked, inode, Change::kNewName); !nameable.ok()) return nameable.error();
    if (Status allowed = Judge(asked); !allowed.ok()) return allowed.error();
    const auto room = ReserveName(asked, attempt);
    if (!room.ok()) return room.error();
    const Result<Attributes> linked = volume_.Link(caller, inode, new_directory, *component);
    if (!linked.ok()) return linked.error();
    table_.ClearOrphan(inode);
    table_.AddLookup(InodeRef(inode));
    Saw(inode, new_directory, new_name);
    // As in Lookup: of a file that is being written the volume is behind.
    if (const std::shared_ptr<OpenContent> open = table_.FindOpen(inode); open != nullptr) {
      if (const Result<Attributes> fresh = RefreshPrivileges(inode, *open); fresh.ok()) return Show(*fresh);
    }
    return Show(*linked);
  }));
}

}  // namespace hardlinkfs
