// What another machine did to the bare backing between two mounts is taken over here, each inode and each directory at its first touch in a
// session: adopted, updated or dropped. Longer than others, since comparing, adopting and dropping call each other.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <unordered_map>
#include <unordered_set>

#include "store/backing/case_fold.h"
#include "store/base/rules.h"
#include "store/volume/catalog_volume.h"
#include "store/volume/hidden_entries.h"
#include "store/volume/loop_guard.h"
#include "store/volume/spelling.h"

namespace hardlinkfs {
namespace {

constexpr size_t kRowsAtOnce = 512;
constexpr char kLostAndFoundName[] = "lost+found";

// Of an xattr that was listed: it went in between, or a server without root's rights may not read it, or nobody can.
bool IsNotOursToRead(int code) { return code == ENODATA || code == EACCES || code == EPERM || code == EOPNOTSUPP; }

}  // namespace

void CatalogVolume::TellAttributes(InodeId inode) const {
  if (observer_ != nullptr) observer_->AttributesChanged(inode);
}

void CatalogVolume::TellListing(InodeId directory) const {
  if (observer_ != nullptr) observer_->ListingChanged(directory);
}

void CatalogVolume::TellName(InodeId directory, const Name& name) const {
  if (observer_ != nullptr) observer_->NameChanged(directory, name);
}

Status CatalogVolume::Prepare(InodeId inode) {
  if (verified_.Contains(inode)) return {};
  const Result<bool> there = Verify(inode);
  if (!there.ok()) return there.error();
  if (*there) return {};
  const Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (record.ok() && IsLostAndFound(inode)) return RemakeHome(inode, *record);
  // Of an unconfirmed one the home may be another's, and will be adopted as that: sooner or later, and never with anybody's permissions.
  const Trust trust = record.ok() && record->unconfirmed ? Trust::kNone : Trust::kAsTheDirectory;
  if (trust == Trust::kNone && record->home.has_value()) {
    if (Status distrusted = Distrust(record->home->directory); !distrusted.ok()) return distrusted;
  }
  if (Status dropped = DropVanished(inode); !dropped.ok()) return dropped;
  if (record.ok() && record->home.has_value()) {
    if (Status adopted = AdoptReplacement(*record->home, trust); !adopted.ok()) return adopted;
  }
  return Error{ENOENT, "vanished from the backing"};
}

// Where something vanished there may be something else of that name. If the directory was listed already, it counted as known then.
Status CatalogVolume::AdoptReplacement(const Place& place, Trust trust) {
  if (!reconciled_.Contains(place.directory)) return {};
  const auto held = locks().Exclusive(place.directory);
  MutexLock home_lock(HomeLock(place.directory));
  if (!ReadLiveDirectory(place.directory).ok()) return {};
  const Result<InodeId> resident = catalog_.FindHome(place);
  if (resident.code() != ENOENT) return resident.status();
  const Result<BackingDirectoryRef> in = directories_.Open(place.directory);
  if (!in.ok()) return in.code() == ENOENT ? Status() : in.status();
  // From the listing, since only that tells the spelling: another one is known under that already.
  std::vector<BackingEntry> entries;
  const Status listed = backing_.List(*in, [&](const BackingEntry& entry) {
    if (entry.name == place.name) entries.push_back(entry);
    return entries.empty();
  });
  if (!listed.ok()) return listed;
  return Adopt(place.directory, entries, trust);
}

// RETURNS: false when the home has vanished. The names go then, which takes other locks than this function holds.
Result<bool> CatalogVolume::Verify(InodeId inode) {
  const auto held = locks().Exclusive(inode);
  if (verified_.Contains(inode)) return true;
  Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (!record.ok()) return record.error();
  if (inode == kRootInode || !record->home.has_value()) {
    verified_.Insert(inode);
    return true;
  }
  const Result<BackingDirectoryRef> in = directories_.Open(record->home->directory);
  // Only a definite "not there" counts as vanished; EIO, EACCES or a server's ESTALE must never cost anybody a name.
  const auto vanished = [&]() -> Result<bool> {
    if (Status moved = IsNotBeingMoved(inode); !moved.ok()) return moved.error();
    return false;
  };
  if (in.code() == ENOENT || in.code() == ENOTDIR) return vanished();
  if (!in.ok()) return in.error();
  const Result<BackingStat> seen = backing_.Stat(*in, record->home->name);
  if (seen.code() == ENOENT || seen.code() == ENOTDIR) return vanished();
  if (!seen.ok()) return seen.error();
  if (seen->type != record->type) return vanished();
  if (record->nlink == 0 && !capabilities_.case_sensitive) {
    // An orphan's content may have been removed before a power cut took that back, and its place be somebody else's by now.
    const Result<bool> ours = IsSpelledSo(backing_, *in, record->home->name);
    if (!ours.ok()) return ours.error();
    if (!*ours) return false;
  }

  Transaction transaction(catalog_);
  if (record->unconfirmed) {
    const Result<bool> confirmed = Confirm(inode, *record, *seen, transaction);
    if (!confirmed.ok() || !*confirmed) return confirmed;
  }
  if (!record->imported) {
    if (Status imported = Import(inode, *record, *seen, *in, transaction); !imported.ok()) return imported.error();
  } else if (record->type == FileType::kRegular && (seen->mtime != record->seen_mtime || seen->size != record->size)) {
    record->size = seen->size;
    record->blocks = seen->blocks;
    record->seen_mtime = seen->mtime;
    record->mtime = seen->mtime;
    record->ctime = std::max(record->ctime, seen->mtime);
    transaction.PutInode(inode, *record);
  }
  if (Status committed = Commit(transaction); !committed.ok()) return committed.error();
  verified_.Insert(inode);
  return true;
}

// RETURNS: EIO while it is not known whether the home, or a directory on the way to it, was moved by a session that was cut off: it may be
// in the other place.
Status CatalogVolume::IsNotBeingMoved(InodeId inode) {
  LoopGuard guard(inode);
  for (InodeId at = inode; at != kRootInode && at != kHomesDirectory;) {
    if (UnresolvedMove(at).has_value()) return Error{EIO, "was being moved, and could not be looked for yet"};
    const Result<InodeRecord> record = catalog_.ReadInode(at);
    if (!record.ok()) return record.code() == ENOENT ? Status() : record.status();
    if (!record->home.has_value()) return {};
    at = record->home->directory;
    if (guard.Repeats(at)) return Error{EUCLEAN, "directories lie inside each other"};
  }
  return {};
}

// Adopt gave the record its defaults; what the backing holds faithfully replaces them.
Status CatalogVolume::Import(InodeId inode, InodeRecord& record, const BackingStat& seen, const BackingDirectoryRef& in,
                             Transaction& transaction) {
  const BackingName& name = record.home->name;
  if (capabilities_.modes || record.type == FileType::kSymlink) record.mode = seen.mode;
  if (capabilities_.owners) {
    record.uid = seen.uid;
    record.gid = seen.gid;
  }
  record.rdev = seen.rdev;
  record.size = record.type == FileType::kDirectory ? 0 : seen.size;
  record.blocks = seen.blocks;
  record.atime = seen.atime;
  record.mtime = record.seen_mtime = seen.mtime;
  record.ctime = seen.ctime;
  record.btime = seen.btime.value_or(seen.mtime);
  record.imported = true;
  if (record.type == FileType::kSymlink) {
    const Result<std::string> target = backing_.ReadLink(in, name);
    if (!target.ok()) return target.error();
    transaction.PutTarget(inode, *target);
    record.size = target->size();
  }
  const Result<std::vector<std::string>> xattrs = backing_.ListXattrs(in, name);
  if (!xattrs.ok()) return xattrs.error();
  for (const std::string& xattr : *xattrs) {
    const Result<std::string> value = backing_.GetXattr(in, name, xattr);
    if (value.ok()) {
      transaction.PutXattr(inode, xattr, *value);
    } else if (!IsNotOursToRead(value.code())) {
      return value.error();  // imported is imported for good: rather later than without it
    }
  }
  transaction.PutInode(inode, record);
  return {};
}

// RETURNS: whether something lies in the directory that is nobody's home, and not hidden.
bool CatalogVolume::HoldsStrangers(InodeId directory) {
  const Result<BackingDirectoryRef> ref = directories_.Open(directory);
  if (!ref.ok()) return false;
  bool found = false;
  const Status listed = backing_.List(*ref, [&](const BackingEntry& entry) {
    found = !IsHidden(directory, entry.name) && catalog_.FindHome({directory, entry.name}).code() == ENOENT;
    return !found;
  });
  return listed.ok() && found;
}

Status CatalogVolume::PrepareDirectory(InodeId directory) {
  if (Status prepared = Prepare(directory); !prepared.ok()) return prepared;
  if (reconciled_.Contains(directory)) return {};
  if (!Writable().ok()) {
    // Nothing can be taken over any more; what is known can be read.
    reconciled_.Insert(directory);
    return {};
  }
  Result<Differences> found = Compare(directory);
  if (!found.ok()) return found.error();
  if (found->done_before) return {};
  for (const auto& [inode, name] : found->respelled) {
    if (Status moved = FollowRespelling(directory, inode, name); !moved.ok()) return moved;
  }
  // Before the vanished are dropped: what is dropped may need lost+found, which lies in a directory that is prepared by then.
  reconciled_.Insert(directory);
  for (const InodeId inode : found->vanished) {
    const Status gone = Prepare(inode);  // looks again, and drops it
    if (gone.ok() || gone.code() == ENOENT) continue;
    // It costs only itself: its name stays, and shows the error.
    spdlog::warn("inode {} could not be looked at: {} ({})", Raw(inode), gone.error().what, std::strerror(gone.code()));
  }
  return {};
}

// RETURNS: which of `entries` may be the entry `home`, which is there and was not listed: the backing's own table of letters may know more
// pairs than ours, and FAT has short names. To adopt such a one would give one content two inodes.
std::vector<BackingName> CatalogVolume::LookAlikes(const BackingDirectoryRef& in, const BackingName& home,
                                                   const std::vector<BackingEntry>& entries) {
  std::vector<BackingName> found;
  const Result<BackingStat> known = backing_.Stat(in, home);
  if (!known.ok()) return found;
  for (const BackingEntry& entry : entries) {
    const Result<BackingStat> seen = backing_.Stat(in, entry.name);
    if (!seen.ok() || seen->type != known->type || seen->size != known->size || seen->mtime != known->mtime) continue;
    found.push_back(entry.name);
  }
  return found;
}

Result<CatalogVolume::Differences> CatalogVolume::Compare(InodeId directory) {
  const auto held = locks().Exclusive(directory);
  // Nor may the settler or the reclaimer change the entries between the look at the backing and the look at the rows.
  MutexLock home_lock(HomeLock(directory));
  Differences found;
  found.done_before = reconciled_.Contains(directory);
  if (found.done_before) return found;
  Result<InodeRecord> record = catalog_.ReadInode(directory);
  if (!record.ok()) return record.error();
  if (record->type != FileType::kDirectory) return Error{ENOTDIR, "not a directory"};
  const Result<BackingDirectoryRef> ref = directories_.Open(directory);
  if (!ref.ok()) return ref.error();
  const auto any_home = catalog_.ListHomes(directory, std::nullopt, 1);
  if (!any_home.ok()) return any_home.error();
  // What may be a known entry in another spelling is not adopted before that is known; a directory without homes streams.
  const bool may_be_respelled = !capabilities_.case_sensitive && !any_home->empty();

  std::unordered_set<size_t> seen;  // of hashes: eight bytes an entry, also in a directory of millions
  std::vector<BackingEntry> unknown;
  Status status;
  const Status listed = backing_.List(*ref, [&](const BackingEntry& entry) {
    if (IsHidden(directory, entry.name)) return true;
    seen.insert(std::hash<std::string>()(entry.name.bytes()));
    const Result<InodeId> known = catalog_.FindHome({directory, entry.name});
    // A damaged row says that it is known; its names lead to it all the same.
    if (known.ok() || known.code() == EUCLEAN) return true;
    if (known.code() != ENOENT) {
      status = known.error();
      return false;
    }
    if (IsAwaited({directory, entry.name})) return true;  // the other entry of a move that cannot be resolved yet
    unknown.push_back(entry);
    if (may_be_respelled || unknown.size() < kRowsAtOnce) return true;
    status = Adopt(directory, unknown);
    unknown.clear();
    return status.ok();
  });
  if (!listed.ok()) return listed.error();
  if (!status.ok()) return status.error();

  std::unordered_map<std::string, BackingName> respellings;
  if (may_be_respelled) {
    for (const BackingEntry& entry : unknown) respellings.emplace(CaseFold(entry.name.bytes()), entry.name);
  }
  for (std::optional<BackingName> after;;) {
    const auto homes = catalog_.ListHomes(directory, after, kRowsAtOnce);
    if (!homes.ok()) return homes.error();
    for (const auto& [name, inode] : *homes) {
      if (seen.contains(std::hash<std::string>()(name.bytes()))) continue;
      // What was an orphan's may be gone since before a power cut, and something else there now: that is not for reclaiming.
      const Result<bool> orphan = catalog_.IsOrphan(inode);
      if (!orphan.ok()) return orphan.error();
      const auto respelling = *orphan ? respellings.end() : respellings.find(CaseFold(name.bytes()));
      std::vector<BackingName> spellings;
      if (respelling != respellings.end()) {
        spellings.push_back(respelling->second);
        respellings.erase(respelling);
      } else if (may_be_respelled && !*orphan) {
        spellings = LookAlikes(*ref, name, unknown);
      }
      if (spellings.size() == 1) {
        found.respelled.emplace_back(inode, spellings.front());
      } else {
        found.vanished.push_back(inode);
      }
      for (const BackingName& spelling : spellings) {
        std::erase_if(unknown, [&](const BackingEntry& entry) { return entry.name == spelling; });
        if (spellings.size() > 1)
          spdlog::warn("\"{}\" may be \"{}\" in another spelling, and is not shown", spelling.bytes(), name.bytes());
      }
    }
    if (homes->size() < kRowsAtOnce) break;
    after = homes->back().first;
  }
  for (size_t from = 0; from < unknown.size(); from += kRowsAtOnce) {
    const std::vector<BackingEntry> batch(unknown.begin() + static_cast<ptrdiff_t>(from),
                                          unknown.begin() + static_cast<ptrdiff_t>(std::min(from + kRowsAtOnce, unknown.size())));
    if (Status adopted = Adopt(directory, batch); !adopted.ok()) return adopted.error();
  }
  record = catalog_.ReadInode(directory);  // Adopt may have counted subdirectories
  if (!record.ok()) return record.error();
  const bool trusted = record->trusted_since >= crash_session_ && record->trusted_since != 0;
  if (!record->listed || !trusted) {
    const bool first = !record->listed;
    record->listed = true;
    if (!trusted) record->trusted_since = generation_;
    Transaction transaction(catalog_);
    transaction.PutInode(directory, *record);
    if (Status committed = Commit(transaction); !committed.ok()) return committed.error();
    TellAttributes(directory);  // the subdirectories count from now on
    if (first) {
      // After the commit: a sync of the log before it does not cover it.
      MutexLock lock(pending_mutex_);
      fresh_listings_.insert(directory);
    }
  }
  return found;
}

// Another machine changed the case of a name, on a backing where that is the same file: the inode goes with it, and so does its name.
Status CatalogVolume::FollowRespelling(InodeId directory, InodeId inode, const BackingName& spelling) {
  const InodeId involved[] = {directory, inode};
  const auto held = locks().Exclusive(involved);
  MutexLock home_lock(HomeLock(directory));
  Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (!record.ok()) return record.code() == ENOENT ? Status() : record.status();
  const Place to{directory, spelling};
  if (!record->home.has_value() || record->home->directory != directory) return {};
  if (const Result<InodeId> resident = catalog_.FindHome(to); resident.code() != ENOENT) return resident.status();
  Transaction transaction(catalog_);
  const auto names = catalog_.NamesOf(inode, kRowsAtOnce);
  if (!names.ok()) return names.error();
  const Result<Name> new_name = codec_.Decode(spelling);
  for (const NameRow& row : *names) {
    const Result<Name> name = Name::From(row.record.name);
    if (!name.ok() || !new_name.ok() || row.directory != directory || !codec_.Spells(record->home->name, *name)) continue;
    const Status added = transaction.AddName(directory, *new_name, inode, record->type);
    if (added.code() == EEXIST) break;
    if (!added.ok()) return added;
    if (Status removed = transaction.RemoveName(directory, *name); !removed.ok()) return removed;
    break;
  }
  transaction.DeleteHome(*record->home);
  transaction.PutHome(to, inode);
  transaction.PutDetached(inode);  // the settler looks whether that is so
  may_be_detached_ = true;
  record->home = to;
  transaction.PutInode(inode, *record);
  return Commit(transaction);
}

// REQUIRES: exclusive(directory).
Status CatalogVolume::Adopt(InodeId directory, const std::vector<BackingEntry>& entries, Trust trust) {
  if (entries.empty()) return {};
  Result<InodeRecord> parent = catalog_.ReadInode(directory);
  if (!parent.ok()) return parent.error();
  const uint32_t nlink_before = parent->nlink;
  const Result<BackingDirectoryRef> in = directories_.Open(directory);
  if (!in.ok()) return in.error();
  // In a directory that had been taken over before a crash, an entry without a record may be a file that lost its record, and may have been
  // private.
  const bool suspicious = parent->trusted_since < crash_session_ || parent->trusted_since == 0 || generation_ == crash_session_;
  const bool strict =
      (trust == Trust::kNone && Keeps(Rule::kRescuedIsPrivate)) || (parent->listed && suspicious && Keeps(Rule::kStrangersArePrivate));
  // Before that, nobody was told what is in there.
  const bool was_listed = reconciled_.Contains(directory);
  std::vector<Name> appeared;
  Transaction transaction(catalog_);
  uint64_t adopted = 0;
  for (const BackingEntry& entry : entries) {
    FileType type = entry.type;
    if (type == FileType::kUnknown) {
      const Result<BackingStat> seen = backing_.Stat(*in, entry.name);
      if (!seen.ok()) continue;  // gone again, or not to be looked at now: the next session tries again
      type = seen->type;
    }
    Result<Name> name = codec_.Decode(entry.name);
    if (!name.ok()) continue;  // no legal name can show it; it stays where it is
    const Result<InodeId> number = NextInode();
    if (!number.ok()) return number.error();
    const InodeId inode = *number;
    Status added = transaction.AddName(directory, *name, inode, type);
    for (int copy = 2; added.code() == EEXIST && copy < 1000; ++copy) {
      // The catalog has that name for a content that lies elsewhere: keep both.
      name = Name::From(entry.name.bytes().substr(0, 240) + " (" + std::to_string(copy) + ")");
      if (!name.ok()) break;
      added = transaction.AddName(directory, *name, inode, type);
    }
    if (!added.ok()) return added;
    if (was_listed) appeared.push_back(*name);
    const bool is_directory = type == FileType::kDirectory;
    InodeRecord record{.type = type,
                       .mode = is_directory ? options_.directory_mode : options_.file_mode,
                       .uid = options_.uid,
                       .gid = options_.gid,
                       .nlink = is_directory ? 2U : 1U,
                       .generation = generation_};
    if (strict) {
      record.mode = is_directory ? 0700 : 0600;
      record.uid = options_.keeper_uid;
      record.gid = options_.keeper_gid;
      record.listed = is_directory;  // so that what is in it is taken for the same
    } else if (is_directory) {
      record.trusted_since = generation_;
    }
    record.home = Place{directory, entry.name};
    record.imported = false;
    if (is_directory) {
      record.parent = directory;
      ++parent->nlink;
    }
    transaction.PutInode(inode, record);
    transaction.PutHome(*record.home, inode);
    if (!LiesUnder(entry.name, *name)) {
      transaction.PutDetached(inode);
      may_be_detached_ = true;
    }
    ++adopted;
  }
  transaction.PutInode(directory, *parent);
  if (Status committed = Commit(transaction); !committed.ok()) return committed;
  inode_count_ += adopted;
  for (const Name& name : appeared) TellName(directory, name);
  if (was_listed) TellListing(directory);
  if (parent->nlink != nlink_before) TellAttributes(directory);
  return {};
}

// The home of `inode` is gone, and with it, for a directory, every home inside.
Status CatalogVolume::DropVanished(InodeId inode) {
  const Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (record.code() == ENOENT) return {};
  if (!record.ok()) return record.error();
  while (record->type == FileType::kDirectory) {
    const auto rows = catalog_.ListNames(inode, Slot{0}, kRowsAtOnce);
    if (!rows.ok()) return rows.error();
    if (rows->empty()) break;
    for (const NameRow& row : *rows) {
      const Status prepared = Prepare(row.record.inode);
      if (prepared.code() == ENOENT) {
        // Vanished too, and dropped; unless it was a name of nothing.
        if (Status dropped = DropDangling(row); !dropped.ok()) return dropped;
        continue;
      }
      if (!prepared.ok()) return prepared;
      if (Status dropped = DropName(row); !dropped.ok()) return dropped;
    }
  }
  for (;;) {
    const auto names = catalog_.NamesOf(inode, kRowsAtOnce);
    if (!names.ok()) return names.error();
    std::vector<InodeId> involved{inode};
    for (const NameRow& row : *names) involved.push_back(row.directory);
    const auto held = locks().Exclusive(involved);
    Result<InodeRecord> current = catalog_.ReadInode(inode);
    if (current.code() == ENOENT) return {};
    if (!current.ok()) return current.error();
    Transaction transaction(catalog_);
    for (const NameRow& row : *names) {
      const Result<Name> name = Name::From(row.record.name);
      if (!name.ok()) return name.error();
      const Status removed = transaction.RemoveName(row.directory, *name);
      if (!removed.ok() && removed.code() != ENOENT) return removed;
      Result<InodeRecord> parent = catalog_.ReadInode(row.directory);
      if (!parent.ok()) return parent.error();
      if (current->type == FileType::kDirectory) --parent->nlink;
      Touch(*parent, clock_.Now());
      transaction.PutInode(row.directory, *parent);
    }
    const auto tell = [&] {
      for (const NameRow& row : *names) TellListing(row.directory);
    };
    if (names->size() == kRowsAtOnce) {
      if (Status committed = Commit(transaction); !committed.ok()) return committed;
      tell();
      continue;
    }
    const auto xattrs = catalog_.ListXattrs(inode);
    if (!xattrs.ok()) return xattrs.error();
    for (const std::string& xattr : *xattrs) transaction.DeleteXattr(inode, xattr);
    transaction.DeleteInode(inode);
    std::optional<MutexLock> home_lock;
    if (current->home.has_value()) {
      home_lock.emplace(HomeLock(current->home->directory));
      const Result<InodeId> resident = catalog_.FindHome(*current->home);
      if (!resident.ok() && resident.code() != ENOENT) return resident.error();
      if (resident.ok() && *resident == inode) transaction.DeleteHome(*current->home);
    }
    if (Status committed = Commit(transaction); !committed.ok()) return committed;
    --inode_count_;
    directories_.Forget(inode);
    tell();
    return {};
  }
}

// Removes a name if the inode that it leads to does not exist.
Status CatalogVolume::DropDangling(const NameRow& row) {
  const auto held = locks().Exclusive(row.directory);
  if (const Result<InodeRecord> record = catalog_.ReadInode(row.record.inode); record.code() != ENOENT) return {};
  const Result<Name> name = Name::From(row.record.name);
  if (!name.ok()) return name.error();
  Transaction transaction(catalog_);
  const Status removed = transaction.RemoveName(row.directory, *name);
  if (!removed.ok()) return removed.code() == ENOENT ? Status() : removed;
  return Commit(transaction);
}

// Removes one name of an inode that lives on. Without another name it goes to lost+found: a content is never out of reach.
Status CatalogVolume::DropName(const NameRow& row) {
  const Result<InodeRecord> before = catalog_.ReadInode(row.record.inode);
  if (!before.ok()) return before.error();
  const bool last = before->type == FileType::kDirectory || before->nlink == 1;
  const Result<InodeId> lost_and_found = last ? LostAndFound() : Result<InodeId>(row.directory);
  if (!lost_and_found.ok()) return lost_and_found.error();
  if (last && *lost_and_found == row.directory) return Error{EIO, "lost+found is being dropped"};
  const InodeId involved[] = {row.directory, row.record.inode, *lost_and_found};
  const auto held = locks().Exclusive(involved);
  const Result<Name> name = Name::From(row.record.name);
  if (!name.ok()) return name.error();
  Result<InodeRecord> record = catalog_.ReadInode(row.record.inode);
  if (!record.ok()) return record.error();
  Transaction transaction(catalog_);
  if (Status removed = transaction.RemoveName(row.directory, *name); !removed.ok()) return removed;
  std::optional<Name> kept_as;
  const bool is_directory = record->type == FileType::kDirectory;
  if (!last && record->nlink == 1) return Error{EAGAIN, "lost its other names meanwhile"};
  if (is_directory || record->nlink == 1) {
    const std::string number = "#" + std::to_string(Raw(row.record.inode));
    Status added = Error{EEXIST, "no free name in lost+found"};
    for (const char* suffix : {"", " (2)", " (3)"}) {
      const Result<Name> found = Name::From(number + suffix);
      if (added.code() != EEXIST || !found.ok()) continue;
      added = transaction.AddName(*lost_and_found, *found, row.record.inode, record->type);
      kept_as = *found;
    }
    if (!added.ok()) return added;
    if (is_directory) {
      Result<InodeRecord> parent = catalog_.ReadInode(*lost_and_found);
      if (!parent.ok()) return parent.error();
      ++parent->nlink;
      record->parent = *lost_and_found;
      transaction.PutInode(*lost_and_found, *parent);
    }
    transaction.PutDetached(row.record.inode);
    may_be_detached_ = true;
  } else {
    --record->nlink;
  }
  transaction.PutInode(row.record.inode, *record);
  if (Status committed = Commit(transaction); !committed.ok()) return committed;
  TellListing(row.directory);
  TellAttributes(row.record.inode);
  if (kept_as.has_value()) {
    TellName(*lost_and_found, *kept_as);
    TellListing(*lost_and_found);
  }
  return {};
}

bool CatalogVolume::IsLostAndFound(InodeId inode) const {
  const Result<Name> name = Name::From(kLostAndFoundName);
  const Result<NameRow> row = name.ok() ? catalog_.FindName(kRootInode, *name) : Result<NameRow>(name.error());
  return row.ok() && row->record.inode == inode && row->record.type == FileType::kDirectory;
}

// Names in lost+found may be all that is left of a file, and it is empty on the backing: somebody who tidies up there shall not lose them.
Status CatalogVolume::RemakeHome(InodeId inode, const InodeRecord& record) {
  const auto held = locks().Exclusive(inode);
  if (!record.home.has_value()) return Error{EUCLEAN, "directory without a home"};
  const Result<BackingDirectoryRef> in = directories_.Open(record.home->directory);
  if (!in.ok()) return in.error();
  if (Status made = backing_.MakeDirectory(*in, record.home->name, BackingMode(record.type, record.mode)); !made.ok()) return made;
  verified_.Insert(inode);
  NoteNewEntries(record.home->directory);
  return {};
}

Result<InodeId> CatalogVolume::LostAndFound() {
  if (Status prepared = PrepareDirectory(kRootInode); !prepared.ok()) return prepared.error();
  for (const char* candidate : {kLostAndFoundName, "lost+found-2", "lost+found-3"}) {
    const Result<Name> name = Name::From(candidate);
    if (!name.ok()) return name.error();
    {
      const auto held = locks().Exclusive(kRootInode);
      const Result<CreatedInode> created =
          Create(kRootInode, *name, {.type = FileType::kDirectory, .mode = 0700, .uid = options_.keeper_uid, .gid = options_.keeper_gid});
      if (created.ok()) {
        TellName(kRootInode, *name);
        TellListing(kRootInode);
        return created->inode.inode();
      }
      if (created.code() != EEXIST) return created.error();
    }
    const Result<NameRow> row = catalog_.FindName(kRootInode, *name);
    if (!row.ok() || row->record.type != FileType::kDirectory) continue;
    if (PrepareDirectory(row->record.inode).ok()) return row->record.inode;
  }
  return Error{ENOTDIR, "lost+found is something else"};
}

}  // namespace hardlinkfs
