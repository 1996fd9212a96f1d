// Listing. An offset is the slot of the last name shown, so it stays true whatever comes or goes meanwhile, and after a remount.
#include <cerrno>
#include <unordered_set>
#include <vector>

#include "fuse/vfs/vfs.h"

namespace hardlinkfs {
namespace {

constexpr size_t kBatch = 128;
constexpr uint64_t kAfterDot = 1;
constexpr uint64_t kAfterDotDot = 2;

DirectoryEntry NameOnly(const NameRow& row) { return {row.record.name, row.record.inode, row.record.type, Raw(row.slot), std::nullopt}; }

}  // namespace

Status Vfs::OpenDirectory(InodeId directory) { return volume_.PrepareDirectory(directory); }

Status Vfs::ReadDirectory(InodeId directory, uint64_t offset, ListingMode mode, const std::function<bool(const DirectoryEntry&)>& visit) {
  if (Status prepared = volume_.PrepareDirectory(directory); !prepared.ok()) return prepared;
  const Result<InodeRecord> record = volume_.Read(directory);
  if (!record.ok()) return record.error();
  if (record->nlink == 0) return {};  // removed: empty, without "." even, as elsewhere
  if (offset < kAfterDot && !visit({".", directory, FileType::kDirectory, kAfterDot, std::nullopt})) return {};
  if (offset < kAfterDotDot && !visit({"..", record->parent, FileType::kDirectory, kAfterDotDot, std::nullopt})) return {};
  std::unordered_set<InodeId> failed;
  for (Slot after{std::max(offset, kAfterDotDot)};;) {
    std::vector<InodeId> unprepared;
    {
      // Under the lock, so that no name is shown, and counted as a lookup, after its unlink.
      const auto held = volume_.locks().Shared(directory);
      const auto rows = volume_.catalog().ListNames(directory, after, kBatch);
      if (!rows.ok()) return rows.error();
      if (rows->empty()) return {};
      for (const NameRow& row : *rows) {
        const InodeId inode = row.record.inode;
        const std::optional<DirectoryEntry> entry = failed.contains(inode) ? NameOnly(row) : EntryOf(directory, row, mode);
        // Those behind one that cannot be shown yet are only looked at, so that all of the batch is prepared before the rows are read
        // again.
        if (!entry.has_value()) unprepared.push_back(inode);
        if (!unprepared.empty()) continue;
        if (!visit(*entry)) return {};
        if (entry->attributes.has_value()) table_.AddLookup(inode);
        after = row.slot;
      }
    }
    for (const InodeId inode : unprepared) {
      // One that cannot be looked at is shown by its name alone.
      if (!volume_.Prepare(inode).ok()) failed.insert(inode);
    }
  }
}

std::optional<DirectoryEntry> Vfs::EntryOf(InodeId directory, const NameRow& row, ListingMode mode) const {
  const InodeId inode = row.record.inode;
  DirectoryEntry entry = NameOnly(row);
  const bool prepared = volume_.IsPrepared(inode);
  if (prepared && mode == ListingMode::kNames) return entry;
  const Result<InodeRecord> child = volume_.Read(inode);
  // A record that cannot be read costs its attributes, not the listing: a lookup of it gives the error.
  if (!child.ok()) return entry;
  // A home in this directory was seen when the directory was listed; one elsewhere has to be looked for before its name is shown.
  const bool seen = child->home.has_value() && child->home->directory == directory;
  if (!prepared && (mode == ListingMode::kNamesAndAttributes || !seen)) return std::nullopt;
  // Those of an open file are not given: they may be behind what was written, and its own lock cannot be taken here.
  if (!MayBeBehind(inode) && mode == ListingMode::kNamesAndAttributes) entry.attributes = Show(inode, *child);
  return entry;
}

Result<FilesystemUsage> Vfs::Statfs() {
  const Result<BackingSpace> space = volume_.Space();
  if (!space.ok()) return space.error();
  const uint64_t block = space->block_size == 0 ? 4096 : space->block_size;
  FilesystemUsage usage{.block_size = block,
                        .blocks = space->total_bytes / block,
                        .free_blocks = space->free_bytes / block,
                        .available_blocks = space->available_bytes / block,
                        .free_inodes = space->free_inodes};
  // A backing that does not count inodes runs out of blocks first.
  if (space->total_inodes == 0) usage.free_inodes = usage.available_blocks;
  usage.inodes = volume_.inode_count() + usage.free_inodes;
  return usage;
}

}  // namespace hardlinkfs
