// fsync(2), of files and directories, and sync of everything.
#include <cerrno>

#include "fuse/vfs/vfs.h"

namespace hardlinkfs {

Status Vfs::Sync(InodeId inode, SyncMode mode) {
  const Result<std::shared_ptr<OpenContent>> open = FindOpen(inode);
  if (!open.ok()) return open.error();
  if (Status synced = volume_.NoteSync((*open)->file->Sync()); !synced.ok()) return synced;
  if (mode == SyncMode::kAll || (*open)->writers > 0) {
    const auto held = volume_.locks().Exclusive(inode);
    if (const Result<InodeRecord> record = Refresh(inode, **open); !record.ok()) return record.error();
  }
  if (Status synced = volume_.SyncNewEntries(); !synced.ok()) return synced;
  return volume_.SyncCatalog();
}

Status Vfs::SyncDirectory(InodeId /*directory*/) {
  if (Status synced = volume_.SyncNewEntries(); !synced.ok()) return synced;
  return volume_.SyncCatalog();
}

Status Vfs::SyncAll() { return volume_.SyncAll(); }

}  // namespace hardlinkfs
