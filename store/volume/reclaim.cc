// Removing the contents of inodes without names. Never in the foreground, and never before the deletion itself is durable (S4).
#include <cerrno>

#include "store/base/rules.h"
#include "store/volume/catalog_volume.h"
#include "store/volume/spelling.h"

namespace hardlinkfs {

void CatalogVolume::Reclaim(InodeId orphan) {
  MutexLock lock(pending_mutex_);
  reclaimable_.push_back(orphan);
}

bool CatalogVolume::NeedsReclaim() {
  MutexLock lock(pending_mutex_);
  return !reclaimable_.empty() || !leftovers_.empty();
}

Result<size_t> CatalogVolume::ReclaimSome(size_t limit) {
  MutexLock background(background_mutex_);
  RemoveLeftovers();
  std::vector<InodeId> orphans;
  {
    MutexLock lock(pending_mutex_);
    while (!reclaimable_.empty() && orphans.size() < limit) {
      orphans.push_back(reclaimable_.front());
      reclaimable_.pop_front();
    }
  }
  if (orphans.empty()) return size_t{0};
  Status synced;
  if (Keeps(Rule::kDeletionBeforeRemoval)) synced = SyncCatalog();
  Status status = synced;
  size_t removed = 0;
  // Once more where something is to be left to adoption, which the first time only notes.
  for (bool again = synced.ok(); again;) {
    std::vector<InodeId> left;
    for (const InodeId orphan : orphans) {
      // One that cannot be removed does not hold up the others.
      const Result<bool> gone = RemoveOrphan(orphan);
      if (!gone.ok()) status = gone.error();
      if (gone.ok() && *gone) {
        ++removed;
      } else {
        left.push_back(orphan);
      }
    }
    orphans.swap(left);
    const Result<bool> distrusted = DistrustSome();
    if (!distrusted.ok()) status = distrusted.error();
    again = distrusted.ok() && *distrusted;
  }
  if (Status rescued = RescueAbandoned(); !rescued.ok()) status = rescued;
  MutexLock lock(pending_mutex_);
  reclaimable_.insert(reclaimable_.end(), orphans.begin(), orphans.end());
  if (removed == 0 && !status.ok()) return status.error();
  if (options_.reserve != nullptr) options_.reserve->Restore();
  return removed;
}

// RETURNS: whether what lies there may lose its record: it will be adopted by a later session, which has to know that it may be anybody's
// secret. If not, the directory is noted, so that it will.
bool CatalogVolume::LeaveToAdoption(const Place& home) {
  if (home.directory == kHomesDirectory) {
    MutexLock lock(pending_mutex_);
    abandoned_.push_back(home.name);
    return true;
  }
  const Result<InodeRecord> record = catalog_.ReadInode(home.directory);
  if (record.code() == ENOENT) return true;
  if (record.ok() && (record->trusted_since == 0 || !Keeps(Rule::kAbandonedIsDistrusted))) return true;
  MutexLock lock(pending_mutex_);
  distrusted_.insert(home.directory);
  return false;
}

// What is found in it later is taken for somebody's secret. REQUIRES: no lock held that comes after the inode locks.
Status CatalogVolume::Distrust(InodeId directory) {
  const auto held = locks().Exclusive(directory);
  Result<InodeRecord> record = catalog_.ReadInode(directory);
  if (!record.ok()) return record.code() == ENOENT ? Status() : record.status();
  if (record->trusted_since == 0) return {};
  record->trusted_since = 0;
  Transaction transaction(catalog_);
  transaction.PutInode(directory, *record);
  return Commit(transaction);
}

// RETURNS: whether there was any.
Result<bool> CatalogVolume::DistrustSome() {
  std::set<InodeId> directories;
  {
    MutexLock lock(pending_mutex_);
    directories.swap(distrusted_);
  }
  for (const InodeId directory : directories) {
    if (Status distrusted = Distrust(directory); !distrusted.ok()) return distrusted.error();
  }
  return !directories.empty();
}

Status CatalogVolume::RescueAbandoned() {
  std::vector<BackingName> names;
  {
    MutexLock lock(pending_mutex_);
    names.swap(abandoned_);
  }
  Status status;
  for (const BackingName& name : names) {
    if (Status rescued = RescueFromHomes(name); !rescued.ok()) status = rescued;  // the next mount tries again
  }
  return status;
}

// RETURNS: false when a directory is not empty, or not yet. What another machine put there since a session that ended in a crash is left
// alone, and will be adopted as what it is.
Result<bool> CatalogVolume::RemoveHome(InodeId orphan, const InodeRecord& record) {
  const Place& home = *record.home;
  const bool is_directory = record.type == FileType::kDirectory;
  const auto leave = [&]() -> Result<bool> {
    // What was removed from it could come back from a power cut, and nobody would know it any longer.
    if (is_directory) {
      if (Status synced = SyncEntries(orphan); !synced.ok()) return synced.error();
    }
    return LeaveToAdoption(home);
  };
  // It was somebody's last name when a snapshot of the catalog was made. What lies there now may have got a name since.
  if (record.unconfirmed) return leave();
  const bool of_this_session = verified_.Contains(orphan);
  const Result<BackingDirectoryRef> in = directories_.Open(home.directory);
  if (in.code() == ENOENT || in.code() == ENOTDIR) return true;
  if (!in.ok()) return in.error();
  if (!of_this_session) {
    const Result<BackingStat> there = backing_.Stat(*in, home.name);
    if (there.code() == ENOENT) return true;
    if (!there.ok()) return there.error();
    if (!capabilities_.case_sensitive) {
      // It was removed before a power cut took that back, and in its place may be somebody else's by now.
      const Result<bool> ours = IsSpelledSo(backing_, *in, home.name);
      if (!ours.ok()) return ours.error();
      if (!*ours) return true;
    }
    const bool comparable = record.type == FileType::kRegular && record.imported && !record.in_use && home.directory != kHomesDirectory;
    // A shorter one of the same time is what a power cut during its removal has left (FAT frees the content before the entry goes).
    const bool written = there->size > record.size || (there->size > 0 && there->mtime != record.seen_mtime);
    const bool changed = there->type != record.type || (comparable && written);
    if (changed) return leave();
  }
  const Status removed = is_directory ? backing_.RemoveDirectory(*in, home.name) : backing_.RemoveFile(*in, home.name);
  if (removed.code() == ENOTEMPTY || removed.code() == EEXIST) {
    // Of this session it waits for what is still open in it; but what a power cut brought back would stay for ever.
    if (of_this_session && !HoldsStrangers(orphan)) return false;
    return leave();
  }
  if (!removed.ok() && removed.code() != ENOENT) return removed.error();
  return true;
}

// RETURNS: false when the home of a removed directory still has residents: contents that were moved away in the catalog only.
Result<bool> CatalogVolume::RemoveOrphan(InodeId orphan) {
  const auto held = locks().Exclusive(orphan);
  const Result<bool> is_orphan = catalog_.IsOrphan(orphan);
  if (!is_orphan.ok()) return is_orphan.error();
  if (!*is_orphan) return true;
  // It may lie in either place, or both entries may lead to it: then to remove one would free the content of the other.
  if (UnresolvedMove(orphan).has_value()) return false;
  const Result<InodeRecord> record = catalog_.ReadInode(orphan);
  if (!record.ok() && record.code() != ENOENT) return record.error();
  // A content is not given up on the word of one row.
  const auto names = catalog_.NamesOf(orphan, 1);
  if (!names.ok()) return names.error();
  if (!names->empty() || (record.ok() && record->nlink != 0)) return Error{EUCLEAN, "an orphan has a name"};

  Transaction transaction(catalog_);
  transaction.DeleteOrphan(orphan);
  if (!record.ok()) return Commit(transaction).ok();
  const auto xattrs = catalog_.ListXattrs(orphan);
  if (!xattrs.ok()) return xattrs.error();
  for (const std::string& xattr : *xattrs) transaction.DeleteXattr(orphan, xattr);
  transaction.DeleteInode(orphan);
  if (!record->home.has_value()) {
    if (Status committed = Commit(transaction); !committed.ok()) return committed.error();
    --inode_count_;
    return true;
  }
  const Place& home = *record->home;
  const bool is_directory = record->type == FileType::kDirectory;
  if (is_directory) {
    const auto residents = catalog_.ListHomes(orphan, std::nullopt, 1);
    if (!residents.ok()) return residents.error();
    if (!residents->empty()) return false;
  }
  // Held until the commit: else a creation could take the place in between, and lose its row to this transaction.
  MutexLock home_lock(HomeLock(home.directory));
  const Result<InodeId> resident = catalog_.FindHome(home);
  if (!resident.ok() && resident.code() != ENOENT) return resident.error();
  // Only what is still ours there.
  if (resident.ok() && *resident == orphan) {
    const Result<bool> removed = RemoveHome(orphan, *record);
    if (!removed.ok() || !*removed) return removed;
    transaction.DeleteHome(home);
    // Else it could come back from a power cut without a record, as a stranger.
    if (Keeps(Rule::kRemovalIsSynced)) NoteNewEntries(home.directory);
  }
  if (Status committed = Commit(transaction); !committed.ok()) return committed.error();
  directories_.Forget(orphan);
  --inode_count_;
  return true;
}

}  // namespace hardlinkfs
