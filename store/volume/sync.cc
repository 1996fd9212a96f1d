// Durability, in the order of S2 and S7 of docs/crash-consistency.md: what a record relies on is durable before the record is promised.
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstring>

#include "store/base/rules.h"
#include "store/volume/catalog_volume.h"

namespace hardlinkfs {
namespace {

constexpr int kTries = 16;

}  // namespace

// After a failed fsync the kernel may have thrown the dirty pages away and call them clean: the next fsync would succeed and mean nothing.
// What was removed meanwhile needs no sync.
Status CatalogVolume::NoteSync(Status synced) {
  if (synced.ok() || synced.code() == ENOENT) return {};
  // Of the opening before the fsync, which does not know them: nothing was lost, and it can be asked again.
  if (synced.code() == EMFILE || synced.code() == ENFILE) return synced;
  if (Keeps(Rule::kFailedSyncIsFinal) && !sync_failed_.exchange(true)) {
    if (options_.sync_failed) options_.sync_failed();
    {
      MutexLock lock(pending_mutex_);
      failure_ = {synced.error(), clock_.Now()};
    }
    spdlog::error("a sync failed: {} ({}); nothing can be changed until the volume is mounted again", synced.error().what,
                  std::strerror(synced.code()));
  }
  return Error{EIO, synced.error().what};
}

Status CatalogVolume::NoteFinalSync(const Status& synced) {
  const bool is_of_opening = synced.code() == EMFILE || synced.code() == ENFILE;
  return NoteSync(is_of_opening ? Status(Error{EIO, synced.error().what}) : synced);
}

Status CatalogVolume::SyncFile(BackingFile& file) {
  const std::shared_lock gate(move_gate_);
  return NoteSync(file.Sync());
}

Status CatalogVolume::Writable() const {
  if (sync_failed_) return Error{EROFS, "an earlier sync failed"};
  return {};
}

// Without its lock the home may move between the look at the record and the opening: then it is looked at again.
Status CatalogVolume::SyncContentOf(InodeId inode) {
  std::optional<Place> tried;
  for (int i = 0; i < kTries; ++i) {
    const Result<InodeRecord> record = catalog_.ReadInode(inode);
    if (record.code() == ENOENT) return {};  // it lost its names since, and was removed
    if (!record.ok()) return record.error();
    if (tried.has_value() && record->home == tried) return {};
    tried = record->home;
    Result<std::unique_ptr<BackingFile>> content = OpenContent(inode);
    if (content.ok()) return SyncFile(**content);
    if (content.code() != ENOENT) return content.error();
  }
  return Error{EIO, "the home does not stay where it is"};
}

Status CatalogVolume::SyncCatalog() {
  MutexLock sync_lock(sync_mutex_);
  if (sync_failed_) return Error{EIO, "an earlier sync failed"};
  // Most of it before the gates close, so that commits wait for little.
  Status synced;
  for (int round = 0; synced.ok() && round < 2; ++round) synced = SyncReliedOn(HomesMayMove::kYes);
  if (!synced.ok()) return synced;

  std::unique_lock gate(takeover_gate_, std::defer_lock);
  std::unique_lock commits(commit_gate_, std::defer_lock);
  if (Keeps(Rule::kGatesAreClosed)) {
    gate.lock();
    commits.lock();
  }
  synced = SyncReliedOn(HomesMayMove::kNo);
  if (!synced.ok()) return synced;
  std::unordered_set<InodeId> listings;
  std::set<Place> places;
  {
    MutexLock lock(pending_mutex_);
    listings = fresh_listings_;
    places = left_;
  }
  const uint64_t committed = committed_.load();
  bool chosen = false;
  std::shared_lock moves(move_gate_, std::defer_lock);  // on exFAT fsync of the log writes everybody's entries, too
  synced = catalog_.engine().Sync([&] {
    chosen = true;
    commits = {};
    gate = {};
    moves.lock();
  });
  if (chosen) moves.unlock();
  if (!synced.ok()) {
    // Before that no fsync has failed: it can be asked again.
    return chosen ? NoteSync(synced) : synced;
  }
  synced_ = committed;
  MutexLock lock(pending_mutex_);
  for (const InodeId directory : listings) fresh_listings_.erase(directory);
  for (const Place& place : places) left_.erase(place);
  return {};
}

// What the commits so far rely on: entries of the backing (S2), and contents that took over a name (S7).
Status CatalogVolume::SyncReliedOn(HomesMayMove homes_may_move) {
  Status synced;
  if (Keeps(Rule::kEntriesBeforeLog)) synced = SyncNewEntries();
  if (synced.ok() && Keeps(Rule::kTakeoversBeforeLog)) synced = SyncTakeovers(homes_may_move);
  return synced;
}

// The contents that took over a name. While they are being synced they stay where BeforePersist finds them.
Status CatalogVolume::SyncTakeovers(HomesMayMove homes_may_move) {
  {
    MutexLock lock(pending_mutex_);
    syncing_takeovers_.swap(takeovers_);
  }
  Status synced;
  for (const InodeId inode : syncing_takeovers_) {
    std::optional<LockTable::Held> held;
    if (homes_may_move == HomesMayMove::kYes) held.emplace(locks().Shared(inode));
    synced = SyncContentOf(inode);
    if (!synced.ok()) break;
  }
  MutexLock lock(pending_mutex_);
  if (!synced.ok()) takeovers_.merge(syncing_takeovers_);
  syncing_takeovers_.clear();
  return synced;
}

// The engine is about to make commits durable by itself, and may hold up whoever commits until this returns: so without the gates and
// without inode locks. Whatever took over a name in those commits is in one of the sets already.
Status CatalogVolume::BeforePersist() {
  std::set<InodeId> inodes;
  {
    MutexLock lock(pending_mutex_);
    inodes = takeovers_;
    inodes.insert(syncing_takeovers_.begin(), syncing_takeovers_.end());
  }
  Status synced;
  if (Keeps(Rule::kEntriesBeforePersist)) synced = SyncNewEntries();
  for (const InodeId inode : inodes) {
    if (synced.ok() && Keeps(Rule::kTakeoversBeforePersist)) synced = SyncContentOf(inode);
  }
  // Now or never: what could not be synced is promised in a moment.
  return NoteFinalSync(synced);
}

// The entries of one home, if any are new. Under its lock: who finds nothing to do must not return before whoever is at it.
Status CatalogVolume::SyncEntries(InodeId directory) {
  const MutexLock syncing(EntriesLock(directory));
  {
    MutexLock lock(pending_mutex_);
    if (unsynced_directories_.erase(directory) == 0) return {};
    syncing_directories_.insert(directory);
  }
  Status synced;
  const Result<BackingDirectoryRef> ref = directories_.Open(directory);
  // Gone, or something else is in its place: then nothing in it is relied on.
  if (ref.code() != ENOENT && ref.code() != ENOTDIR) {
    const std::shared_lock gate(move_gate_);
    synced = ref.ok() ? NoteSync(backing_.SyncDirectory(*ref)) : ref.status();
  }
  MutexLock lock(pending_mutex_);
  syncing_directories_.erase(directory);
  if (!synced.ok()) unsynced_directories_.insert(directory);
  return synced;
}

// All of them, not only those on the way to one home: the names that are promised may lie in, or their homes beside, any directory made
// since.
Status CatalogVolume::SyncNewEntries() {
  std::unordered_set<InodeId> directories;
  {
    MutexLock lock(pending_mutex_);
    directories = unsynced_directories_;
    directories.insert(syncing_directories_.begin(), syncing_directories_.end());
  }
  for (const InodeId directory : directories) {
    if (Status synced = SyncEntries(directory); !synced.ok()) return synced;
  }
  return {};
}

// vfat writes what is new in the first cluster of a directory when the directory above is synced, until that has happened once
// (fs/fat/dir.c: fat_alloc_new_dir). Whoever made the directory before this session need not have synced that.
void CatalogVolume::NoteNewEntries(InodeId directory) {
  std::optional<InodeId> above;
  if (!synced_above_.Contains(directory)) {
    const Result<InodeRecord> record = catalog_.ReadInode(directory);
    if (record.ok() && record->home.has_value()) above = record->home->directory;
  }
  MutexLock lock(pending_mutex_);
  unsynced_directories_.insert(directory);
  if (above.has_value()) unsynced_directories_.insert(*above);
  synced_above_.Insert(directory);
}

// RETURNS: whether a power cut may leave the content other than its record says.
bool CatalogVolume::IsContentUnsynced(InodeId inode) {
  MutexLock lock(pending_mutex_);
  return unsynced_contents_.contains(inode) || syncing_contents_.contains(inode);
}

bool CatalogVolume::NeedsSync() {
  if (sync_failed_) return false;
  if (committed_.load() != synced_.load()) return true;
  MutexLock lock(pending_mutex_);
  return !unsynced_contents_.empty() || !unsynced_directories_.empty();
}

Status CatalogVolume::SyncAll() {
  std::unordered_set<InodeId> contents;
  {
    MutexLock lock(pending_mutex_);
    contents.swap(unsynced_contents_);
    syncing_contents_.insert(contents.begin(), contents.end());
  }
  Status failed;
  for (const InodeId inode : Keeps(Rule::kContentsBeforeLog) ? contents : std::unordered_set<InodeId>()) {
    const auto held = locks().Shared(inode);
    const Status synced = SyncContentOf(inode);
    if (!synced.ok()) failed = synced;
  }
  {
    MutexLock lock(pending_mutex_);
    for (const InodeId inode : contents) syncing_contents_.erase(inode);
    if (!failed.ok()) unsynced_contents_.merge(contents);
  }
  if (!failed.ok()) return failed;
  return SyncCatalog();
}

}  // namespace hardlinkfs
