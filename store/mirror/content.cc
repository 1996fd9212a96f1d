// The contents of regular files, and durability, which is the backing's.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "store/backing/linux_calls.h"
#include "store/backing/posix_file.h"
#include "store/mirror/mirror_volume.h"

namespace hardlinkfs {

Status MirrorVolume::MayWrite(const Caller& caller, InodeId inode) {
  // Root may, and what is shown otherwise is judged by that.
  if (caller.uid == 0 || options_.shown.is_other()) return {};
  const Result<UniqueFd> fd = OpenInode(inode, O_PATH);
  if (!fd.ok()) return fd.error();
  const AsCaller as_caller(ActorFor(caller));
  if (!as_caller.status().ok()) return as_caller.status();
  if (faccessat(AT_FDCWD, ProcPath(fd->get()).c_str(), W_OK, AT_EACCESS) != 0) return LastError("the backing's permissions");
  return {};
}

// It is a regular file, so the open waits for nothing but for a lease (fcntl(2)) to be given back, as it would underneath.
// For reading, until somebody wants to write: a file that is open for writing cannot be executed underneath, and its closing is an event
// for those who wait for one.
Result<std::unique_ptr<BackingFile>> MirrorVolume::OpenContent(InodeId inode) {
  auto opened = PosixFile::Opened::kReadOnly;
  Result<UniqueFd> fd = OpenInode(inode, O_RDONLY);
  // A server that is not root may own what it may not read.
  if (fd.code() == EACCES) {
    opened = PosixFile::Opened::kReadWrite;
    fd = OpenInode(inode, O_WRONLY);
  }
  if (!fd.ok()) return fd.error();
  return std::unique_ptr<BackingFile>(std::make_unique<PosixFile>(*std::move(fd), opened));
}

Result<Attributes> MirrorVolume::RefreshContent(InodeId inode, BackingFile& content, const ContentUse& /*use*/) {
  const Result<BackingStat> seen = content.Stat();
  if (!seen.ok()) return seen.error();
  return Show(inode, content.descriptor(), *seen);
}

Result<Attributes> MirrorVolume::Truncate(InodeId inode, BackingFile& content, uint64_t size) {
  if (Status writable = content.MakeWritable(); !writable.ok()) return writable.error();
  if (Status cut = content.Truncate(size); !cut.ok()) return cut.error();
  return RefreshContent(inode, content, {});
}

// Of a file its fsync has said it all.
Status MirrorVolume::SyncInode(InodeId inode) {
  const Result<UniqueFd> fd = OpenInode(inode, O_PATH);
  if (!fd.ok()) return fd.error();
  const Result<BackingStat> seen = StatAt(fd->get(), "");
  if (!seen.ok()) return seen.error();
  return seen->type == FileType::kDirectory ? SyncDirectoryEntries(fd->get()) : Status();
}

Status MirrorVolume::SyncAll() {
  if (syncfs(root_.get()) != 0) return LastError("syncfs");
  return {};
}

}  // namespace hardlinkfs
