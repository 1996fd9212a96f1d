// What lies in homes/ and nobody knows: a creation that was never acknowledged or lost in a power cut, or what a removed directory turned
// out to hold. Empty ones go; a content is never thrown away: it goes to lost+found.
#include <spdlog/spdlog.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "store/base/rules.h"
#include "store/volume/catalog_volume.h"

namespace hardlinkfs {
namespace {

constexpr int kCopiesInLostAndFound = 1000;  // of one name in lost+found

// RETURNS: whether the inode that the name tells lives there, or may: a row that is lost, or a record that is damaged, gives up no content.
bool IsClaimed(const Catalog& catalog, const BackingName& name) {
  uint64_t number = 0;
  const std::string& bytes = name.bytes();
  const auto parsed = std::from_chars(bytes.data(), bytes.data() + bytes.size(), number, 16);
  if (parsed.ec != std::errc() || parsed.ptr != bytes.data() + bytes.size()) return false;
  const Result<InodeRecord> record = catalog.ReadInode(InodeId{number});
  if (!record.ok()) return record.code() != ENOENT;
  return record->home == Place{kHomesDirectory, name};
}

}  // namespace

// At each mount: what could not be saved by an earlier one is tried again. Nothing that lies there keeps a volume from being used.
void CatalogVolume::SweepHomes() {
  std::vector<BackingName> unknown;
  const Result<BackingDirectoryRef> homes = directories_.Open(kHomesDirectory);
  Status swept = homes.status();
  if (homes.ok()) {
    swept = backing_.List(*homes, [&](const BackingEntry& entry) {
      if (catalog_.FindHome({kHomesDirectory, entry.name}).code() == ENOENT && !IsClaimed(catalog_, entry.name) &&
          !IsAwaited({kHomesDirectory, entry.name}))
        unknown.push_back(entry.name);
      return true;
    });
  }
  for (const BackingName& name : unknown) {
    if (Status rescued = RescueFromHomes(name); !rescued.ok()) swept = rescued;
  }
  if (!swept.ok()) {
    spdlog::warn("something without a record stays in .hardlinkfs/homes for now: {} ({})", swept.error().what, std::strerror(swept.code()));
  }
}

Status CatalogVolume::RescueFromHomes(const BackingName& name) {
  const Result<BackingDirectoryRef> homes = directories_.Open(kHomesDirectory);
  if (!homes.ok()) return homes.error();
  const Result<BackingStat> seen = backing_.Stat(*homes, name);
  if (!seen.ok()) return seen.code() == ENOENT ? Status() : seen.status();
  {
    // Else it could come back in a power cut.
    MutexLock lock(pending_mutex_);
    unsynced_directories_.insert(kHomesDirectory);
  }
  const bool is_directory = seen->type == FileType::kDirectory;
  if (is_directory && backing_.RemoveDirectory(*homes, name).ok()) return {};
  if (!is_directory && (seen->size == 0 || !Keeps(Rule::kContentIsNeverThrownAway)) && backing_.RemoveFile(*homes, name).ok()) return {};

  const Result<InodeId> lost_and_found = LostAndFound();
  if (!lost_and_found.ok()) return lost_and_found.error();
  const auto held = locks().Exclusive(*lost_and_found);
  const MutexPair home_locks(HomeLock(kHomesDirectory), HomeLock(*lost_and_found));
  const Result<BackingDirectoryRef> to = directories_.Open(*lost_and_found);
  if (!to.ok()) return to.error();
  for (int copy = 1; copy <= kCopiesInLostAndFound; ++copy) {
    const BackingName kept("homes-" + name.bytes() + (copy == 1 ? "" : " (" + std::to_string(copy) + ")"));
    const Result<InodeId> resident = catalog_.FindHome({*lost_and_found, kept});
    if (resident.ok()) continue;
    if (resident.code() != ENOENT) return resident.status();
    const Status moved = MoveEntry({kHomesDirectory, name}, {*lost_and_found, kept}, seen->type, *homes, *to);
    if (moved.code() == EEXIST) continue;
    if (!moved.ok()) return moved;
    return Adopt(*lost_and_found, {{kept, seen->type}}, Trust::kNone);
  }
  return Error{EEXIST, "lost+found has too many of one name"};
}

}  // namespace hardlinkfs
