// The contents of regular files: opening a home, and keeping size and times of the record true to it.
#include <cerrno>

#include "store/volume/volume.h"

namespace hardlinkfs {

Result<std::unique_ptr<BackingFile>> Volume::OpenContent(InodeId inode) {
  const Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (!record.ok()) return record.error();
  if (record->type != FileType::kRegular || !record->home.has_value()) return Error{EINVAL, "open of something without content"};
  const Result<BackingDirectoryRef> in = directories_.Open(record->home->directory);
  if (!in.ok()) return in.error();
  return backing_.OpenFile(*in, record->home->name);
}

Result<InodeRecord> Volume::RefreshContent(InodeId inode, BackingFile& content, const ContentUse& use) {
  Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (!record.ok()) return record;
  const Result<BackingStat> seen = content.Stat();
  if (!seen.ok()) return seen.error();
  Timestamp seen_mtime = seen->mtime;
  // Armed before the time is read that a change gets: a write in between is older than that time, and a later one shows.
  const std::optional<Timestamp> armed = use.unseen_writers ? ArmedTime(*seen, clock_.Now(), capabilities_.time_granularity) : std::nullopt;
  if (armed.has_value() && content.SetTimes(std::nullopt, armed).ok()) {
    const Result<BackingStat> after = content.Stat();
    if (!after.ok()) return after.error();
    seen_mtime = after->mtime;
  }
  const bool changed = TakeContent(*record, *seen, use, clock_.Now(), capabilities_.time_granularity);
  if (!changed && record->seen_mtime == seen_mtime) return record;
  record->seen_mtime = seen_mtime;
  const Result<InodeRecord> kept = KeepContent(inode, *record);
  // After a failed sync nothing is kept any more. It can be told all the same.
  if (kept.code() == EROFS) return record;
  return kept;
}

Result<InodeRecord> Volume::KeepContent(InodeId inode, const InodeRecord& record) {
  {
    MutexLock lock(pending_mutex_);
    unsynced_contents_.insert(inode);
  }
  Transaction transaction(catalog_);
  transaction.PutInode(inode, record);
  if (Status committed = Commit(transaction); !committed.ok()) return committed.error();
  return record;
}

Result<InodeRecord> Volume::Truncate(InodeId inode, BackingFile& content, uint64_t size) {
  if (Status writable = Writable(); !writable.ok()) return writable.error();
  if (Status cut = content.Truncate(size); !cut.ok()) {
    // More than the whole volume is no question of free space.
    const Result<BackingSpace> space = cut.code() == ENOSPC ? backing_.Space() : Result<BackingSpace>(cut.error());
    if (space.ok() && size > space->total_bytes) return Error{EFBIG, "size beyond what the backing can hold"};
    return cut.error();
  }
  // truncate(2) marks both times even when the size stays.
  return RefreshContent(inode, content, {.last_write = clock_.Now()});
}

Status Volume::NoteRead(InodeId inode) {
  Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (!record.ok()) return record.error();
  const Timestamp now = clock_.Now();
  const bool due = record->atime <= record->mtime || record->atime <= record->ctime || Plus(record->atime, std::chrono::hours(24)) <= now;
  if (!due) return {};
  record->atime = now;
  Transaction transaction(catalog_);
  transaction.PutInode(inode, *record);
  return Commit(transaction);
}

}  // namespace hardlinkfs
