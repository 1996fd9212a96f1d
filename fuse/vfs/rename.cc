// rename(2), renameat2(2).
#include <cerrno>

#include "fuse/vfs/vfs.h"

namespace hardlinkfs {
namespace {

Replace ReplaceOf(RenameMode mode) {
  switch (mode) {
    case RenameMode::kNoReplace:
      return Replace::kRefused;
    case RenameMode::kExchange:
      return Replace::kExchange;
    case RenameMode::kReplace:
    case RenameMode::kWhiteout:
      break;
  }
  return Replace::kAllowed;
}

}  // namespace

Status Vfs::Rename(const Caller& caller, InodeId directory, std::string_view name, InodeId new_directory, std::string_view new_name,
                   RenameMode mode) {
  const Result<Name> from = VisibleName(directory, name);
  if (!from.ok()) return from.error();
  const Result<Name> to = NewName(new_directory, new_name);
  if (!to.ok()) return to.error();
  return Promised(WithSpace([&]() -> Status {
    for (;;) {
      const Result<InodeId> source = FindPrepared(directory, *from);
      if (!source.ok()) return source.error();
      const Result<InodeId> target = FindPrepared(new_directory, *to);
      if (!target.ok() && target.code() != ENOENT) return target.error();
      Volume::RenameRequest request{.directory = directory,
                                    .name = *from,
                                    .inode = *source,
                                    .new_directory = new_directory,
                                    .new_name = *to,
                                    .target = std::nullopt,
                                    .replace = ReplaceOf(mode),
                                    .whiteout = std::nullopt};
      const Result<InodeRecord> source_record = volume_.Read(*source);
      if (!source_record.ok()) return source_record.error();
      bool moves_directory = source_record->type == FileType::kDirectory;
      std::vector<InodeId> involved{directory, new_directory, *source};
      if (target.ok()) {
        request.target = *target;
        involved.push_back(*target);
        const Result<InodeRecord> target_record = volume_.Read(*target);
        if (!target_record.ok()) return target_record.error();
        if (target_record->type == FileType::kDirectory) {
          moves_directory = moves_directory || mode == RenameMode::kExchange;
          if (Status prepared = volume_.PrepareDirectory(*target); !prepared.ok()) return prepared;
        }
      }
      if (mode == RenameMode::kWhiteout) {
        request.whiteout = NewInode{.type = FileType::kCharacterDevice, .mode = 0, .uid = caller.uid, .gid = caller.gid};
      }
      // Only one directory changes its parent at a time, so that two moves cannot make a loop of each other.
      std::unique_lock<Mutex> moves(directory_moves_, std::defer_lock);
      if (moves_directory && directory != new_directory) {
        moves.lock();
        const Result<bool> into_itself = volume_.IsAncestor(*source, new_directory);
        if (!into_itself.ok()) return into_itself.error();
        if (*into_itself) return Error{EINVAL, "rename of a directory into itself"};
        if (target.ok() && mode == RenameMode::kExchange) {
          const Result<bool> target_into_itself = volume_.IsAncestor(*target, directory);
          if (!target_into_itself.ok()) return target_into_itself.error();
          if (*target_into_itself) return Error{EINVAL, "exchange of a directory with something inside it"};
        }
      }
      const auto held = volume_.locks().Exclusive(involved);
      if (request.target.has_value()) request.target_use = UseOf(*request.target);
      const Result<std::optional<LostName>> lost = volume_.Rename(request);
      if (lost.code() == ESTALE) continue;
      if (!lost.ok()) return lost.error();
      if (lost->has_value()) Lost(**lost);
      // The kernel keeps the listings of directories that moved, and ".." in them leads back.
      if (moves_directory && directory != new_directory && invalidator_.has_value()) {
        for (const InodeId moved : involved) invalidator_->ListingChanged(moved);
      }
      return {};
    }
  }));
}

}  // namespace hardlinkfs
