// Opening and releasing contents. All handles of an inode share one descriptor.
#include <fcntl.h>

#include <cerrno>

#include "fuse/vfs/vfs.h"

namespace hardlinkfs {
namespace {

bool Writes(int open_flags) { return (open_flags & O_ACCMODE) != O_RDONLY; }

}  // namespace

OpenedFile Vfs::Attach(InodeId inode, std::unique_ptr<BackingFile> content, int open_flags) {
  std::shared_ptr<OpenContent> open = table_.FindOpen(inode);
  if (open == nullptr) {
    int backing_id = 0;
    if (passthrough_ != nullptr && content->descriptor() >= 0) {
      const Result<int> registered = passthrough_->Register(content->descriptor());
      if (registered.ok()) backing_id = *registered;
    }
    open = std::make_shared<OpenContent>(std::move(content), backing_id);
    table_.SetOpen(inode, open);
  }
  ++open->handles;
  if (Writes(open_flags)) ++open->writers;
  return {open->backing_id};
}

Result<OpenedFile> Vfs::Open(InodeId inode, int open_flags) {
  if (Status prepared = volume_.Prepare(inode); !prepared.ok()) return prepared.error();
  const auto held = volume_.locks().Exclusive(inode);
  const std::shared_ptr<OpenContent> open = table_.FindOpen(inode);
  if (open != nullptr) {
    if (Writes(open_flags) && !open->file->writable()) return Error{EACCES, "the backing refuses writing"};
    return Attach(inode, nullptr, open_flags);
  }
  Result<std::unique_ptr<BackingFile>> content = volume_.OpenContent(inode);
  if (!content.ok()) return content.error();
  if (Writes(open_flags) && !(*content)->writable()) return Error{EACCES, "the backing refuses writing"};
  return Attach(inode, *std::move(content), open_flags);
}

void Vfs::Release(InodeId inode, int open_flags) {
  bool reclaim = false;
  {
    const auto held = volume_.locks().Exclusive(inode);
    const std::shared_ptr<OpenContent> open = table_.FindOpen(inode);
    if (open == nullptr) return;
    if (Writes(open_flags)) {
      --open->writers;
      // What cannot be kept now is found by the next mount, which compares.
      static_cast<void>(Refresh(inode, *open));
    }
    if (open->was_read.exchange(false)) static_cast<void>(volume_.SetAccessTime(inode, clock_.Now()));
    if (--open->handles > 0) return;
    if (open->backing_id > 0) passthrough_->Unregister(open->backing_id);
    reclaim = table_.Close(inode);
  }
  if (reclaim) volume_.Reclaim(inode);
}

Result<std::shared_ptr<OpenContent>> Vfs::FindOpen(InodeId inode) const {
  std::shared_ptr<OpenContent> open = table_.FindOpen(inode);
  if (open == nullptr) return Error{EBADF, "I/O on a file that is not open"};
  return open;
}

}  // namespace hardlinkfs
