// What somebody else does to the bare backing between two sessions, and what of contents lies there: none of it may get out of reach.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "store/backing/private_area.h"
#include "tests/sim/sim_run.h"

namespace hardlinkfs {
namespace {

bool IsPrivateArea(const BackingEntry& entry) { return entry.name.bytes() == kPrivateAreaName; }

std::string KeyOf(const SimContent& content) {
  return std::string(reinterpret_cast<const char*>(content.stamps.data()), sizeof content.stamps) + std::to_string(content.sectors);
}

std::vector<BackingEntry> EntriesOf(MemoryBacking& backing, const BackingDirectoryRef& directory) {
  std::vector<BackingEntry> entries;
  static_cast<void>(backing.List(directory, [&](const BackingEntry& entry) {
    entries.push_back(entry);
    return true;
  }));
  return entries;
}

// RETURNS: whether a place is taken, as far as the catalog tells where its directory lies.
bool IsTaken(Machine& machine, const Catalog& catalog, const Place& place) {
  std::vector<BackingName> path{place.name};
  InodeId directory = place.directory;
  while (directory != kRootInode && directory != kHomesDirectory) {
    const auto record = catalog.ReadInode(directory);
    if (!record.ok() || !record->home.has_value()) return false;
    path.push_back(record->home->name);
    directory = record->home->directory;
  }
  BackingDirectoryRef in = directory == kRootInode ? machine.backing().root() : machine.homes();
  for (; path.size() > 1; path.pop_back()) {
    const auto below = machine.backing().OpenDirectory(in, path.back());
    if (!below.ok()) return false;
    in = *below;
  }
  return machine.backing().Stat(in, path.front()).ok();
}

}  // namespace

// A file, or a directory with one in it, in any directory.
void SimRun::AddForeign() {
  MemoryBacking& backing = machine_.backing();
  // Also where nobody has any business.
  const bool in_homes = dice_.Chance(10);
  BackingDirectoryRef directory = in_homes ? machine_.homes() : backing.root();
  for (bool deeper = !in_homes; deeper;) {
    deeper = false;
    for (const BackingEntry& entry : EntriesOf(backing, directory)) {
      if (entry.type != FileType::kDirectory || IsPrivateArea(entry) || !dice_.Chance(30)) continue;
      const auto below = backing.OpenDirectory(directory, entry.name);
      if (!below.ok()) continue;
      directory = *below;
      deeper = true;
      break;
    }
  }
  const BackingName name(kForeignName + std::to_string(++last_stamp_));
  Trace("somebody else makes ", name.bytes());
  if (dice_.Chance(60)) {
    if (!backing.MakeDirectory(directory, name, 0755).ok()) return;
    const auto made = backing.OpenDirectory(directory, name);
    if (!made.ok()) return;
    directory = *made;
  }
  const auto file = backing.CreateFile(directory, name, 0644);
  if (!file.ok()) return;
  std::string sector;
  for (size_t i = 0; i < kSectorBytes; i += sizeof last_stamp_) {
    sector.append(reinterpret_cast<const char*>(&last_stamp_), sizeof last_stamp_);
  }
  static_cast<void>((*file)->Write(sector, 0));
  foreign_.insert(last_stamp_);
  backing.SyncEverything();
}

// With the volume closed. The contents of orphans may go.
void SimRun::NoteContents() {
  stranded_.clear();
  NoteContentsIn(machine_.backing().root(), kRootInode, "");
  NoteContentsIn(machine_.homes(), kHomesDirectory, ".hardlinkfs/homes");
}

void SimRun::NoteContentsIn(const BackingDirectoryRef& directory, std::optional<InodeId> inode, const std::string& path) {
  MemoryBacking& backing = machine_.backing();
  const Catalog catalog(machine_.engine());
  const auto intents = catalog.ListIntents();
  // How much speaks for it that what was moved away from here lies under a torn name: of a directory as many entries as are its own.
  const auto likeness = [&](const IntentRecord& intent, const BackingEntry& entry) -> ptrdiff_t {
    if (intent.from.directory != *inode || !entry.name.bytes().starts_with(MemoryBacking::kTornName)) return 0;
    if (backing.Stat(directory, intent.from.name).ok()) return 0;  // that is not torn
    if (entry.type != FileType::kDirectory) return backing.Stat(directory, entry.name)->size == intent.size ? 1 : 0;
    const auto below = backing.OpenDirectory(directory, entry.name);
    if (!below.ok()) return 0;
    const std::vector<BackingEntry> children = EntriesOf(backing, *below);
    const auto known = std::ranges::count_if(children, [&](const BackingEntry& child) {
      return catalog.FindHome({intent.inode, child.name}).ok();
    });
    // Of two like that, the one that seems to have arrived is the other.
    return 2 * known - (known > 0 && IsTaken(machine_, catalog, intent.to) ? 1 : 0);
  };
  // Whose home may lie there; what is being moved may lie at either place.
  const auto resident_of = [&](const BackingEntry& entry) -> std::optional<InodeId> {
    if (!inode.has_value()) return std::nullopt;
    const Place place{*inode, entry.name};
    if (const Result<InodeId> resident = catalog.FindHome(place); resident.ok()) return *resident;
    std::optional<InodeId> torn;
    ptrdiff_t most = 0;
    for (const IntentRecord& intent : intents.ok() ? *intents : std::vector<IntentRecord>()) {
      if (intent.from == place || intent.to == place) return intent.inode;
      const ptrdiff_t like = likeness(intent, entry);
      if (like > most) torn = intent.inode;
      most = std::max(most, like);
    }
    return torn;
  };
  for (const BackingEntry& entry : EntriesOf(backing, directory)) {
    if (IsPrivateArea(entry)) continue;
    const std::string shown = path + "/" + entry.name.bytes();
    const std::optional<InodeId> resident = resident_of(entry);
    if (entry.type == FileType::kDirectory) {
      const auto below = backing.OpenDirectory(directory, entry.name);
      if (below.ok()) NoteContentsIn(*below, resident, shown);
      continue;
    }
    const auto record = catalog.ReadInode(resident.value_or(InodeId{0}));
    const bool may_go = record.ok() && record->nlink == 0;
    const auto file = backing.OpenFile(directory, entry.name);
    if (may_go || !file.ok()) continue;
    std::string bytes(kSimSectors * kSectorBytes, '\0');
    const auto got = (*file)->Read(bytes, 0);
    if (!got.ok() || *got == 0) continue;
    bytes.resize(*got);
    stranded_[KeyOf(ContentOf(bytes, shown))] = shown;
  }
}

void SimRun::ForgetReachable() {
  for (const auto& [inode, file] : files_) {
    if (now_.nodes[inode].nlink > 0) stranded_.erase(KeyOf(file.history.back()));
  }
}

void SimRun::TraceHomes() {
  const Catalog catalog(machine_.engine());
  for (const auto& [inode, node] : durable_.nodes) {
    const auto record = catalog.ReadInode(inode);
    if (record.ok() && record->home.has_value()) {
      Trace("    | ", inode, " lives at ", record->home->directory, "/", record->home->name.bytes(),
            record->nlink == 0 ? ", an orphan" : "");
    }
  }
  const auto intents = catalog.ListIntents();
  for (const IntentRecord& intent : intents.ok() ? *intents : std::vector<IntentRecord>()) {
    Trace("    | ", intent.inode, " was to move from ", intent.from.directory, "/", intent.from.name.bytes(), " to ", intent.to.directory,
          "/", intent.to.name.bytes());
  }
}

void SimRun::TraceDisk(const BackingDirectoryRef& directory, const std::string& indent) {
  for (const BackingEntry& entry : EntriesOf(machine_.backing(), directory)) {
    const Result<BackingStat> seen = machine_.backing().Stat(directory, entry.name);
    const bool is_directory = entry.type == FileType::kDirectory;
    Trace(indent, entry.name.bytes(), is_directory ? "/" : " " + std::to_string(seen.ok() ? seen->size : 0));
    if (!is_directory) continue;
    if (const auto below = machine_.backing().OpenDirectory(directory, entry.name); below.ok()) TraceDisk(*below, indent + "  ");
  }
}

// After a power cut that left two entries of one file: what deletes one of the files that it has become does not delete the other.
void SimRun::NoteDuplicates(const BackingDirectoryRef& directory, std::set<uint64_t>& seen) {
  for (const BackingEntry& entry : EntriesOf(machine_.backing(), directory)) {
    if (entry.type == FileType::kDirectory) {
      if (const auto below = machine_.backing().OpenDirectory(directory, entry.name); below.ok()) NoteDuplicates(*below, seen);
      continue;
    }
    const auto file = machine_.backing().OpenFile(directory, entry.name);
    std::string bytes(kSimSectors * kSectorBytes, '\0');
    const auto got = file.ok() ? (*file)->Read(bytes, 0) : Result<size_t>(file.error());
    if (!got.ok()) continue;
    bytes.resize(*got);
    for (const uint64_t stamp : ContentOf(bytes, entry.name.bytes()).stamps) {
      if (stamp != 0 && !seen.insert(stamp).second) duplicates_.insert(stamp);
    }
  }
}

}  // namespace hardlinkfs
