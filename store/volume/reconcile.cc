// What another machine did to the bare backing between two mounts is taken over here, each inode and each directory at its first touch in a
// session: adopted, updated or dropped.
#include <strings.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <string_view>
#include <unordered_set>

#include "store/backing/private_area.h"
#include "store/volume/volume.h"

namespace hardlinkfs {
namespace {

constexpr size_t kBatch = 512;
constexpr char kLostAndFoundName[] = "lost+found";

// What some backings show of a removed file that is still open: libfuse's high-level filesystems and NFS. Not ours to adopt.
bool IsSillyRename(const BackingName& name) {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  for (const std::string_view prefix : {".fuse_hidden", ".nfs"}) {
    const std::string_view bytes = name.bytes();
    const bool matches = bytes.starts_with(prefix) && bytes.size() >= prefix.size() + 16;
    if (matches && bytes.find_first_not_of(kHexDigits, prefix.size()) == std::string_view::npos) return true;
  }
  return false;
}

// The private area is no entry of the volume. Without regard to case, since that is how FAT finds it.
bool IsHidden(InodeId directory, const BackingName& name) {
  return (directory == kRootInode && strcasecmp(name.c_str(), kPrivateAreaName) == 0) || IsSillyRename(name);
}

}  // namespace

Status Volume::Prepare(InodeId inode) {
  if (verified_.Contains(inode)) return {};
  Status verified = Verify(inode);
  if (verified.code() != ESTALE) return verified;
  const Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (Status dropped = DropVanished(inode); !dropped.ok()) return dropped;
  if (record.ok() && record->home.has_value()) {
    if (Status adopted = AdoptReplacement(*record->home); !adopted.ok()) return adopted;
  }
  return Error{ENOENT, "vanished from the backing"};
}

// Where something vanished there may be something else of that name. If the directory was listed already, it counted as known then.
Status Volume::AdoptReplacement(const Place& place) {
  if (!reconciled_.Contains(place.directory)) return {};
  const auto held = locks_.Exclusive(place.directory);
  const Result<InodeId> resident = catalog_.FindHome(place);
  if (resident.code() != ENOENT) return resident.status();
  const Result<BackingDirectoryRef> in = directories_.Open(place.directory);
  if (!in.ok()) return in.code() == ENOENT ? Status() : in.status();
  const Result<BackingStat> there = backing_.Stat(*in, place.name);
  if (!there.ok()) return there.code() == ENOENT ? Status() : there.status();
  return Adopt(place.directory, {{place.name, there->type}});
}

// RETURNS: ESTALE when the home has vanished. The names go then, which takes other locks than this function holds.
Status Volume::Verify(InodeId inode) {
  const auto held = locks_.Exclusive(inode);
  if (verified_.Contains(inode)) return {};
  Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (!record.ok()) return record.error();
  if (inode == kRootInode || !record->home.has_value()) {
    verified_.Insert(inode);
    return {};
  }
  const Result<BackingDirectoryRef> in = directories_.Open(record->home->directory);
  // Only a definite "not there" counts as vanished; EIO or EACCES must never cost anybody a name.
  if (in.code() == ENOENT || in.code() == ENOTDIR) return Error{ESTALE, "home directory vanished"};
  if (!in.ok()) return in.error();
  const Result<BackingStat> seen = backing_.Stat(*in, record->home->name);
  if (seen.code() == ENOENT || seen.code() == ENOTDIR) return Error{ESTALE, "home vanished"};
  if (!seen.ok()) return seen.error();
  if (seen->type != record->type) return Error{ESTALE, "home became something else"};

  Transaction transaction(catalog_);
  if (!record->imported) {
    if (Status imported = Import(inode, *record, *seen, *in, transaction); !imported.ok()) return imported;
  } else if (record->type == FileType::kRegular && (seen->mtime != record->seen_mtime || seen->size != record->size)) {
    record->size = seen->size;
    record->blocks = seen->blocks;
    record->seen_mtime = seen->mtime;
    record->mtime = seen->mtime;
    record->ctime = std::max(record->ctime, seen->mtime);
    transaction.PutInode(inode, *record);
  }
  if (Status committed = Commit(transaction); !committed.ok()) return committed;
  verified_.Insert(inode);
  return {};
}

// Adopt gave the record its defaults; what the backing holds faithfully replaces them.
Status Volume::Import(InodeId inode, InodeRecord& record, const BackingStat& seen, const BackingDirectoryRef& in,
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
    if (value.ok()) transaction.PutXattr(inode, xattr, *value);
  }
  transaction.PutInode(inode, record);
  return {};
}

