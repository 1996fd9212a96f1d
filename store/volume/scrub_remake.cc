// Records made anew from what other rows and the backing still say, with the strictest rights; and lost+found, for what would be out of
// reach otherwise. Entries that a repair makes on the backing are durable before the commit that relies on them (S2).
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string>

#include "store/volume/scrubber.h"

namespace hardlinkfs {
namespace {

constexpr uint32_t kStrictFile = 0600, kStrictDirectory = 0700, kSymlinkMode = 0777;

// Also under a checksum that verifies, a name of this record could have been any.
bool IsDevice(FileType type) { return type == FileType::kBlockDevice || type == FileType::kCharacterDevice; }

Place InHomes(InodeId inode, int copy) {
  char name[32];
  std::snprintf(name, sizeof name, "%016llx", static_cast<unsigned long long>(Raw(inode)));
  return {kHomesDirectory, BackingName(std::string(name) + (copy == 1 ? "" : "-" + std::to_string(copy)))};
}

}  // namespace

Result<std::map<InodeId, std::vector<Place>>> Scrubber::HomesOf(const std::set<InodeId>& inodes) {
  std::map<InodeId, std::vector<Place>> homes;
  ScrubRows rows(engine_, keys::kHomes);
  for (; rows.Valid(); rows.Next()) {
    const Result<InodeId> inode = DecodeInode(rows.key(), rows.value());
    if (!inode.ok() || !inodes.contains(*inode)) continue;
    homes[*inode].push_back({rows.inode(), BackingName(std::string(keys::TailOf(rows.key())))});
  }
  if (!rows.status().ok()) return rows.status().error();
  return homes;
}

// RETURNS: the directories in which the homes lie, without a record of their own; those that may be made anew as well.
Result<std::set<InodeId>> Scrubber::LostDirectoriesOf(const std::map<InodeId, std::vector<Place>>& homes, const std::set<InodeId>& known) {
  std::set<InodeId> lost;
  for (const auto& [inode, places] : homes) {
    for (const Place& place : places) {
      if (place.directory < kFirstFreeInode || lost.contains(place.directory) || known.contains(place.directory)) continue;
      const Result<InodeRecord> record = catalog_.ReadInode(place.directory);
      if (record.code() != ENOENT && record.code() != EUCLEAN) continue;
      const std::string problem =
          "The home of " + Called(inode) + " lies in directory " + Called(place.directory) + ", which has no record";
      if (Report(Weight::kMajor, problem, "Make it anew")) lost.insert(place.directory);
    }
  }
  return lost;
}

Status Scrubber::RemakeInodes() {
  if (bad_inodes_.empty()) return {};
  std::set<InodeId> inodes = std::exchange(bad_inodes_, {});
  std::map<InodeId, std::vector<Place>> homes;
  for (size_t known = 0; known < inodes.size();) {
    known = inodes.size();
    Result<std::map<InodeId, std::vector<Place>>> found = HomesOf(inodes);
    if (!found.ok()) return found.error();
    homes = *std::move(found);
    const Result<std::set<InodeId>> lost = LostDirectoriesOf(homes, inodes);
    if (!lost.ok()) return lost.error();
    inodes.insert(lost->begin(), lost->end());
  }
  // A home can only be looked at when the directories above it have records: those first that lie in none of the others.
  std::vector<InodeId> left(inodes.begin(), inodes.end());
  for (bool progress = true; !left.empty();) {
    std::vector<InodeId> waiting;
    for (const InodeId inode : left) {
      const bool waits = progress && std::ranges::any_of(homes[inode], [&](const Place& place) {
                           return place.directory != inode && std::ranges::find(left, place.directory) != left.end() &&
                                  catalog_.ReadInode(place.directory).code() != 0;
                         });
      if (waits) {
        waiting.push_back(inode);
      } else if (Status remade = OrLater(Remake(inode, homes[inode])); !remade.ok()) {
        return remade;
      }
    }
    progress = waiting.size() < left.size();
    left.swap(waiting);
  }
  return {};
}

Result<Scrubber::Evidence> Scrubber::Gather(InodeId inode, const std::vector<Place>& homes) {
  Evidence evidence;
  for (ScrubRows rows(engine_, keys::LinkPrefix(inode)); rows.Valid(); rows.Next()) {
    const InodeId directory = keys::DirectoryOfLink(rows.key());
    const Slot slot = keys::SlotOf(rows.key());
    const std::string key = keys::NameAt(directory, slot);
    const Result<std::optional<std::string>> value = engine_.Get(key);
    if (!value.ok()) return value.error();
    if (!value->has_value()) continue;
    const Result<NameRecord> row = DecodeNameRecord(key, **value);
    if (row.ok() && (row->name.empty() || row->inode != inode)) continue;
    ++evidence.count;
    if (row.ok() && evidence.names.size() < Catalog::kNamesConsidered) evidence.names.push_back({directory, slot, *row});
  }
  if (!evidence.names.empty()) evidence.type = evidence.names.front().record.type;
  if (engine_.Scan(keys::NamePrefix(inode), "")->Valid() || engine_.Scan(keys::HomePrefix(inode), "")->Valid()) {
    evidence.type = FileType::kDirectory;
  }
  const Result<std::string> target = catalog_.ReadTarget(inode);
  if (target.ok() && evidence.type == FileType::kUnknown) evidence.type = FileType::kSymlink;
  std::vector<Place> candidates = homes;
  const Result<std::optional<Place>> unclaimed = FindContent(inode, evidence.type, evidence.names);
  if (!unclaimed.ok()) return unclaimed.error();
  if (unclaimed->has_value()) candidates.push_back(**unclaimed);
  for (const Place& place : candidates) {
    const Result<std::optional<BackingStat>> seen = StatAt(place);
    if (!seen.ok()) return seen.error();
    if (!seen->has_value() || (evidence.type != FileType::kUnknown && (*seen)->type != evidence.type)) continue;
    evidence.home = place;
    evidence.seen = **seen;
    evidence.type = evidence.seen.type;
    break;
  }
  return evidence;
}

Status Scrubber::Remake(InodeId inode, const std::vector<Place>& homes) {
  Result<Evidence> evidence = Gather(inode, homes);
  if (!evidence.ok()) return evidence.error();
  const FileType type = evidence->type;
  const bool nothing_left = type == FileType::kUnknown || (type == FileType::kRegular && !evidence->home.has_value());
  if (nothing_left) return DropInode(inode);
  const bool is_directory = type == FileType::kDirectory;
  if (is_directory && !evidence->home.has_value()) {
    const Result<Place> made = MakeHome(inode);
    if (!made.ok()) return made.error();
    evidence->home = *made;
    const Result<std::optional<BackingStat>> seen = StatAt(*made);
    if (seen.ok() && seen->has_value()) evidence->seen = **seen;
  }
  const Timestamp now = target_.clock.Now();
  const bool seen = evidence->home.has_value();
  const Timestamp time = seen ? evidence->seen.mtime : now;
  InodeRecord record{.type = type,
                     .mode = is_directory ? kStrictDirectory : kStrictFile,
                     .uid = target_.keeper_uid,
                     .gid = target_.keeper_gid,
                     .nlink = static_cast<uint32_t>(evidence->count),
                     // Handles of old do not open what may not be the same.
                     .generation = meta_.session + 1,
                     .atime = time,
                     .mtime = time,
                     .ctime = now,
                     .btime = time};
  record.home = evidence->home;
  if (IsDevice(type)) record.mode = 0;  // which device it was, nobody knows any more
  Transaction transaction(catalog_);
  if (type == FileType::kSymlink) {
    record.mode = kSymlinkMode;
    Result<std::string> target = catalog_.ReadTarget(inode);
    if (!target.ok() && seen) target = backing_.ReadLink(*directories().Open(record.home->directory), record.home->name);
    if (!target.ok()) target = std::string(kDamagedTarget);
    record.size = target->size();
    transaction.PutTarget(inode, *target);
  } else {
    transaction.DeleteKey(keys::Target(inode));
  }
  if (type == FileType::kRegular) {
    record.size = evidence->seen.size;
    record.blocks = evidence->seen.blocks;
    record.seen_mtime = evidence->seen.mtime;
  }
  if (is_directory) {
    const Result<uint64_t> subdirectories = CountSubdirectories(inode);
    if (!subdirectories.ok()) return subdirectories.error();
    record.nlink = static_cast<uint32_t>(2 + *subdirectories);
    record.parent = evidence->names.empty() ? kRootInode : evidence->names.front().directory;
    record.listed = true;
  }
  transaction.PutInode(inode, record);
  if (record.home.has_value()) transaction.PutHome(*record.home, inode);
  transaction.DeleteOrphan(inode);
  transaction.DeleteIntent(inode);
  if (record.home.has_value()) transaction.PutDetached(inode);  // the settler looks whether that is so
  HomesChanged();
  return Apply(transaction);
}

// There is no content, and nothing that tells of one: names that lead nowhere go.
Status Scrubber::DropInode(InodeId inode) {
  Transaction transaction(catalog_);
  for (ScrubRows rows(engine_, keys::LinkPrefix(inode)); rows.Valid(); rows.Next()) {
    const InodeId directory = keys::DirectoryOfLink(rows.key());
    const Slot slot = keys::SlotOf(rows.key());
    transaction.DeleteLink(inode, directory, slot);
    const std::string key = keys::NameAt(directory, slot);
    const Result<std::optional<std::string>> value = engine_.Get(key);
    if (!value.ok()) return value.error();
    const Result<NameRecord> row = value->has_value() ? DecodeNameRecord(key, **value) : Result<NameRecord>(Error{ENOENT, "no row"});
    if (!row.ok() || row->inode != inode || row->name.empty()) continue;
    if (Status cleared = transaction.ClearRow(directory, slot); !cleared.ok()) return cleared;
  }
  for (ScrubRows rows(engine_, keys::XattrPrefix(inode)); rows.Valid(); rows.Next()) transaction.DeleteKey(std::string(rows.key()));
  transaction.DeleteInode(inode);
  return Apply(transaction);
}

// RETURNS: nothing where there is none; an error where that cannot be told.
Result<std::optional<BackingStat>> Scrubber::StatAt(const Place& place) {
  const auto is_absence = [](int code) { return code == ENOENT || code == ENOTDIR || code == EUCLEAN || code == ELOOP; };
  const Result<BackingDirectoryRef> in = directories().Open(place.directory);
  if (!in.ok() && is_absence(in.code())) return std::optional<BackingStat>();
  if (!in.ok()) return in.error();
  const Result<BackingStat> seen = backing_.Stat(*in, place.name);
  if (!seen.ok() && (is_absence(seen.code()) || seen.code() == EINVAL || seen.code() == ENAMETOOLONG || seen.code() == EILSEQ)) {
    return std::optional<BackingStat>();
  }
  if (!seen.ok()) return seen.error();
  return std::optional(*seen);
}

// RETURNS: where a content lies that one of the names says should be there, or in homes/, and that is nobody's.
Result<std::optional<Place>> Scrubber::FindContent(InodeId inode, FileType type, const std::vector<NameRow>& names) {
  std::vector<Place> places{InHomes(inode, 1)};
  for (const NameRow& row : names) {
    const Result<Name> name = Name::From(row.record.name);
    if (!name.ok()) continue;
    places.push_back({row.directory, codecs_.front().Natural(*name)});
    places.push_back({row.directory, codecs_.front().Alternate(*name)});
  }
  for (const Place& place : places) {
    const Result<InodeId> resident = catalog_.FindHome(place);
    if (resident.code() != ENOENT || in_motion_.contains(place)) continue;
    const Result<std::optional<BackingStat>> seen = StatAt(place);
    if (!seen.ok()) return seen.error();
    if (seen->has_value() && (type == FileType::kUnknown || (*seen)->type == type)) return std::optional(place);
  }
  return std::optional<Place>();
}

// What lay in the directory is not in it any more; it is adopted where the backing has it.
Result<Place> Scrubber::MakeHome(InodeId directory) {
  for (int copy = 1; copy < 1000; ++copy) {
    const Place place = InHomes(directory, copy);
    if (catalog_.FindHome(place).code() != ENOENT) continue;
    const Status made = backing_.MakeDirectory(target_.homes, place.name, kStrictDirectory);
    if (made.code() == EEXIST) continue;
    if (!made.ok()) return made.error();
    if (Status synced = backing_.SyncDirectory(target_.homes); !synced.ok()) return synced.error();
    return place;
  }
  return Error{EEXIST, "no free place in homes"};
}

Result<uint64_t> Scrubber::CountSubdirectories(InodeId directory) {
  uint64_t count = 0;
  ScrubRows rows(engine_, keys::NamePrefix(directory));
  for (; rows.Valid(); rows.Next()) {
    const Result<NameRecord> row = DecodeNameRecord(rows.key(), rows.value());
    if (row.ok() && !row->name.empty() && row->type == FileType::kDirectory) ++count;
  }
  if (!rows.status().ok()) return rows.status().error();
  return count;
}

Result<InodeId> Scrubber::LostAndFound() {
  for (const char* candidate : {"lost+found", "lost+found-2", "lost+found-3"}) {
    const Name name = *Name::From(candidate);
    const Result<NameRow> row = catalog_.FindName(kRootInode, name);
    if (row.code() == ENOENT) return MakeLostAndFound(name);
    if (row.code() == EUCLEAN) continue;
    if (!row.ok()) return row.error();
    const Result<InodeRecord> record = catalog_.ReadInode(row->record.inode);
    const bool usable = record.ok() && record->type == FileType::kDirectory && record->nlink > 0 && record->parent == kRootInode;
    if (usable) return row->record.inode;
  }
  return Error{ENOTDIR, "lost+found is something else"};
}

Result<InodeId> Scrubber::MakeLostAndFound(const Name& name) {
  Result<InodeRecord> root = catalog_.ReadInode(kRootInode);
  if (!root.ok()) return root.error();
  Transaction transaction(catalog_);
  const Result<InodeId> number = TakeNumber(transaction);
  if (!number.ok()) return number.error();
  const Timestamp now = target_.clock.Now();
  InodeRecord record{.type = FileType::kDirectory,
                     .mode = kStrictDirectory,
                     .uid = target_.keeper_uid,
                     .gid = target_.keeper_gid,
                     .nlink = 2,
                     .generation = meta_.session + 1,
                     .atime = now,
                     .mtime = now,
                     .ctime = now,
                     .btime = now};
  record.parent = kRootInode;
  record.listed = true;
  // What lies there already, unknown to the catalog, will be taken over under a name beside it.
  const Place natural{kRootInode, codecs_.front().Natural(name)};
  const bool taken = catalog_.FindHome(natural).code() != ENOENT;
  const Status made = taken ? Status(Error{EEXIST, "taken"}) : backing_.MakeDirectory(backing_.root(), natural.name, kStrictDirectory);
  if (made.ok()) {
    if (Status synced = backing_.SyncDirectory(backing_.root()); !synced.ok()) return synced.error();
    record.home = natural;
  } else if (made.code() == EEXIST) {
    const Result<Place> home = MakeHome(*number);
    if (!home.ok()) return home.error();
    record.home = *home;
    transaction.PutDetached(*number);
  } else {
    return made.error();
  }
  if (Status added = transaction.AddName(kRootInode, name, *number, FileType::kDirectory); !added.ok()) return added.error();
  ++root->nlink;
  root->mtime = root->ctime = now;
  transaction.PutInode(kRootInode, *root);
  transaction.PutInode(*number, record);
  transaction.PutHome(*record.home, *number);
  if (Status applied = Apply(transaction); !applied.ok()) return applied.error();
  return *number;
}

Status Scrubber::Reconnect(Transaction& transaction, InodeId inode, InodeRecord record) {
  const Result<InodeId> lost_and_found = LostAndFound();
  if (!lost_and_found.ok()) return lost_and_found.error();
  Status added = Error{EEXIST, "no free name in lost+found"};
  for (const char* suffix : {"", " (2)", " (3)"}) {
    if (added.code() != EEXIST) break;
    added = transaction.AddName(*lost_and_found, *Name::From("#" + std::to_string(Raw(inode)) + suffix), inode, record.type);
  }
  if (!added.ok()) return added;
  const Timestamp now = target_.clock.Now();
  record.ctime = now;
  if (record.type == FileType::kDirectory) {
    const Result<uint64_t> subdirectories = CountSubdirectories(inode);
    if (!subdirectories.ok()) return subdirectories.error();
    record.nlink = static_cast<uint32_t>(2 + *subdirectories);
    record.parent = *lost_and_found;
    Result<InodeRecord> parent = catalog_.ReadInode(*lost_and_found);
    if (!parent.ok()) return parent.error();
    ++parent->nlink;
    parent->mtime = parent->ctime = now;
    transaction.PutInode(*lost_and_found, *parent);
  } else {
    record.nlink = 1;
  }
  record.linkable = false;
  record.in_use = false;
  transaction.PutInode(inode, record);
  transaction.DeleteOrphan(inode);
  if (record.home.has_value()) transaction.PutDetached(inode);
  return {};
}

}  // namespace hardlinkfs
