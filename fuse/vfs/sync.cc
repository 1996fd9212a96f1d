// fsync(2), of files and directories, sync of everything, and what is synced without being asked for.
#include <cerrno>

#include "fuse/vfs/vfs.h"

namespace hardlinkfs {

Status Vfs::Sync(InodeId inode, SyncMode mode) {
  const Result<std::shared_ptr<OpenContent>> open = FindOpen(inode);
  if (!open.ok()) return open.error();
  if (mode == SyncMode::kAll || (*open)->writers > 0) {
    if (Status synced = SyncContent(inode, **open); !synced.ok()) return synced;
  } else if (Status synced = volume_.SyncFile(*(*open)->file); !synced.ok()) {
    return synced;
  }
  return volume_.SyncInode(inode);
}

Status Vfs::SyncContent(InodeId inode, OpenContent& open) {
  if (Status synced = volume_.SyncFile(*open.file); !synced.ok()) return synced;
  const auto held = volume_.locks().Exclusive(inode);
  return Refresh(inode, open).status();
}

Status Vfs::Promise(Durability what) {
  if (options_.durability < what) return {};
  return volume_.SyncNames();
}

Status Vfs::Promised(const Status& done) { return done.ok() ? Promise(Durability::kNames) : done; }

Result<Attributes> Vfs::Promised(const Result<Attributes>& entry) {
  if (!entry.ok()) return entry;
  Status promised = Promise(Durability::kNames);
  if (promised.ok()) return entry;
  Forget(entry->inode, 1);
  return promised.error();
}

Status Vfs::SyncDirectory(InodeId directory) { return volume_.SyncInode(directory); }

Status Vfs::SyncAll() {
  // What is written to open files the volume learns of only when somebody asks for their attributes.
  for (const InodeId inode : table_.OpenInodes()) {
    const Result<std::shared_ptr<OpenContent>> open = FindOpen(inode);
    if (!open.ok() || (*open)->writers == 0) continue;  // closed meanwhile, which told the volume
    if (Status synced = SyncContent(inode, **open); !synced.ok()) return synced;
  }
  return volume_.SyncAll();
}

}  // namespace hardlinkfs
