// Creation: mknod, mkdir, symlink, create, O_TMPFILE.
#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "fuse/vfs/vfs.h"

namespace hardlinkfs {
namespace {

Operation OperationFor(FileType type) {
  switch (type) {
    case FileType::kRegular:
      return Operation::kCreate;
    case FileType::kDirectory:
      return Operation::kMkdir;
    case FileType::kSymlink:
      return Operation::kSymlink;
    default:
      return Operation::kMknod;
  }
}

Asked NewNode(const Caller& caller, FileType type, std::optional<NameAt> name) {
  return {.operation = OperationFor(type), .caller = caller, .type = type, .to = name};
}

}  // namespace

Status Vfs::JudgeNew(const Asked& asked, InodeId directory) {
  if (Status addable = CheckChange(asked, directory, Change::kNewEntry); !addable.ok()) return addable;
  return Judge(asked);
}

// Its lookup is counted.
Result<CreatedInode> Vfs::MakeNamed(const Caller& caller, InodeId directory, std::string_view name, const NodeRequest& request) {
  const Result<Name> component = NewName(directory, name);
  if (!component.ok()) return component.error();
  if (Status prepared = volume_.PrepareDirectory(directory); !prepared.ok()) return prepared.error();
  const Asked asked = NewNode(caller, request.type, NameAt{directory, name});
  if (Status failed = MayFail(asked); !failed.ok()) return failed.error();
  return WithRoom([&](Attempt attempt) -> Result<CreatedInode> {
    const auto held = volume_.locks().Exclusive(directory);
    if (Status allowed = JudgeNew(asked, directory); !allowed.ok()) return allowed.error();
    const auto room = ReserveNew(asked, directory, request.target.size(), attempt);
    if (!room.ok()) return room.error();
    Result<CreatedInode> created = volume_.Create(caller, directory, *component, request);
    if (!created.ok()) return created;
    table_.AddLookup(std::move(created->inode));
    Saw(created->attributes.inode, directory, name);
    return created;
  });
}

Result<Attributes> Vfs::MakeNode(const Caller& caller, InodeId directory, std::string_view name, const NodeRequest& request) {
  const Result<CreatedInode> created = MakeNamed(caller, directory, name, request);
  return Promised(created.ok() ? Result<Attributes>(created->attributes) : created.error());
}

// Somebody else may have found the inode by now, and opened it.
Result<CreatedFile> Vfs::AttachNew(CreatedInode created, int open_flags) {
  const InodeId inode = created.attributes.inode;
  const auto held = volume_.locks().Exclusive(inode);
  if (const std::shared_ptr<OpenContent> open = table_.FindOpen(inode); open != nullptr && (open_flags & O_ACCMODE) != O_RDONLY) {
    if (Status writable = open->file->MakeWritable(); !writable.ok()) return writable.error();
  }
  const OpenedFile file = Attach(created.attributes, std::move(created.content), open_flags);
  return CreatedFile{Show(created.attributes), file};
}

Result<CreatedFile> Vfs::Create(const Caller& caller, InodeId directory, std::string_view name, uint32_t mode, int open_flags) {
  if (Status room = RoomToOpen(); !room.ok()) return room.error();
  Result<CreatedInode> created = MakeNamed(caller, directory, name, {.type = FileType::kRegular, .mode = mode});
  // The kernel believes that the name was not there. Now it looks again, and finds what somebody else has made meanwhile.
  if (created.code() == EEXIST && !created.error().decided && (open_flags & O_EXCL) == 0)
    return Error{ESTALE, "made by somebody else meanwhile"};
  if (!created.ok()) return created.error();
  const InodeId inode = created->attributes.inode;
  Result<CreatedFile> made = AttachNew(*std::move(created), open_flags);
  if (!made.ok()) {
    Forget(inode, 1);
    return made;
  }
  Status promised = Promise((open_flags & O_DSYNC) != 0 ? Durability::kOnRequest : Durability::kNames);
  if (promised.ok()) return made;
  Release(made->attributes.inode, open_flags, made->file.path);
  Forget(made->attributes.inode, 1);
  return promised.error();
}

Result<CreatedFile> Vfs::MakeTemporary(const Caller& caller, InodeId directory, uint32_t mode, int open_flags) {
  if (Status room = RoomToOpen(); !room.ok()) return room.error();
  if (Status prepared = volume_.Prepare(directory); !prepared.ok()) return prepared.error();
  const Asked asked = NewNode(caller, FileType::kRegular, std::nullopt);
  if (Status failed = MayFail(asked); !failed.ok()) return failed.error();
  return WithRoom([&](Attempt attempt) -> Result<CreatedFile> {
    if (Status allowed = JudgeNew(asked, directory); !allowed.ok()) return allowed.error();
    const auto room = ReserveNew(asked, directory, 0, attempt);
    if (!room.ok()) return room.error();
    const Volume::Linkable linkable = (open_flags & O_EXCL) == 0 ? Volume::Linkable::kYes : Volume::Linkable::kNo;
    Result<CreatedInode> created = volume_.CreateUnnamed(caller, directory, mode, linkable);
    if (!created.ok()) return created.error();
    const InodeId inode = created->attributes.inode;
    table_.AddLookup(std::move(created->inode));
    Lost({inode, 0});
    Result<CreatedFile> made = AttachNew(*std::move(created), open_flags);
    if (!made.ok()) Forget(inode, 1);
    return made;
  });
}

}  // namespace hardlinkfs
