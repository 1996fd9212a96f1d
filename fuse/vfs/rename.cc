// rename(2), renameat2(2).
#include <cerrno>

#include "fuse/vfs/vfs.h"

namespace hardlinkfs {
namespace {

Replace ReplaceOf(RenameMode mode) {
  switch (mode) {
    case RenameMode::kNoReplace:
    case RenameMode::kWhiteoutNoReplace:
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

// What is replaced loses a name, as by unlink. Of an exchange both are renamed.
Status Vfs::JudgeRename(const Caller& caller, const RenameRequest& request, FileType target_type) {
  const NameAt from{request.directory, request.name.bytes()};
  const NameAt to{request.new_directory, request.new_name.bytes()};
  const Asked moved{.operation = Operation::kRename, .caller = caller, .inode = request.inode, .from = from, .to = to};
  if (request.target.has_value()) {
    Asked other{.operation = Operation::kRename, .caller = caller, .inode = *request.target, .from = to, .to = from};
    if (request.replace != Replace::kExchange) {
      other.operation = target_type == FileType::kDirectory ? Operation::kRmdir : Operation::kUnlink;
      other.to.reset();
    }
    if (Status replaced = JudgeLoss(other); !replaced.ok()) return replaced;
  }
  if (Status addable = CheckChange(moved, request.new_directory, Change::kNewEntry); !addable.ok()) return addable;
  return JudgeLoss(moved);
}

void Vfs::NoteMoved(const RenameRequest& request) {
  const std::string& name = request.name.bytes();
  const std::string& new_name = request.new_name.bytes();
  if (request.target.has_value()) {
    table_.DropName(*request.target, request.new_directory, new_name);
    if (request.replace == Replace::kExchange) Saw(*request.target, request.directory, name);
  }
  table_.DropName(request.inode, request.directory, name);
  Saw(request.inode, request.new_directory, new_name);
}

Status Vfs::Rename(const Caller& caller, InodeId directory, std::string_view name, InodeId new_directory, std::string_view new_name,
                   RenameMode mode) {
  const Result<Name> from = VisibleName(directory, name);
  if (!from.ok()) return from.error();
  const Result<Name> to = NewName(new_directory, new_name);
  if (!to.ok()) return to.error();
  const Asked asked{
      .operation = Operation::kRename, .caller = caller, .from = NameAt{directory, name}, .to = NameAt{new_directory, new_name}};
  if (Status failed = MayFail(asked); !failed.ok()) return failed;
  return Promised(WithSpace([&]() -> Status {
    for (;;) {
      const Result<InodeRef> source = FindPrepared(directory, *from);
      if (!source.ok()) return source.error();
      const Result<InodeRef> target = FindPrepared(new_directory, *to);
      if (!target.ok() && target.code() != ENOENT) return target.error();
      RenameRequest request{.directory = directory,
                            .name = *from,
                            .inode = source->inode(),
                            .new_directory = new_directory,
                            .new_name = *to,
                            .target = std::nullopt,
                            .replace = ReplaceOf(mode),
                            .whiteout = mode == RenameMode::kWhiteout || mode == RenameMode::kWhiteoutNoReplace};
      const Result<Attributes> source_attributes = volume_.Stat(request.inode);
      if (!source_attributes.ok()) return source_attributes.error();
      bool moves_directory = source_attributes->type == FileType::kDirectory;
      std::vector<InodeId> involved{directory, new_directory, request.inode};
      FileType target_type = FileType::kUnknown;
      if (target.ok()) {
        request.target = target->inode();
        involved.push_back(*request.target);
        const Result<Attributes> target_attributes = volume_.Stat(*request.target);
        if (!target_attributes.ok()) return target_attributes.error();
        target_type = target_attributes->type;
        if (target_type == FileType::kDirectory) {
          moves_directory = moves_directory || mode == RenameMode::kExchange;
          if (Status prepared = volume_.PrepareDirectory(*request.target); !prepared.ok()) return prepared;
        }
      }
      // Only one directory changes its parent at a time, so that two moves cannot make a loop of each other.
      std::unique_lock<Mutex> moves(directory_moves_, std::defer_lock);
      if (moves_directory && directory != new_directory) {
        moves.lock();
        const Result<bool> into_itself = volume_.IsAncestor(request.inode, new_directory);
        if (!into_itself.ok()) return into_itself.error();
        if (*into_itself) return Error{EINVAL, "rename of a directory into itself"};
        if (target.ok() && mode == RenameMode::kExchange) {
          const Result<bool> target_into_itself = volume_.IsAncestor(*request.target, directory);
          if (!target_into_itself.ok()) return target_into_itself.error();
          if (*target_into_itself) return Error{EINVAL, "exchange of a directory with something inside it"};
        }
      }
      const auto held = volume_.locks().Exclusive(involved);
      const Status allowed = JudgeRename(caller, request, target_type);
      if (IsStale(allowed)) continue;
      if (!allowed.ok()) return allowed;
      if (request.target.has_value()) request.target_use = UseOf(*request.target);
      const Result<std::optional<LostName>> lost = volume_.Rename(caller, request);
      if (lost.code() == ESTALE) continue;
      if (!lost.ok()) return lost.error();
      NoteMoved(request);
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
