// The settler: moves detached homes to where their names say, so that the backing read by itself shows every file under one of its names.
// In batches: intents, one sync of the log, moves, and the commit that retires the intents (S1). What moved is durable before that commit
// is, as before any (S3).
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <set>

#include "store/backing/case_fold.h"
#include "store/base/rules.h"
#include "store/volume/catalog_volume.h"
#include "store/volume/loop_guard.h"
#include "store/volume/spelling.h"

namespace hardlinkfs {
namespace {

constexpr std::chrono::milliseconds kPatience{100};

bool SameButForCase(const BackingName& a, const BackingName& b) { return CaseFold(a.bytes()) == CaseFold(b.bytes()); }

}  // namespace

// A directory is settled when its home, and that of every directory above, lies where its name says. Only into such a one may anything be
// moved: what lies above it on the backing is then what lies above it in the catalog, so a directory is never moved into itself.
Result<bool> CatalogVolume::IsSettled(InodeId directory) const {
  LoopGuard guard(directory);
  for (InodeId at = directory; at != kRootInode;) {
    const Result<InodeRecord> record = catalog_.ReadInode(at);
    if (!record.ok()) return record.error();
    if (record->nlink == 0 || !record->home.has_value() || record->home->directory != record->parent) return false;
    const auto names = catalog_.NamesOf(at, 1);
    if (!names.ok()) return names.error();
    if (names->empty()) return false;
    const Result<Name> name = Name::From(names->front().record.name);
    if (!name.ok()) return name.error();
    if (!LiesUnder(record->home->name, *name)) return false;
    at = record->parent;
    if (guard.Repeats(at)) return Error{EUCLEAN, "directories lie inside each other"};
  }
  return true;
}

// RETURNS: whether one of the names says `place`.
bool CatalogVolume::IsAtOneOf(const Place& place, const std::vector<NameRow>& names) const {
  return std::ranges::any_of(names, [&](const NameRow& row) {
    if (row.directory != place.directory) return false;
    const Result<Name> name = Name::From(row.record.name);
    return name.ok() && LiesUnder(place.name, *name);
  });
}

// RETURNS: the move to make now, or nothing: no move is needed (the row goes), or the place is not free yet. With `break_cycles` what
// occupies the place is sent to homes/ instead of being waited for.
Result<std::optional<CatalogVolume::Move>> CatalogVolume::PlanMove(InodeId inode, bool break_cycles) {
  const auto held = locks().Exclusive(inode);
  const Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (!record.ok() && record.code() != ENOENT) return record.error();
  const auto done = [&]() -> Result<std::optional<Move>> {
    Transaction transaction(catalog_);
    transaction.DeleteDetached(inode);
    if (Status committed = Commit(transaction); !committed.ok()) return committed.error();
    return std::optional<Move>();
  };
  if (!record.ok() || record->nlink == 0 || !record->home.has_value()) return done();
  const auto rows = catalog_.NamesOf(inode, Catalog::kNamesConsidered);
  if (!rows.ok()) return rows.error();
  const Place& home = *record->home;
  if (IsAtOneOf(home, *rows)) return done();
  for (const NameRow& row : *rows) {
    const Result<bool> settled = IsSettled(row.directory);
    if (!settled.ok()) return settled.error();
    if (!*settled) continue;
    const Result<Name> name = Name::From(row.record.name);
    if (!name.ok()) return name.error();
    for (const BackingName& spelling : {codec_.Natural(*name), codec_.Alternate(*name)}) {
      const Place to{row.directory, spelling};
      const Result<InodeId> resident = catalog_.FindHome(to);
      if (resident.ok()) {
        const Result<InodeRecord> other = catalog_.ReadInode(*resident);
        if (!other.ok()) return other.error();
        if (break_cycles) return std::optional(Move{{*resident, to, HomesPlace(*resident)}, true});
        break;  // it will go away: every home at a place that is not its own is detached or an orphan's
      }
      if (resident.code() != ENOENT) return resident.error();
      // Some backings cannot change the case of a name in one step (the kernel's vfat only pretends): through homes/, in two moves.
      if (!capabilities_.case_sensitive && home.directory == row.directory && SameButForCase(home.name, spelling)) {
        return std::optional(Move{{inode, home, HomesPlace(inode)}, true});
      }
      const Result<BackingDirectoryRef> in = directories_.Open(row.directory);
      if (in.code() == ENOENT) break;  // vanished; its names go when it is touched
      if (!in.ok()) return in.error();
      const Result<BackingStat> there = backing_.Stat(*in, spelling);
      if (there.ok() || IsRefused(to)) continue;  // a clash: the other spelling
      if (!there.ok() && there.code() != ENOENT) return there.error();
      const Result<bool> both = WritesBothEntries(home.directory, row.directory);
      if (!both.ok()) return both.error();
      if (*both) return std::optional(Move{{inode, home, HomesPlace(inode)}, true});
      return std::optional(Move{{inode, home, to}, false});
    }
  }
  return std::optional<Move>();
}

// By its times, which count two seconds: nothing else without hard links does that. (What lets nobody set times is taken for it as well.)
bool CatalogVolume::IsFat() const { return !capabilities_.hard_links && capabilities_.time_granularity >= std::chrono::seconds(2); }

// Whether on FAT, where an entry is all there is of a file, the sync that makes its new entry durable could also write that the old one is
// gone: with both in one directory, or the old one in the directory that `to` itself has its entry in, which fsync of `to` writes.
Result<bool> CatalogVolume::WritesBothEntries(InodeId from, InodeId to) const {
  if (!IsFat() || !Keeps(Rule::kEntriesApart)) return false;
  if (from == to) return true;
  if (to == kRootInode || to == kHomesDirectory) return false;
  const Result<InodeRecord> directory = catalog_.ReadInode(to);
  if (!directory.ok()) return directory.error();
  return directory->home.has_value() && directory->home->directory == from;
}

Result<bool> CatalogVolume::MakeMove(const Move& move) {
  // A sync that failed may have been that of a directory: what is moved there now would never get to the disk.
  if (Status writable = Writable(); !writable.ok()) return writable.error();
  const auto held = locks().Exclusive(move.inode);
  Result<InodeRecord> record = catalog_.ReadInode(move.inode);
  if (!record.ok() && record.code() != ENOENT) return record.error();
  if (!record.ok() || record->home != move.from || record->unconfirmed) return false;
  if (!move.to_homes) {
    const Result<InodeRecord> parent = catalog_.ReadInode(move.to.directory);
    if (!parent.ok() || parent->nlink == 0) return false;
    // No lock was held since the plan was made: the name may be another's by now.
    const auto names = catalog_.NamesOf(move.inode, Catalog::kNamesConsidered);
    if (!names.ok()) return names.error();
    if (record->nlink == 0 || !IsAtOneOf(move.to, *names)) return false;
    const Result<bool> settled = IsSettled(move.to.directory);
    if (!settled.ok()) return settled.error();
    const Result<bool> both = WritesBothEntries(move.from.directory, move.to.directory);
    if (!both.ok()) return both.error();
    if (!*settled || *both) return false;
  }
  std::shared_lock gate(takeover_gate_);  // SyncCatalog opens contents without inode locks under the closed gate
  const MutexPair home_locks(HomeLock(move.from.directory), HomeLock(move.to.directory));  // the entries of both change

  const Result<InodeId> resident = catalog_.FindHome(move.to);
  if (resident.code() != ENOENT) return false;
  const Result<BackingDirectoryRef> from = directories_.Open(move.from.directory);
  if (!from.ok()) return from.error();
  const Result<BackingDirectoryRef> to = directories_.Open(move.to.directory);
  if (to.code() == ENOENT) return false;
  if (!to.ok()) return to.error();
  if (record->nlink == 0 && !capabilities_.case_sensitive && !verified_.Contains(move.inode)) {
    // It was removed before a power cut took that back, and in its place may be somebody else's by now.
    const Result<bool> ours = IsSpelledSo(backing_, *from, move.from.name);
    if (!ours.ok()) return ours.error();
    if (!*ours) return Error{ENOENT, "removed before a power cut"};
  }
  const bool is_directory = record->type == FileType::kDirectory;
  if (is_directory) {
    if (Status pinned = directories_.Pin(move.inode); !pinned.ok()) return pinned.error();
  }
  bool lost_track = false;
  const auto commit = [&]() -> Status {
    if (Status renamed = MoveEntry(move.from, move.to, record->type, *from, *to, &move); !renamed.ok()) {
      lost_track = !Writable().ok();
      return renamed;
    }
    Transaction transaction(catalog_);
    transaction.DeleteHome(move.from);
    transaction.PutHome(move.to, move.inode);
    record->home = move.to;
    transaction.PutInode(move.inode, *record);
    if (move.to_homes) {
      transaction.PutDetached(move.inode);
    } else {
      transaction.DeleteDetached(move.inode);
    }
    Status committed = Commit(transaction);
    if (committed.ok()) return {};
    lost_track = !Writable().ok();
    if (lost_track) return committed;  // it is durable where it is, and the next session finds it there
    // Back, or the file could not be opened until the intent is resolved. If this fails too, that is what happens.
    Status undone = SyncEntries(move.from.directory);
    if (undone.ok()) undone = SyncEntries(move.to.directory);
    if (undone.ok()) undone = MoveEntry(move.to, move.from, record->type, *to, *from);
    lost_track = !undone.ok();
    return committed;
  };
  const Status moved = commit();
  if (lost_track) return moved.error();  // still pinned, so that nothing inside seems to have vanished
  if (is_directory) directories_.Unpin(move.inode);
  if (moved.code() == EEXIST) {
    MutexLock lock(pending_mutex_);
    refused_.insert(move.to);
  }
  if (moved.code() == EEXIST || moved.code() == EINVAL || moved.code() == EAGAIN) return false;
  if (!moved.ok()) return moved.error();
  return true;
}

// After a sync that failed it is back as a rule, and the next session looks where it is. EAGAIN: not now.
Status CatalogVolume::MoveEntry(const Place& from, const Place& to, FileType type, const BackingDirectoryRef& from_ref,
                                const BackingDirectoryRef& to_ref, const IntentRecord* announced) {
  using File = Result<std::unique_ptr<BackingFile>>;
  using Directory = Result<BackingDirectoryRef>;
  const File file = type == FileType::kRegular ? backing_.OpenFile(from_ref, from.name) : File(nullptr);
  if (!file.ok()) return file.error();
  const Directory directory = type == FileType::kDirectory ? backing_.OpenDirectory(from_ref, from.name) : Directory(nullptr);
  if (!directory.ok()) return directory.error();
  // What a power cut leaves of the old entry beside the new one shall show the same size and time.
  if (*file != nullptr && Keeps(Rule::kMovedFileIsSynced)) {
    if (Status synced = SyncFile(**file); !synced.ok()) return synced;
  }
  // Who syncs may need long; the settler is in no hurry, and holds what others wait for.
  const std::unique_lock gate(move_gate_, kPatience);
  if (!gate.owns_lock()) return Error{EAGAIN, "others sync"};
  if (announced != nullptr && *file != nullptr && IsFat()) {
    const Result<BackingStat> seen = (*file)->Stat();
    if (!seen.ok()) return seen.error();
    if (seen->size != announced->size || seen->mtime != announced->mtime) return Error{EAGAIN, "written since it was announced"};
  }
  const Result<BackingStat> before = backing_.StatDirectory(to_ref);
  if (!before.ok()) return before.error();
  if (Keeps(Rule::kMovesAreSynced)) {
    NoteNewEntries(from.directory);
    NoteNewEntries(to.directory);
  }
  if (Status renamed = backing_.Rename(from_ref, from.name, to_ref, to.name); !renamed.ok()) return renamed;
  const Moved moved{file->get(), *directory};
  Status synced = SyncMove(moved, to_ref, before->size);
  if (synced.ok()) return {};
  // Back, before anything that is synced yet takes the old entry from the disk: its name still lies there. If that fails too, nothing can
  // be helped.
  if (backing_.Rename(to_ref, to.name, from_ref, from.name).ok()) static_cast<void>(SyncMoved(moved));
  return synced;
}

Status CatalogVolume::SyncMoved(const Moved& moved) {
  if (moved.file != nullptr && Keeps(Rule::kMovedFileIsSynced)) return NoteFinalSync(moved.file->Sync());
  if (moved.directory != nullptr && Keeps(Rule::kMovedDirectoryIsSynced)) return NoteFinalSync(backing_.SyncDirectory(moved.directory));
  return {};
}

// The new entry is whole on the disk before the old one goes.
// - On FAT it leads to nothing until fsync of what was moved writes that, and a long name of it may lie in a block before, which that fsync
//   does not write: so the directory first. The old entry is whole all the while.
// - The kernel's exFAT writes at an fsync the entry of what is synced, waits for that, and then writes all other blocks, in any order. So
//   what was moved is first; unless the directory has grown for it, which counts only when the directory's own entry says so.
Status CatalogVolume::SyncMove(const Moved& moved, const BackingDirectoryRef& to, uint64_t size_before) {
  const Result<BackingStat> after = backing_.StatDirectory(to);
  const bool has_grown = !after.ok() || after->size != size_before;
  const auto sync_directory = [&]() -> Status {
    if (Keeps(Rule::kTargetBeforeSource)) return NoteFinalSync(backing_.SyncDirectory(to));
    return {};
  };
  if (IsFat() || has_grown) {
    if (Status synced = sync_directory(); !synced.ok()) return synced;
    return SyncMoved(moved);
  }
  if (Status synced = SyncMoved(moved); !synced.ok()) return synced;
  return sync_directory();
}

void CatalogVolume::LeavePlaces(const Move& move) {
  LeavePlace(move.from);
  LeavePlace(move.to);
}

// What is left of an entry of FAT is recognized by what it shows. RETURNS: a failed sync; the settler looks at what cannot be opened later.
Status CatalogVolume::DescribeMove(Move& move) {
  if (!IsFat()) return {};
  const Result<InodeRecord> record = catalog_.ReadInode(move.inode);
  if (!record.ok() || record->type != FileType::kRegular) return {};
  const Result<std::unique_ptr<BackingFile>> content = OpenContentAt(move.from);
  if (!content.ok()) return {};
  if (Status synced = SyncFile(**content); !synced.ok()) return synced;
  const Result<BackingStat> seen = (*content)->Stat();
  if (!seen.ok()) return {};
  move.size = seen->size;
  move.mtime = seen->mtime;
  return {};
}

Result<size_t> CatalogVolume::MakeMoves(std::vector<Move> moves) {
  if (moves.empty()) return size_t{0};
  for (Move& move : moves) {
    if (Status described = DescribeMove(move); !described.ok()) return described.error();
  }
  Transaction intents(catalog_);
  for (const Move& move : moves) intents.PutIntent(move);
  {
    // Before anybody else could use one of the places: what lies there is taken for what was to be moved.
    MutexLock lock(pending_mutex_);
    for (const Move& move : moves) {
      announced_.insert(AsTheBackingSees(move.from));
      announced_.insert(AsTheBackingSees(move.to));
    }
  }
  // With the intents what a directory itself lies in becomes durable too: fsync of what is moved does not write that.
  for (const Move& move : moves) NoteNewEntries(move.to.directory);
  if (Status committed = Commit(intents); !committed.ok()) {
    for (const Move& move : moves) LeavePlaces(move);
    return committed.error();
  }
  if (Keeps(Rule::kIntentBeforeMove)) {
    if (Status synced = SyncCatalog(); !synced.ok()) {
      for (const Move& move : moves) NoteUnresolved(move);
      return synced.error();
    }
  }
  return MakeAnnouncedMoves(moves);
}

// What a power cut may leave of an entry of FAT on its way out tells which one it was by size and time (of a directory, by what lives in
// it, which others may have, too). So before another like it is moved from there, the entries of the first are gone for good.
Status CatalogVolume::KeepApart(const Move& move, std::set<LookOfMoved>& leaving) {
  if (!IsFat() || !Keeps(Rule::kAlikeApart)) return {};
  const LookOfMoved look{move.from.directory, move.size, move.mtime};
  if (leaving.insert(look).second) return {};
  std::erase_if(leaving, [&](const LookOfMoved& other) { return std::get<0>(other) == move.from.directory; });
  leaving.insert(look);
  return SyncEntries(move.from.directory);
}

Result<size_t> CatalogVolume::MakeAnnouncedMoves(const std::vector<Move>& moves) {
  size_t moved = 0;
  Status failed;
  std::vector<Move> done;
  std::set<LookOfMoved> leaving;
  Transaction retired(catalog_);
  for (const Move& move : moves) {
    const Status apart = KeepApart(move, leaving);
    const Result<bool> made = apart.ok() ? MakeMove(move) : apart.error();
    // What is not there any more has no move to make: an orphan, the content of which was removed before a power cut took its end back.
    const bool vanished = made.code() == ENOENT || made.code() == ENOTDIR;
    if (!made.ok() && !vanished) {
      failed = made.error();
      NoteUnresolved(move);  // its intent stays, and is resolved before the next batch
      continue;
    }
    retired.DeleteIntent(move.inode);
    done.push_back(move);
    if (!vanished && *made) ++moved;
  }
  Status ended = SyncNewEntries();
  if (ended.ok()) ended = Commit(retired);
  if (!ended.ok()) {
    for (const Move& move : done) NoteUnresolved(move);
    return ended.error();
  }
  for (const Move& move : done) LeavePlaces(move);
  if (moved == 0 && !failed.ok()) return failed.error();
  return moved;
}

// vfat with iocharset=utf8 takes "c" and "C" for two names when it looks, and for one when it makes them. What it has refused for that is
// planned anew, with the other spelling; or a clean unmount would leave it in homes/.
Result<size_t> CatalogVolume::SettleSome(size_t limit) {
  MutexLock background(background_mutex_);
  const auto refused = [this] {
    MutexLock lock(pending_mutex_);
    return refused_.size();
  };
  for (size_t before = refused();;) {
    const Result<size_t> moved = SettleBatch(limit);
    const size_t after = refused();
    if (!moved.ok() || *moved > 0 || after == before) return moved;
    before = after;
  }
}

bool CatalogVolume::IsRefused(const Place& place) {
  MutexLock lock(pending_mutex_);
  return refused_.contains(place);
}

// REQUIRES: background_mutex_.
Result<size_t> CatalogVolume::SettleBatch(size_t limit) {
  // Left by a batch that failed. A new intent of the same inode must not take their place.
  const auto unresolved = ResolveIntents();
  if (!unresolved.ok()) return unresolved.error();
  std::vector<Move> moves;
  bool any = false;
  may_be_detached_ = false;  // before the look, so that what comes meanwhile counts
  // Two looks: in the second, with nothing to move in the first, homes that wait for each other are torn apart.
  for (const bool break_cycles : {false, true}) {
    std::set<InodeId> moving;
    std::set<Place> taken;
    for (InodeId after{0}; moves.size() < limit;) {
      const auto detached = catalog_.ListDetached(after, limit);
      if (!detached.ok()) return detached.error();
      if (detached->empty()) break;
      any = true;
      after = detached->back();
      for (const InodeId inode : *detached) {
        if (unresolved->contains(inode)) continue;
        // One that cannot be looked at now stands in nobody's way. An orphan is left to the reclaimer, with what may lie in its place.
        const Result<bool> orphan = catalog_.IsOrphan(inode);
        if (!orphan.ok()) continue;
        if (Status prepared = *orphan ? Status() : Prepare(inode); !prepared.ok() && prepared.code() != ENOENT) continue;
        const Result<std::optional<Move>> move = PlanMove(inode, break_cycles);
        if (!move.ok()) continue;
        if (!move->has_value() || unresolved->contains((*move)->inode) || !moving.insert((*move)->inode).second ||
            !taken.insert(AsTheBackingSees((*move)->to)).second)
          continue;
        moves.push_back(**move);
        if (break_cycles) break;  // one is enough to get the others going
      }
      if (break_cycles && !moves.empty()) break;
    }
    if (!moves.empty()) break;
  }
  if (any) may_be_detached_ = true;
  return MakeMoves(std::move(moves));
}

}  // namespace hardlinkfs
