// Pass 5: where contents lie, by both tables that say so, and by the backing. What only the backing has, or has no longer, is no damage:
// the reconciler takes it over or drops it when the directory is next touched.
#include <cerrno>
#include <cstring>
#include <string>

#include "store/volume/hidden_entries.h"
#include "store/volume/scrubber.h"

namespace hardlinkfs {
namespace {

bool KeepsContent(FileType type) { return type == FileType::kRegular || type == FileType::kDirectory; }

}  // namespace

Status Scrubber::CheckHomes() {
  if (Status begun = Begin(5, 2 * meta_.inode_count); !begun.ok()) return begun;
  uint64_t agreeing = 0;
  {
    ScrubRows rows(engine_, keys::kInodes);
    for (; rows.Valid(); rows.Next()) {
      if (Status step = Step(); !step.ok()) return step;
      const Result<InodeRecord> record = DecodeInodeRecord(rows.key(), rows.value());
      if (!record.ok() || rows.inode() == kRootInode) continue;
      if (Status checked = OrLater(CheckHomeOf(rows.inode(), *record, agreeing)); !checked.ok()) return checked;
    }
    if (!rows.status().ok()) return rows.status();
  }
  if (Status remade = RemakeInodes(); !remade.ok()) return remade;
  // No two records agree with one row, so that as many as there are rows leave none over.
  uint64_t count = 0;
  ScrubRows homes(engine_, keys::kHomes);
  for (; homes.Valid(); homes.Next()) ++count;
  if (!homes.status().ok()) return homes.status();
  if (count != agreeing) {
    if (Status checked = CheckHomeRows(); !checked.ok()) return checked;
  }
  if (Status checked = CheckEntries(kHomesDirectory, nullptr); !checked.ok()) return checked;
  ScrubRows rows(engine_, keys::kInodes);
  for (; rows.Valid(); rows.Next()) {
    if (Status step = Step(); !step.ok()) return step;
    const Result<InodeRecord> record = DecodeInodeRecord(rows.key(), rows.value());
    if (!record.ok() || record->type != FileType::kDirectory) continue;
    if (Status checked = OrLater(CheckEntries(rows.inode(), &*record)); !checked.ok()) return checked;
  }
  if (!rows.status().ok()) return rows.status();
  return End();
}

Status Scrubber::CheckHomeOf(InodeId inode, const InodeRecord& record, uint64_t& agreeing) {
  if (record.home.has_value()) {
    if (Status checked = CheckDirectoryOfHome(record.home->directory); !checked.ok()) return checked;
  } else {
    const bool lost_target = record.type == FileType::kSymlink && record.imported && catalog_.ReadTarget(inode).code() == ENOENT;
    return KeepsContent(record.type) || lost_target ? CheckHomeless(inode, record) : Status();
  }
  const std::string key = keys::Home(*record.home);
  const Result<std::optional<std::string>> row = engine_.Get(key);
  if (!row.ok()) return row.error();
  const Result<InodeId> resident = row->has_value() ? DecodeInode(key, **row) : Result<InodeId>(Error{ENOENT, "no row"});
  if (resident.ok() && *resident == inode) {
    ++agreeing;
    return {};
  }
  if (!resident.ok() && resident.code() != ENOENT) return {};  // pass 1
  const std::string home = "The home " + Called(*record.home) + " of " + Called(inode);
  Transaction transaction(catalog_);
  if (resident.ok()) {
    const Result<InodeRecord> other = catalog_.ReadInode(*resident);
    if (!other.ok() && other.code() != ENOENT && other.code() != EUCLEAN) return other.error();
    if (other.ok() && other->home == record.home) {
      // Both may not have it, and the row decides.
      if (!Report(Weight::kMajor, home + " is also that of " + Called(*resident), "Find another for the first")) return {};
      InodeRecord without = record;
      without.home.reset();
      transaction.PutInode(inode, without);
      if (Status applied = Apply(transaction); !applied.ok()) return applied;
      return {};  // the next round finds it without a home
    }
    if (!Report(Weight::kMinor, home + " is said to be that of " + Called(*resident), "Correct the row")) return {};
  } else if (!Report(Weight::kMinor, home + " has no row", "Add it")) {
    return {};
  }
  transaction.PutHome(*record.home, inode);
  HomesChanged();
  return Apply(transaction);
}

// A directory goes only after what lives in it has gone.
Status Scrubber::CheckDirectoryOfHome(InodeId directory) {
  if (directory == kHomesDirectory || directory == kRootInode || with_record_.Contains(directory)) return {};
  const Result<std::optional<std::string>> record = engine_.Get(keys::Inode(directory));
  if (!record.ok()) return record.error();
  if (record->has_value()) {
    with_record_.Insert(directory);
  } else if (directory >= kFirstFreeInode && !bad_inodes_.contains(directory) &&
             Report(Weight::kMajor, "There are homes in directory " + Called(directory) + ", which has no record", "Make it anew")) {
    bad_inodes_.insert(directory);
  }
  return {};
}

Status Scrubber::CheckHomeless(InodeId inode, const InodeRecord& record) {
  const bool symlink = record.type == FileType::kSymlink;
  const std::string what = "The " + Called(inode) + (symlink ? " is a symlink without a target" : " has no home");
  const char* const remedy = symlink                               ? "Mark it as damaged"
                             : record.type == FileType::kDirectory ? "Find it, or make one"
                                                                   : "Find it, or delete the names if there is no content";
  if (!Report(Weight::kMajor, what, remedy)) return {};
  Result<InodeRecord> current = catalog_.ReadInode(inode);
  if (!current.ok() || current->home.has_value()) return {};
  Transaction transaction(catalog_);
  if (symlink) {
    transaction.PutTarget(inode, kDamagedTarget);
    current->size = std::strlen(kDamagedTarget);
    transaction.PutInode(inode, *current);
    return Apply(transaction);
  }
  const auto names = catalog_.NamesOf(inode, Catalog::kNamesConsidered);
  if (!names.ok()) return names.error();
  const Result<std::optional<Place>> found = FindContent(inode, record.type, *names);
  if (!found.ok()) return found.error();
  if (found->has_value()) {
    current->home = **found;
  } else if (record.type == FileType::kDirectory) {
    const Result<Place> made = MakeHome(inode);
    if (!made.ok()) return made.error();
    current->home = *made;
  } else {
    return DropInode(inode);
  }
  transaction.PutHome(*current->home, inode);
  if (current->nlink > 0) transaction.PutDetached(inode);
  transaction.PutInode(inode, *current);
  HomesChanged();
  return Apply(transaction);
}

Status Scrubber::CheckHomeRows() {
  ScrubRows rows(engine_, keys::kHomes);
  for (; rows.Valid(); rows.Next()) {
    const Result<InodeId> inode = DecodeInode(rows.key(), rows.value());
    if (!inode.ok()) continue;  // pass 1
    const Place place{rows.inode(), BackingName(std::string(keys::TailOf(rows.key())))};
    const Result<InodeRecord> record = catalog_.ReadInode(*inode);
    if (record.code() == EUCLEAN || record.code() == ENOTSUP) continue;
    if (!record.ok() && record.code() != ENOENT) return record.error();
    if (record.ok() && record->home == place) continue;
    const std::string why = record.ok() ? ", which lives elsewhere" : ", which does not exist";
    if (!Report(Weight::kMinor, "The home " + Called(place) + " is said to be that of " + Called(*inode) + why, "Forget it")) continue;
    Transaction transaction(catalog_);
    transaction.DeleteHome(place);
    if (Status applied = Apply(transaction); !applied.ok()) return applied;
  }
  return rows.status();
}

// Counts what is known on both sides, so that a directory of millions takes no memory. `record`: none for homes/.
Status Scrubber::CheckEntries(InodeId directory, const InodeRecord* record) {
  const bool removed = record != nullptr && record->nlink == 0;
  const Result<BackingDirectoryRef> ref = directories().Open(directory);
  if (ref.code() == ENOENT || ref.code() == ENOTDIR) {
    if (!removed) Note("Directory " + Called(directory) + " is not on the backing, nor is what lies in it");
    return {};
  }
  if (ref.code() == EUCLEAN) return {};  // a record on the way is damaged: pass 1
  if (ref.code() == ELOOP) {
    Report(Weight::kBeyond, "The home of directory " + Called(directory) + " lies inside itself");
    return {};
  }
  if (!ref.ok()) return ref.error();
  uint64_t found = 0;
  Status status;
  const Status listed = backing_.List(*ref, [&](const BackingEntry& entry) {
    if (IsHidden(directory, entry.name)) return true;
    status = Step();
    if (!status.ok()) return false;
    const Place place{directory, entry.name};
    const Result<std::optional<std::string>> row = engine_.Get(keys::Home(place));
    if (!row.ok()) {
      status = row.error();
      return false;
    }
    if (!row->has_value()) {
      Note("Nobody knows " + Called(place) + (record == nullptr ? ": it will be in lost+found" : ": it will be taken over"));
      return true;
    }
    ++found;
    status = CheckTypeOf(place, **row, entry.type);
    return status.ok();
  });
  if (!status.ok()) return status;
  if (!listed.ok()) {
    Report(Weight::kBeyond, "Directory " + Called(directory) + " cannot be listed: " + std::strerror(listed.code()));
    return {};
  }
  uint64_t rows = 0;
  const std::unique_ptr<Cursor> cursor = engine_.Scan(keys::HomePrefix(directory), "");
  for (; cursor->Valid(); cursor->Next()) ++rows;
  if (!cursor->status().ok()) return cursor->status();
  return rows == found ? Status() : CheckMissing(directory, *ref);
}

// What replaced a home is something new to the reconciler, and what was there is gone.
Status Scrubber::CheckTypeOf(const Place& place, const std::string& row, FileType type) {
  const Result<InodeId> inode = DecodeInode(keys::Home(place), row);
  if (!inode.ok() || type == FileType::kUnknown) return {};
  const std::string key = keys::Inode(*inode);
  const Result<std::optional<std::string>> value = engine_.Get(key);
  if (!value.ok()) return value.error();
  if (!value->has_value()) return {};
  const Result<InodeRecord> record = DecodeInodeRecord(key, **value);
  // Of an orphan what lies there goes to whoever put it there.
  if (record.ok() && record->nlink != 0 && record->type != type)
    Note("The home " + Called(place) + " of " + Called(*inode) + " is of another type by now");
  return {};
}

Status Scrubber::CheckMissing(InodeId directory, const BackingDirectoryRef& ref) {
  const std::unique_ptr<Cursor> cursor = engine_.Scan(keys::HomePrefix(directory), "");
  for (; cursor->Valid(); cursor->Next()) {
    if (!IsWellFormedKey(cursor->key())) continue;
    const Place place{directory, BackingName(std::string(keys::TailOf(cursor->key())))};
    const Result<BackingStat> seen = backing_.Stat(ref, place.name);
    if (seen.ok()) continue;
    const Result<InodeId> inode = DecodeInode(cursor->key(), cursor->value());
    if (!inode.ok()) continue;
    if (seen.code() != ENOENT && seen.code() != ENOTDIR) {
      Report(Weight::kBeyond,
             "The home " + Called(place) + " of " + Called(*inode) + " cannot be looked at: " + std::strerror(seen.code()));
      continue;
    }
    // Of an orphan the content goes first, and then the record.
    const Result<bool> orphan = catalog_.IsOrphan(*inode);
    if (!orphan.ok()) return orphan.error();
    if (!*orphan) Note("The home " + Called(place) + " of " + Called(*inode) + " is not on the backing: its names will go");
  }
  return cursor->status();
}

}  // namespace hardlinkfs
