// Creation: mknod, mkdir, symlink, create, O_TMPFILE; with the inheritance of group, sgid and ACLs that inode(7) and acl(5) describe.
#include <fcntl.h>

#include <cerrno>

#include "fuse/vfs/vfs.h"

namespace hardlinkfs {

Result<NewInode> Vfs::Inheritance(const Caller& caller, InodeId directory, FileType type, uint32_t mode) {
  const Result<InodeRecord> parent = volume_.Read(directory);
  if (!parent.ok()) return parent.error();
  const Result<std::optional<Acl>> parent_default = ReadAcl(directory, kDefaultAclXattr);
  if (!parent_default.ok()) return parent_default.error();
  const InheritedAcl inherited = Inherit(*parent_default, type, mode & 07777U, caller.umask);
  NewInode what{.type = type, .mode = inherited.mode, .uid = caller.uid, .gid = caller.gid};
  constexpr uint32_t kSetGroupId = 02000;
  if ((parent->mode & kSetGroupId) != 0) {
    what.gid = parent->gid;
    if (type == FileType::kDirectory) what.mode |= kSetGroupId;
  }
  if (inherited.access_acl.has_value()) what.xattrs.emplace_back(kAccessAclXattr, Encode(*inherited.access_acl));
  if (inherited.default_acl.has_value()) what.xattrs.emplace_back(kDefaultAclXattr, Encode(*inherited.default_acl));
  return what;
}

Result<Attributes> Vfs::MakeNode(const Caller& caller, InodeId directory, std::string_view name, const NodeRequest& request) {
  const Result<Name> component = NewName(directory, name);
  if (!component.ok()) return component.error();
  if (Status prepared = volume_.PrepareDirectory(directory); !prepared.ok()) return prepared.error();
  return Promised(WithSpace([&]() -> Result<Attributes> {
    const auto held = volume_.locks().Exclusive(directory);
    Result<NewInode> what = Inheritance(caller, directory, request.type, request.mode);
    if (!what.ok()) return what.error();
    what->rdev = request.rdev;
    what->target = request.target;
    if (request.type == FileType::kSymlink) what->mode = 0777;
    const Result<CreatedInode> created = volume_.Create(directory, *component, *what);
    if (!created.ok()) return created.error();
    table_.AddLookup(created->inode);
    return ToAttributes(created->inode, created->record);
  }));
}

Result<CreatedFile> Vfs::Create(const Caller& caller, InodeId directory, std::string_view name, uint32_t mode, int open_flags) {
  if (Status room = RoomToOpen(); !room.ok()) return room.error();
  const Result<Name> component = NewName(directory, name);
  if (!component.ok()) return component.error();
  if (Status prepared = volume_.PrepareDirectory(directory); !prepared.ok()) return prepared.error();
  Result<CreatedFile> made = WithSpace([&]() -> Result<CreatedFile> {
    const auto held = volume_.locks().Exclusive(directory);
    const Result<NewInode> what = Inheritance(caller, directory, FileType::kRegular, mode);
    if (!what.ok()) return what.error();
    Result<CreatedInode> created = volume_.Create(directory, *component, *what);
    if (!created.ok()) return created.error();
    // Nobody else can reach the inode before the directory's lock is gone, so its own is not needed.
    table_.AddLookup(created->inode);
    const OpenedFile file = Attach(created->inode, std::move(created->content), open_flags);
    return CreatedFile{Show(created->inode, created->record), file};
  });
  if (!made.ok()) return made;
  Status promised = Promise((open_flags & O_DSYNC) != 0 ? Durability::kOnRequest : Durability::kNames);
  if (promised.ok()) return made;
  Release(made->attributes.inode, open_flags, made->file.path);
  Forget(made->attributes.inode, 1);
  return promised.error();
}

Result<CreatedFile> Vfs::MakeTemporary(const Caller& caller, InodeId directory, uint32_t mode, int open_flags) {
  if (Status room = RoomToOpen(); !room.ok()) return room.error();
  if (Status prepared = volume_.Prepare(directory); !prepared.ok()) return prepared.error();
  return WithSpace([&]() -> Result<CreatedFile> {
    Result<NewInode> what = Inheritance(caller, directory, FileType::kRegular, mode);
    if (!what.ok()) return what.error();
    what->linkable = (open_flags & O_EXCL) == 0;
    Result<CreatedInode> created = volume_.CreateUnnamed(directory, *what);
    if (!created.ok()) return created.error();
    table_.AddLookup(created->inode);
    Lost({created->inode, 0});
    const OpenedFile file = Attach(created->inode, std::move(created->content), open_flags);
    return CreatedFile{Show(created->inode, created->record), file};
  });
}

}  // namespace hardlinkfs
