// Listing, and statfs(2).
#include <cerrno>
#include <unordered_set>
#include <vector>

#include "fuse/vfs/vfs.h"

namespace hardlinkfs {
namespace {

DirectoryEntry NameOnly(const ListedName& name) { return {name.name, name.number, name.type, name.offset, std::nullopt}; }

bool IsDot(const ListedName& name) { return name.name == "." || name.name == ".."; }

}  // namespace

Result<std::unique_ptr<DirectoryStream>> Vfs::OpenDirectory(InodeId directory) {
  if (Status prepared = volume_.PrepareDirectory(directory); !prepared.ok()) return prepared.error();
  return volume_.OpenDirectory(directory);
}

Status Vfs::ReadDirectory(InodeId directory, DirectoryStream& stream, uint64_t offset, ListingMode mode,
                          const std::function<bool(const DirectoryEntry&)>& visit) {
  if (Status prepared = volume_.PrepareDirectory(directory); !prepared.ok()) return prepared;
  std::unordered_set<InodeId> failed;
  for (uint64_t after = offset;;) {
    std::vector<InodeId> unprepared;
    {
      // Under the lock, so that no name is shown, and counted as a lookup, after its unlink.
      const auto held = volume_.locks().Shared(directory);
      const Result<std::vector<ListedName>> names = volume_.List(directory, stream, after);
      if (!names.ok()) return names.error();
      if (names->empty()) return {};
      for (const ListedName& name : *names) {
        const bool bare = IsDot(name) || failed.contains(name.inode);
        std::optional<Listed> listed = bare ? Listed{NameOnly(name), {}} : EntryOf(directory, name, mode);
        // Those behind one that cannot be shown yet are only looked at, so that all of the batch is prepared before the names are read
        // again.
        if (!listed.has_value()) unprepared.push_back(name.inode);
        if (!unprepared.empty()) continue;
        if (!visit(listed->entry)) return {};
        if (listed->entry.attributes.has_value()) {
          table_.AddLookup(std::move(listed->inode));
          Saw(listed->entry.attributes->inode, directory, listed->entry.name);
        }
        after = name.offset;
      }
    }
    for (const InodeId inode : unprepared) {
      // One that cannot be looked at is shown by its name alone.
      if (!volume_.Prepare(inode).ok()) failed.insert(inode);
    }
  }
}

std::optional<Vfs::Listed> Vfs::EntryOf(InodeId directory, const ListedName& listed, ListingMode mode) const {
  Listed out{NameOnly(listed), {}};
  if (mode == ListingMode::kNames) {
    if (!volume_.MayBeListed(directory, listed.inode)) return std::nullopt;
    return out;
  }
  out.inode = InodeRef(listed.inode);
  if (listed.inode == InodeId{}) {
    const Result<Name> name = Name::From(listed.name);
    if (!name.ok()) return out;
    Result<InodeRef> found = volume_.Lookup(directory, *name);
    if (!found.ok()) return out;
    out.inode = *std::move(found);
  }
  const InodeId inode = out.inode.inode();
  const Result<Attributes> attributes = volume_.Stat(inode);
  // What cannot be read costs its attributes, not the listing: a lookup of it gives the error.
  if (!attributes.ok()) return out;
  if (!volume_.IsPrepared(inode)) return std::nullopt;
  // Those of an open file are not given: they may be behind what was written, and its own lock cannot be taken here.
  if (!MayBeBehind(inode)) out.entry.attributes = Show(*attributes);
  return out;
}

Result<FilesystemUsage> Vfs::Statfs() {
  const Result<BackingSpace> space = volume_.Space();
  if (!space.ok()) return space.error();
  const uint64_t block = space->block_size == 0 ? 4096 : space->block_size;
  return FilesystemUsage{.block_size = block,
                         .blocks = space->total_bytes / block,
                         .free_blocks = space->free_bytes / block,
                         .available_blocks = space->available_bytes / block,
                         .inodes = space->total_inodes,
                         .free_inodes = space->free_inodes};
}

}  // namespace hardlinkfs
