// What several operations of Vfs share, and its beginning and end. The operations are in the files that vfs.h names.
#include "fuse/vfs/vfs.h"

#include <cerrno>
#include <utility>

#include "store/backing/private_area.h"

namespace hardlinkfs {

Vfs::Vfs(Volume& volume, const Clock& clock, Passthrough* passthrough, VfsOptions options, KernelCache* kernel_cache)
    : volume_(volume),
      clock_(clock),
      passthrough_(passthrough),
      gate_(clock, std::move(options.policy)),
      options_(std::move(options)),
      kernel_cache_(kernel_cache),
      file_locks_([this](size_t descriptors) { return HasRoomToOpen(descriptors); }),
      background_(volume, options_.commit) {
  if (kernel_cache == nullptr) return;
  invalidator_.emplace(*kernel_cache, table_);
  volume_.Observe(&*invalidator_);
}

Vfs::~Vfs() { volume_.Observe(nullptr); }

void Vfs::Start() {
  if (invalidator_.has_value()) invalidator_->Start();
  background_.Start();
}

Status Vfs::Stop() {
  background_.Stop();
  if (invalidator_.has_value()) invalidator_->Stop();
  return volume_.Close();
}

Result<Name> Vfs::VisibleName(InodeId directory, std::string_view name) {
  if (directory == kRootInode && name == kPrivateAreaName) return Error{ENOENT, "the private area is invisible"};
  return Name::From(name);
}

Result<Name> Vfs::NewName(InodeId directory, std::string_view name) {
  if (directory == kRootInode && name == kPrivateAreaName) return Error{EPERM, "the name of the private area is reserved"};
  return Name::From(name);
}

Result<InodeRef> Vfs::FindPrepared(InodeId directory, const Name& name) {
  if (Status prepared = volume_.PrepareDirectory(directory); !prepared.ok()) return prepared.error();
  for (std::optional<InodeId> before;;) {
    Result<InodeRef> found = volume_.Lookup(directory, name);
    if (!found.ok()) return found;
    const InodeId inode = found->inode();
    const Status prepared = volume_.Prepare(inode);
    if (prepared.ok()) return found;
    if (prepared.code() != ENOENT) return prepared.error();
    // It vanished from the backing, or was unlinked between the two looks; the name shows something else by now, or nothing.
    if (before == inode) return Error{EUCLEAN, "name without an inode"};
    before = inode;
  }
}

void Vfs::Lost(const LostName& lost) {
  if (lost.nlink == 0 && table_.MarkOrphan(lost.inode)) volume_.Reclaim(lost.inode);
}

Attributes Vfs::Show(Attributes attributes) const {
  const InodeId inode = attributes.inode;
  const std::shared_ptr<OpenContent> open = table_.FindOpen(inode);
  // What is stored through a mapping invalidates nothing in the kernel.
  attributes.cacheable = (open == nullptr || !open->uncacheable) && !table_.MayBeMapped(inode);
  return attributes;
}

}  // namespace hardlinkfs
