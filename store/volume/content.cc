// The contents of regular files: opening a home, and keeping size and times of the record true to it.
#include <linux/fs.h>

#include <cerrno>

#include "store/volume/catalog_volume.h"

namespace hardlinkfs {
namespace {

constexpr uint64_t kSafeSize = uint64_t{1} << 40;  // any backing copes with being asked for that

}  // namespace

Result<std::unique_ptr<BackingFile>> CatalogVolume::OpenContent(InodeId inode) {
  const Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (!record.ok()) return record.error();
  if (record->type != FileType::kRegular || !record->home.has_value()) return Error{EINVAL, "open of something without content"};
  Result<std::unique_ptr<BackingFile>> opened = OpenContentAt(*record->home);
  if (opened.code() != ENOENT) return opened;
  // Perhaps the settler moved it and could not say so (nor move it back): then it is where it was to go.
  const std::optional<IntentRecord> move = UnresolvedMove(inode);
  if (!move.has_value()) return opened;
  const Place& elsewhere = record->home == move->from ? move->to : move->from;
  if (const Result<InodeId> resident = catalog_.FindHome(elsewhere); resident.code() != ENOENT) return Error{EIO, "its place is taken"};
  opened = OpenContentAt(elsewhere);
  if (opened.code() == ENOENT) return Error{EIO, "was being moved, and is in neither place"};
  return opened;
}

Result<std::unique_ptr<BackingFile>> CatalogVolume::OpenContentAt(const Place& place) {
  const Result<BackingDirectoryRef> in = directories_.Open(place.directory);
  if (!in.ok()) return in.error();
  return backing_.OpenFile(*in, place.name);
}

bool CatalogVolume::IsBehind(InodeId inode) {
  if (behind_count_.load() == 0) return false;
  MutexLock lock(pending_mutex_);
  return behind_.contains(inode);
}

ContentUse CatalogVolume::WithOwed(InodeId inode, const ContentUse& use) {
  if (behind_count_.load() == 0) return use;
  MutexLock lock(pending_mutex_);
  const auto owed = behind_.find(inode);
  if (owed == behind_.end()) return use;
  return {.last_write = use.last_write.has_value() ? use.last_write : owed->second.last_write,
          .unseen_writers = use.unseen_writers || owed->second.unseen_writers};
}

// Else what was written would not be shown before the next mount, and be cut off by a kernel that believes the size.
void CatalogVolume::Owe(InodeId inode, const ContentUse& use) {
  MutexLock lock(pending_mutex_);
  behind_[inode] = use;
  behind_count_ = behind_.size();
}

Result<Attributes> CatalogVolume::RefreshContent(InodeId inode, BackingFile& content, const ContentUse& use) {
  const ContentUse all = WithOwed(inode, use);
  const Result<InodeRecord> kept = TakeAndKeep(inode, content, all);
  if (!kept.ok()) {
    Owe(inode, all);
    return kept.error();
  }
  if (behind_count_.load() == 0) return ToAttributes(inode, *kept);
  MutexLock lock(pending_mutex_);
  if (Writable().ok()) behind_.erase(inode);
  behind_count_ = behind_.size();
  return ToAttributes(inode, *kept);
}

Result<InodeRecord> CatalogVolume::TakeAndKeep(InodeId inode, BackingFile& content, const ContentUse& use) {
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
  if (kept.code() != EROFS || Writable().ok()) return kept;
  Owe(inode, use);
  return record;
}

Result<InodeRecord> CatalogVolume::KeepContent(InodeId inode, const InodeRecord& record) {
  {
    MutexLock lock(pending_mutex_);
    unsynced_contents_.insert(inode);
  }
  Transaction transaction(catalog_);
  transaction.PutInode(inode, record);
  if (Status committed = Commit(transaction); !committed.ok()) return committed.error();
  return record;
}

Result<Attributes> CatalogVolume::Truncate(InodeId inode, BackingFile& content, uint64_t size) {
  if (Status writable = Writable(); !writable.ok()) return writable.error();
  const auto fits_no_volume = [&] {
    const Result<BackingSpace> space = backing_.Space();
    return space.ok() && size > space->total_bytes;
  };
  const Error too_big{EFBIG, "size beyond what the backing can hold"};
  // Backings without holes may count clusters in too few bits, and damage the file (seen with exfat-fuse).
  if (!capabilities_.sparse_files && size > kSafeSize && fits_no_volume()) return too_big;
  if (Status cut = content.Truncate(size); !cut.ok()) {
    if (cut.code() == EIO) Owe(inode, {});  // nobody knows what is left
    // More than the whole volume is no question of free space.
    if (cut.code() == ENOSPC && fits_no_volume()) return too_big;
    return cut.error();
  }
  // truncate(2) marks both times even when the size stays.
  return RefreshContent(inode, content, {.last_write = clock_.Now()});
}

Status CatalogVolume::NoteRead(InodeId inode) {
  Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (!record.ok()) return record.error();
  if ((record->flags & FS_NOATIME_FL) != 0) return {};
  const Timestamp now = clock_.Now();
  const bool due = record->atime <= record->mtime || record->atime <= record->ctime || Plus(record->atime, std::chrono::hours(24)) <= now;
  if (!due) return {};
  record->atime = now;
  Transaction transaction(catalog_);
  transaction.PutInode(inode, *record);
  return Commit(transaction);
}

}  // namespace hardlinkfs