Status Volume::PrepareDirectory(InodeId directory) {
  if (Status prepared = Prepare(directory); !prepared.ok()) return prepared;
  if (reconciled_.Contains(directory)) return {};
  std::vector<InodeId> vanished;
  {
    const auto held = locks_.Exclusive(directory);
    if (reconciled_.Contains(directory)) return {};
    Result<InodeRecord> record = catalog_.ReadInode(directory);
    if (!record.ok()) return record.error();
    if (record->type != FileType::kDirectory) return Error{ENOTDIR, "not a directory"};
    const Result<BackingDirectoryRef> ref = directories_.Open(directory);
    if (!ref.ok()) return ref.error();

    std::unordered_set<size_t> seen;  // of hashes: eight bytes an entry, also in a directory of millions
    std::vector<BackingEntry> unknown;
    Status status;
    const Status listed = backing_.List(*ref, [&](const BackingEntry& entry) {
      if (IsHidden(directory, entry.name)) return true;
      seen.insert(std::hash<std::string>()(entry.name.bytes()));
      const Result<InodeId> known = catalog_.FindHome({directory, entry.name});
      if (known.ok()) return true;
      if (known.code() != ENOENT) {
        status = known.error();
        return false;
      }
      unknown.push_back(entry);
      if (unknown.size() < kBatch) return true;
      status = Adopt(directory, unknown);
      unknown.clear();
      return status.ok();
    });
    if (!listed.ok()) return listed;
    if (status.ok()) status = Adopt(directory, unknown);
    if (!status.ok()) return status;

    for (std::optional<BackingName> after;;) {
      const auto homes = catalog_.ListHomes(directory, after, kBatch);
      if (!homes.ok()) return homes.error();
      for (const auto& [name, inode] : *homes) {
        if (!seen.contains(std::hash<std::string>()(name.bytes()))) vanished.push_back(inode);
      }
      if (homes->size() < kBatch) break;
      after = homes->back().first;
    }
    record = catalog_.ReadInode(directory);  // Adopt may have counted subdirectories
    if (!record.ok()) return record.error();
    if (!record->listed) {
      record->listed = true;
      Transaction transaction(catalog_);
      transaction.PutInode(directory, *record);
      if (Status committed = Commit(transaction); !committed.ok()) return committed;
    }
    reconciled_.Insert(directory);
  }
  for (const InodeId inode : vanished) {
    const Status gone = Prepare(inode);  // looks again, and drops it
    if (!gone.ok() && gone.code() != ENOENT) return gone;
  }
  return {};
}

// REQUIRES: exclusive(directory).
Status Volume::Adopt(InodeId directory, const std::vector<BackingEntry>& entries) {
  if (entries.empty()) return {};
  Result<InodeRecord> parent = catalog_.ReadInode(directory);
  if (!parent.ok()) return parent.error();
  const Result<BackingDirectoryRef> in = directories_.Open(directory);
  if (!in.ok()) return in.error();
  // In a directory that had been taken over before a crash, an entry without a record may be a file that lost its record, and may have been
  // private.
  const bool strict = after_crash_ && parent->listed;
  Transaction transaction(catalog_);
  uint64_t adopted = 0;
  for (const BackingEntry& entry : entries) {
    FileType type = entry.type;
    if (type == FileType::kUnknown) {
      const Result<BackingStat> seen = backing_.Stat(*in, entry.name);
      if (seen.code() == ENOENT) continue;
      if (!seen.ok()) return seen.error();
      type = seen->type;
    }
    Result<Name> name = codec_.Decode(entry.name);
    if (!name.ok()) continue;  // no legal name can show it; it stays where it is
    const InodeId inode = NextInode(transaction);
    Status added = transaction.AddName(directory, *name, inode, type);
    for (int copy = 2; added.code() == EEXIST && copy < 1000; ++copy) {
      // The catalog has that name for a content that lies elsewhere: keep both.
      name = Name::From(entry.name.bytes().substr(0, 240) + " (" + std::to_string(copy) + ")");
      if (!name.ok()) break;
      added = transaction.AddName(directory, *name, inode, type);
    }
    if (!added.ok()) return added;
    const bool is_directory = type == FileType::kDirectory;
    InodeRecord record{.type = type,
                       .mode = is_directory ? options_.directory_mode : options_.file_mode,
                       .uid = options_.uid,
                       .gid = options_.gid,
                       .nlink = is_directory ? 2U : 1U,
                       .generation = generation_};
    if (strict) {
      record.mode = is_directory ? 0700 : 0600;
      record.uid = record.gid = 0;
    }
    record.home = Place{directory, entry.name};
    record.imported = false;
    if (is_directory) {
      record.parent = directory;
      ++parent->nlink;
    }
    transaction.PutInode(inode, record);
    transaction.PutHome(*record.home, inode);
    ++adopted;
  }
  transaction.PutInode(directory, *parent);
  if (Status committed = Commit(transaction); !committed.ok()) return committed;
  inode_count_ += adopted;
  return {};
}

