// unlink(2) and rmdir(2). The content goes when the last user has gone (Vfs::Forget), in the background.
#include <cerrno>

#include "fuse/vfs/vfs.h"

namespace hardlinkfs {

Status Vfs::Unlink(const Caller& caller, InodeId directory, std::string_view name) {
  const Result<Name> component = VisibleName(directory, name);
  if (!component.ok()) return component.error();
  if (Status failed = MayFail({.operation = Operation::kUnlink, .caller = caller, .from = NameAt{directory, name}}); !failed.ok())
    return failed;
  const auto unlink = [&]() -> Status {
    for (;;) {
      const Result<InodeRef> found = FindPrepared(directory, *component);
      if (!found.ok()) return found.error();
      const InodeId inode = found->inode();
      const InodeId involved[] = {directory, inode};
      const auto held = volume_.locks().Exclusive(involved);
      const Status removable =
          JudgeLoss({.operation = Operation::kUnlink, .caller = caller, .inode = inode, .from = NameAt{directory, name}});
      if (IsStale(removable)) continue;
      if (!removable.ok()) return removable;
      const Result<LostName> lost = volume_.Unlink(caller, directory, *component, inode, UseOf(inode));
      if (lost.code() == ESTALE) continue;
      if (!lost.ok()) return lost.error();
      table_.DropName(inode, directory, name);
      Lost(*lost);
      return {};
    }
  };
  return Promised(unlink());
}

Status Vfs::RemoveDirectory(const Caller& caller, InodeId directory, std::string_view name) {
  const Result<Name> component = VisibleName(directory, name);
  if (!component.ok()) return component.error();
  if (Status failed = MayFail({.operation = Operation::kRmdir, .caller = caller, .from = NameAt{directory, name}}); !failed.ok())
    return failed;
  const auto remove = [&]() -> Status {
    for (;;) {
      const Result<InodeRef> found = FindPrepared(directory, *component);
      if (!found.ok()) return found.error();
      const InodeId inode = found->inode();
      // What another machine put into it counts: it has to be listed before it can be called empty.
      if (Status prepared = volume_.PrepareDirectory(inode); !prepared.ok()) return prepared;
      const InodeId involved[] = {directory, inode};
      const auto held = volume_.locks().Exclusive(involved);
      const Status removable =
          JudgeLoss({.operation = Operation::kRmdir, .caller = caller, .inode = inode, .from = NameAt{directory, name}});
      if (IsStale(removable)) continue;
      if (!removable.ok()) return removable;
      const Result<LostName> lost = volume_.RemoveDirectory(caller, directory, *component, inode);
      if (lost.code() == ESTALE) continue;
      if (!lost.ok()) return lost.error();
      table_.DropName(inode, directory, name);
      Lost(*lost);
      return {};
    }
  };
  return Promised(remove());
}

}  // namespace hardlinkfs
