// Durability, in the order of S2 and S7 of docs/crash-consistency.md: what a record relies on is durable before the record is promised.
#include <cerrno>

#include "store/volume/volume.h"

namespace hardlinkfs {

// REQUIRES: shared(inode), or that no home moves (takeover_gate_ held).
Status Volume::SyncContentOf(InodeId inode) {
  Result<std::unique_ptr<BackingFile>> content = OpenContent(inode);
  if (content.code() == ENOENT) return {};  // it lost its names since, and was removed
  if (!content.ok()) return content.error();
  return (*content)->Sync();
}

Status Volume::SyncCatalog() {
  MutexLock sync_lock(sync_mutex_);
  const auto take = [this] {
    MutexLock lock(pending_mutex_);
    return std::exchange(takeovers_, {});
  };
  const auto give_back = [this](const std::set<InodeId>& inodes) {
    MutexLock lock(pending_mutex_);
    takeovers_.insert(inodes.begin(), inodes.end());
  };
  // Most of them before the gate closes, so that renames wait for few.
  for (int round = 0; round < 2; ++round) {
    const std::set<InodeId> inodes = take();
    for (const InodeId inode : inodes) {
      if (Status synced = SyncHome(inode); !synced.ok()) {
        give_back(inodes);
        return synced;
      }
      const auto held = locks_.Shared(inode);
      if (Status synced = SyncContentOf(inode); !synced.ok()) {
        give_back(inodes);
        return synced;
      }
    }
    if (inodes.empty()) break;
  }
  std::unique_lock gate(takeover_gate_);
  const std::set<InodeId> inodes = take();
  for (const InodeId inode : inodes) {
    Status synced = SyncHome(inode);
    if (synced.ok()) synced = SyncContentOf(inode);
    if (!synced.ok()) {
      give_back(inodes);
      return synced;
    }
  }
  const uint64_t committed = committed_.load();
  if (Status synced = catalog_.engine().Sync(); !synced.ok()) return synced;
  synced_ = committed;
  return {};
}

// The entries of one home, if any are new.
Status Volume::SyncEntries(InodeId directory) {
  {
    MutexLock lock(pending_mutex_);
    if (unsynced_directories_.erase(directory) == 0) return {};
  }
  const Result<BackingDirectoryRef> ref = directories_.Open(directory);
  const Status synced = ref.ok() ? backing_.SyncDirectory(*ref) : ref.status();
  if (synced.ok() || synced.code() == ENOENT) return {};
  MutexLock lock(pending_mutex_);
  unsynced_directories_.insert(directory);
  return synced;
}

Status Volume::SyncHome(InodeId inode) {
  for (InodeId at = inode; at != kRootInode && at != kHomesDirectory;) {
    const Result<InodeRecord> record = catalog_.ReadInode(at);
    if (record.code() == ENOENT) return {};
    if (!record.ok()) return record.error();
    if (!record->home.has_value()) return {};
    at = record->home->directory;
    if (Status synced = SyncEntries(at); !synced.ok()) return synced;
  }
  return {};
}

Status Volume::SyncHomesIn(InodeId directory) {
  if (Status synced = SyncEntries(directory); !synced.ok()) return synced;
  if (Status synced = SyncEntries(kHomesDirectory); !synced.ok()) return synced;
  return SyncHome(directory);
}

Status Volume::SyncAll() {
  std::unordered_set<InodeId> directories, contents;
  {
    MutexLock lock(pending_mutex_);
    directories = unsynced_directories_;
    contents.swap(unsynced_contents_);
  }
  Status failed;
  for (const InodeId inode : contents) {
    const auto held = locks_.Shared(inode);
    const Status synced = SyncContentOf(inode);
    if (!synced.ok() && synced.code() != ENOENT) failed = synced;
  }
  for (const InodeId inode : directories) {
    if (Status synced = SyncEntries(inode); !synced.ok()) failed = synced;
  }
  if (!failed.ok()) {
    MutexLock lock(pending_mutex_);
    unsynced_contents_.merge(contents);
    return failed;
  }
  return SyncCatalog();
}

}  // namespace hardlinkfs