// The home of `inode` is gone, and with it, for a directory, every home inside.
Status Volume::DropVanished(InodeId inode) {
  const Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (record.code() == ENOENT) return {};
  if (!record.ok()) return record.error();
  while (record->type == FileType::kDirectory) {
    const auto rows = catalog_.ListNames(inode, Slot{0}, kBatch);
    if (!rows.ok()) return rows.error();
    if (rows->empty()) break;
    for (const NameRow& row : *rows) {
      const Status prepared = Prepare(row.record.inode);
      if (prepared.code() == ENOENT) continue;  // vanished too, and dropped
      if (!prepared.ok()) return prepared;
      if (Status dropped = DropName(row); !dropped.ok()) return dropped;
    }
  }
  for (;;) {
    const auto names = catalog_.NamesOf(inode, kBatch);
    if (!names.ok()) return names.error();
    std::vector<InodeId> involved{inode};
    for (const NameRow& row : *names) involved.push_back(row.directory);
    const auto held = locks_.Exclusive(involved);
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
    if (names->size() == kBatch) {
      if (Status committed = Commit(transaction); !committed.ok()) return committed;
      continue;
    }
    const auto xattrs = catalog_.ListXattrs(inode);
    if (!xattrs.ok()) return xattrs.error();
    for (const std::string& xattr : *xattrs) transaction.DeleteXattr(inode, xattr);
    if (current->home.has_value()) transaction.DeleteHome(*current->home);
    transaction.DeleteInode(inode);
    if (Status committed = Commit(transaction); !committed.ok()) return committed;
    --inode_count_;
    directories_.Forget(inode);
    return {};
  }
}

// Removes one name of an inode that lives on. Without another name it goes to lost+found: a content is never out of reach.
Status Volume::DropName(const NameRow& row) {
  const Result<InodeId> lost_and_found = LostAndFound();
  if (!lost_and_found.ok()) return lost_and_found.error();
  const InodeId involved[] = {row.directory, row.record.inode, *lost_and_found};
  const auto held = locks_.Exclusive(involved);
  const Result<Name> name = Name::From(row.record.name);
  if (!name.ok()) return name.error();
  Result<InodeRecord> record = catalog_.ReadInode(row.record.inode);
  if (!record.ok()) return record.error();
  Transaction transaction(catalog_);
  if (Status removed = transaction.RemoveName(row.directory, *name); !removed.ok()) return removed;
  const bool is_directory = record->type == FileType::kDirectory;
  if (is_directory || record->nlink == 1) {
    const Result<Name> found = Name::From("#" + std::to_string(Raw(row.record.inode)));
    if (!found.ok()) return found.error();
    if (Status added = transaction.AddName(*lost_and_found, *found, row.record.inode, record->type); !added.ok()) return added;
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
  return Commit(transaction);
}

Result<InodeId> Volume::LostAndFound() {
  const Result<Name> name = Name::From(kLostAndFoundName);
  if (!name.ok()) return name.error();
  if (Status prepared = PrepareDirectory(kRootInode); !prepared.ok()) return prepared.error();
  const auto held = locks_.Exclusive(kRootInode);
  const Result<NameRow> row = catalog_.FindName(kRootInode, *name);
  if (row.ok()) return row->record.inode;
  if (row.code() != ENOENT) return row.error();
  const Result<CreatedInode> created = Create(kRootInode, *name, {.type = FileType::kDirectory, .mode = 0700});
  if (!created.ok()) return created.error();
  return created->inode;
}

}  // namespace hardlinkfs
