// The beginning and the end of a session: a new volume's root, what a crash left half done, and the clean end.
#include <spdlog/spdlog.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "store/base/rules.h"
#include "store/volume/catalog_volume.h"
#include "store/volume/spelling.h"

namespace hardlinkfs {
namespace {

constexpr size_t kInodesAtOnce = 512;

}  // namespace

Status CatalogVolume::Open(const std::string& uuid) {
  catalog_.engine().SetBeforePersist([this] { return BeforePersist(); });
  Result<MetaRecord> meta = catalog_.ReadMeta();
  if (!meta.ok() && meta.code() != ENOENT) return meta.error();
  const bool is_new = !meta.ok();
  Transaction transaction(catalog_);
  if (is_new) {
    Result<MetaRecord> made = MakeRoot(uuid, transaction);
    if (!made.ok()) return made.error();
    meta = made;
  }
  if (meta->format_version > MetaRecord().format_version) return Error{ENOTSUP, "the catalog has a newer format than this version knows"};
  if (meta->uuid != uuid) return Error{ESTALE, "the catalog belongs to another volume"};
  // Else a number could be given out again, and the record that has it would be overwritten.
  const auto beyond = catalog_.engine().Scan(keys::kInodes, keys::Inode(InodeId{meta->next_inode}));
  if (!beyond->status().ok()) return beyond->status();
  if (beyond->Valid()) return Error{EUCLEAN, "the catalog is damaged: inodes beyond the last number given out"};

  const bool after_crash = !meta->clean;
  inode_count_ = meta->inode_count;
  if (after_crash) {
    const Result<uint64_t> counted = catalog_.CountInodes();
    if (!counted.ok()) return counted.error();
    inode_count_ = *counted;
  }
  generation_ = ++meta->session;
  if (after_crash) meta->crash_session = meta->session;
  crash_session_ = meta->crash_session;
  meta->clean = false;
  {
    MutexLock lock(meta_mutex_);
    next_inode_ = meta->next_inode;
    meta->next_inode += kInodeNumberStretch;
    meta_ = *meta;
  }
  transaction.PutMeta(*meta);
  if (Status committed = Commit(transaction); !committed.ok()) return committed;
  if (is_new) {
    if (Status listed = PrepareDirectory(kRootInode); !listed.ok()) return listed;
  }
  if (Status synced = SyncCatalog(); !synced.ok()) return synced;

  const auto unresolved = ResolveIntents();
  if (!unresolved.ok()) return unresolved.error();
  if (Status queued = QueueOrphans(); !queued.ok()) return queued;
  SweepHomes();
  const auto detached = catalog_.ListDetached(InodeId{0}, 1);
  if (!detached.ok()) return detached.error();
  may_be_detached_ = !detached->empty() || !unresolved->empty();  // the settler looks at these again
  return {};
}

Result<MetaRecord> CatalogVolume::MakeRoot(const std::string& uuid, Transaction& transaction) {
  MetaRecord meta{.uuid = uuid, .next_inode = options_.first_inode, .session = options_.first_session};
  if (getrandom(&meta.hash_seed, sizeof meta.hash_seed, 0) != sizeof meta.hash_seed) return Error{EIO, "getrandom failed"};
  catalog_.UseHashSeed(meta.hash_seed);
  const Result<BackingStat> seen = backing_.StatDirectory(backing_.root());
  if (!seen.ok()) return seen.error();
  InodeRecord root{.type = FileType::kDirectory,
                   .mode = capabilities_.modes ? seen->mode : options_.directory_mode,
                   .uid = capabilities_.owners ? seen->uid : options_.uid,
                   .gid = capabilities_.owners ? seen->gid : options_.gid,
                   .nlink = 2,
                   .generation = 1,
                   .atime = seen->atime,
                   .mtime = seen->mtime,
                   .ctime = clock_.Now(),
                   .btime = seen->btime.value_or(seen->mtime)};
  root.parent = kRootInode;
  root.trusted_since = 1;
  transaction.PutInode(kRootInode, root);
  meta.inode_count = 1;
  return meta;
}

// A place may lie in a directory that is being moved itself, and cannot be found before that one is resolved.
// RETURNS: the inodes that cannot be looked at now. They wait, and keep both of their places; the volume can be used without them.
Result<std::set<InodeId>> CatalogVolume::ResolveIntents() {
  std::set<InodeId> unresolved;
  const auto intents = catalog_.ListIntents();
  if (!intents.ok()) return intents.error();
  std::vector<IntentRecord> left = *intents;
  bool any = false;
  for (bool progress = true; !left.empty();) {
    std::vector<IntentRecord> again;
    for (const IntentRecord& intent : left) {
      const auto held = locks().Exclusive(intent.inode);
      const Result<bool> resolved = ResolveIntent(intent, progress ? IfNowhere::kWait : IfNowhere::kGiveUp);
      any = any || (resolved.ok() && *resolved);
      // What looks like its second entry may be that of another one, which has not been looked at yet.
      const bool may_be_anothers = resolved.code() == EUCLEAN && progress;
      if (may_be_anothers || (resolved.ok() && !*resolved)) again.push_back(intent);
      if (may_be_anothers || resolved.ok()) continue;
      spdlog::warn("inode {} was being moved, and cannot be looked at: {} ({})", Raw(intent.inode), resolved.error().what,
                   std::strerror(resolved.code()));
      unresolved.insert(intent.inode);
      NoteUnresolved(intent);
    }
    progress = again.size() < left.size();
    left.swap(again);
  }
  // Before anybody can change what it was known by.
  if (any) {
    if (Status synced = SyncCatalog(); !synced.ok()) return synced.error();
  }
  return unresolved;
}

// RETURNS: false if the home of a directory, or of one above it, is not where it should be.
bool CatalogVolume::IsThere(InodeId directory) {
  const Result<BackingDirectoryRef> opened = directories_.Open(directory);
  return opened.code() != ENOENT && opened.code() != ENOTDIR;
}

// RETURNS: what lies at a place, if it is of the record's type.
Result<std::optional<BackingStat>> CatalogVolume::LookFor(const InodeRecord& record, const Place& place) {
  const auto nothing = [](const auto& result) { return result.code() == ENOENT || result.code() == ENOTDIR; };
  const Result<BackingDirectoryRef> in = directories_.Open(place.directory);
  if (nothing(in)) return std::optional<BackingStat>();
  if (!in.ok()) return in.error();
  const Result<BackingStat> seen = backing_.Stat(*in, place.name);
  if (nothing(seen)) return std::optional<BackingStat>();
  if (!seen.ok()) return seen.error();
  // Where a snapshot's record says it should be by now may lie another's.
  const bool may_be_anothers = record.unconfirmed && record.type == FileType::kRegular && place != *record.home;
  if (may_be_anothers && (seen->size != record.size || seen->mtime != record.seen_mtime)) return std::optional<BackingStat>();
  return seen->type == record.type ? std::optional(*seen) : std::nullopt;
}

// RETURNS: where it is of the two; `home` if nowhere. A move on FAT or exFAT that a power cut has left half done: both entries lead to one
// content. The fsck of the backing, at boot, leaves it to one of them, whichever it found first, and makes the other empty; that one is
// removed here. EUCLEAN: there was no such fsck. To remove either would free the content of both.
Result<Place> CatalogVolume::PartTwins(const IntentRecord& intent, const Spot& home, const Spot& other) {
  if (!home.seen.has_value() && other.seen.has_value()) return other.place;
  if (!other.seen.has_value()) return home.place;
  if (home.seen->type == FileType::kDirectory) return PartTwinDirectories(intent, home, other);
  if (home.seen->type != FileType::kRegular) return home.place;
  if (home.seen->size != 0 && other.seen->size != 0) {
    const bool same = home.seen->size == other.seen->size && home.seen->mtime == other.seen->mtime;
    if (!same) return home.place;  // the other was put there by somebody else
    return Error{EUCLEAN, "two entries of the backing lead to its content; it needs its own fsck"};
  }
  const bool is_home = home.seen->size != 0 || other.seen->size == 0;
  const Place& kept = is_home ? home.place : other.place;
  if (Status removed = RemoveTwin(is_home ? other.place : home.place, FileType::kRegular); !removed.ok()) return removed.error();
  return kept;
}

// fsck.exfat makes of the second entry of a directory one without clusters, which shows the size 0; any other directory there has one at
// least. (What fsck.vfat makes of it is its own to remove: the kernel does not look at it.)
Result<Place> CatalogVolume::PartTwinDirectories(const IntentRecord& intent, const Spot& home, const Spot& other) {
  const bool one_is_empty = (home.seen->size == 0) != (other.seen->size == 0);
  if (capabilities_.hard_links || !one_is_empty) return home.place;
  if (home.seen->size == 0) {
    const Result<bool> known = IsKnownBy(intent, other.place);
    if (!known.ok()) return known.error();
    const Result<bool> may_be = *known ? Result<bool>(true) : MayBeWithoutKnown(intent.inode);
    if (!may_be.ok()) return may_be.error();
    if (!*may_be) return home.place;
  }
  const Place& kept = home.seen->size != 0 ? home.place : other.place;
  if (IsFat()) return kept;
  const Status removed = RemoveTwin(home.seen->size != 0 ? other.place : home.place, FileType::kDirectory);
  // It holds something all the same, so it is somebody else's.
  if (!removed.ok() && removed.code() != ENOTEMPTY && removed.code() != EEXIST) return removed.error();
  return kept;
}

Status CatalogVolume::RemoveTwin(const Place& place, FileType type) {
  const Result<BackingDirectoryRef> in = directories_.Open(place.directory);
  if (!in.ok()) return in.error();
  if (!capabilities_.case_sensitive) {
    const Result<bool> spelled = IsSpelledSo(backing_, *in, place.name);
    if (!spelled.ok()) return spelled.error();
    if (!*spelled) return {};  // another's of the same letters, or its own that has lost its long name
  }
  const Status removed = type == FileType::kDirectory ? backing_.RemoveDirectory(*in, place.name) : backing_.RemoveFile(*in, place.name);
  if (!removed.ok() && removed.code() != ENOENT) return removed;
  NoteNewEntries(place.directory);
  return {};
}

// A move was announced; whether it was made, the backing tells. The record follows the backing. RETURNS: false if it is to be tried again.
Result<bool> CatalogVolume::ResolveIntent(const IntentRecord& intent, IfNowhere if_nowhere) {
  // Nothing comes to either place, or goes, between the look and the commit.
  const MutexPair home_locks(HomeLock(intent.from.directory), HomeLock(intent.to.directory));
  Result<InodeRecord> record = catalog_.ReadInode(intent.inode);
  if (!record.ok() && record.code() != ENOENT) return record.error();
  Transaction transaction(catalog_);
  transaction.DeleteIntent(intent.inode);
  if (record.ok() && (record->home == intent.from || record->home == intent.to)) {
    const Place elsewhere = record->home == intent.from ? intent.to : intent.from;
    const bool may_be_moving = !IsThere(record->home->directory) || !IsThere(elsewhere.directory);
    if (may_be_moving && if_nowhere == IfNowhere::kWait) return false;
    const auto at_home = LookFor(*record, *record->home);
    if (!at_home.ok()) return at_home.error();
    const auto at_elsewhere = LookFor(*record, elsewhere);
    if (!at_elsewhere.ok()) return at_elsewhere.error();
    Spot home{*record->home, *at_home};
    Spot other{elsewhere, *at_elsewhere};
    Spot& from = record->home == intent.from ? home : other;
    const Spot& to = record->home == intent.from ? other : home;
    // Of a directory with two entries the backing's fsck leaves one.
    if (!from.seen.has_value() && !(record->type == FileType::kDirectory && to.seen.has_value()) && Keeps(Rule::kTornIsFound)) {
      const Result<std::optional<Spot>> torn = FindTorn(intent, record->type);
      if (!torn.ok()) return torn.error();
      if (torn->has_value()) {
        from = **torn;
        MutexLock lock(pending_mutex_);
        torn_[intent.inode] = from.place;
      }
    }
    const Result<InodeId> resident = catalog_.FindHome(elsewhere);
    if (!resident.ok() && resident.code() != ENOENT) return resident.error();
    if (!home.seen.has_value() && !other.seen.has_value() && if_nowhere == IfNowhere::kWait) return false;
    if (resident.ok()) other.seen.reset();
    const Result<Place> is_at = PartTwins(intent, home, other);
    if (!is_at.ok()) return is_at.error();
    if (*is_at != *record->home && Keeps(Rule::kIntentsResolved)) {
      transaction.DeleteHome(*record->home);
      transaction.PutHome(*is_at, intent.inode);
      record->home = *is_at;
      transaction.PutInode(intent.inode, *record);
    }
    transaction.PutDetached(intent.inode);  // the settler looks whether that is still so
  }
  if (Status committed = Commit(transaction); !committed.ok()) return committed.error();
  directories_.Unpin(intent.inode);
  {
    MutexLock lock(pending_mutex_);
    unresolved_.erase(intent.inode);
    torn_.erase(intent.inode);
  }
  LeavePlace(intent.from);
  LeavePlace(intent.to);
  return true;
}

void CatalogVolume::NoteUnresolved(const IntentRecord& intent) {
  MutexLock lock(pending_mutex_);
  unresolved_[intent.inode] = intent;
  announced_.insert(AsTheBackingSees(intent.from));
  announced_.insert(AsTheBackingSees(intent.to));
}

std::optional<IntentRecord> CatalogVolume::UnresolvedMove(InodeId inode) {
  MutexLock lock(pending_mutex_);
  const auto found = unresolved_.find(inode);
  return found == unresolved_.end() ? std::nullopt : std::optional(found->second);
}

// RETURNS: whether what lies there may be what was to be moved there, or away.
bool CatalogVolume::IsAwaited(const Place& place) {
  MutexLock lock(pending_mutex_);
  if (unresolved_.empty()) return false;  // as a rule, and this is asked for each entry that is adopted
  const Place seen = AsTheBackingSees(place);
  for (const auto& [inode, move] : unresolved_) {
    const auto torn = torn_.find(inode);
    if (torn != torn_.end() && AsTheBackingSees(torn->second) == seen) return true;
    if (AsTheBackingSees(move.from) == seen || AsTheBackingSees(move.to) == seen) return true;
  }
  return false;
}

Status CatalogVolume::QueueOrphans() {
  for (InodeId after{0};;) {
    const auto orphans = catalog_.ListOrphans(after, kInodesAtOnce);
    if (!orphans.ok()) return orphans.error();
    if (orphans->empty()) return {};
    for (const InodeId orphan : *orphans) Reclaim(orphan);
    after = orphans->back();
  }
}

Status CatalogVolume::Close() {
  Status failed = QueueOrphans();
  for (bool progress = true; progress;) {
    const Result<size_t> reclaimed = ReclaimSome(kInodesAtOnce);
    const Result<size_t> settled = SettleSome(kInodesAtOnce);
    progress = (reclaimed.ok() && *reclaimed > 0) || (settled.ok() && *settled > 0);
    // What cannot be tidied up now stays for the next session; it must not cost the others their sync.
    const bool full = IsFull(reclaimed.code()) || IsFull(settled.code());
    if (!progress && full && options_.reserve != nullptr && options_.reserve->GiveUp()) progress = true;
    if (!progress && !reclaimed.ok()) failed = reclaimed.error();
    if (!progress && !settled.ok()) failed = settled.error();
  }
  if (Status synced = SyncAll(); !synced.ok()) return synced;
  Transaction transaction(catalog_);
  {
    MutexLock lock(meta_mutex_);
    meta_.clean = !doubted_;
    meta_.next_inode = next_inode_;
    meta_.inode_count = inode_count_.load();
    transaction.PutMeta(meta_);
  }
  if (Status committed = Commit(transaction); !committed.ok()) return committed;
  if (Status synced = catalog_.engine().Sync(); !synced.ok()) return synced;
  return failed;
}

}  // namespace hardlinkfs
