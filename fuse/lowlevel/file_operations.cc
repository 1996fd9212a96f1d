// Operations on contents: open and create, read and write, allocate, copy, seek, fsync.
#include <fcntl.h>

#include "fuse/lowlevel/operations.h"
#include "fuse/lowlevel/reply.h"

namespace hardlinkfs {
namespace {

void DescribeOpen(Server& server, const OpenedFile& opened, fuse_file_info& file) {
  file.backing_id = opened.backing_id;
  const bool shared = server.options.backing == BackingUse::kShared;
  // Where others append too, only the backing knows where the end is, so pages cached at what the kernel takes for it would be wrong.
  const bool appends_among_others = shared && opened.backing_id == 0 && (file.flags & O_APPEND) != 0;
  file.direct_io = opened.caching == Caching::kNever || (opened.backing_id > 0 && opened.path == IoPath::kRequests) || appends_among_others;
  file.fh = HandleOf(++server.opens, opened.path);
  // The pages that the kernel keeps of a file are true until it changes, and of a backing that is ours all changes come through them. Not
  // so after writes by passthrough, which go past them; a file may be opened in both ways one after the other (an append-only flag set in
  // between). The kernel refuses keep_cache together with a backing id.
  file.keep_cache = !shared && opened.backing_id == 0 && !server.passthrough.attached();
}

Status Open(Server& server, fuse_req_t request, fuse_ino_t inode, fuse_file_info* file) {
  const Result<OpenedFile> opened = server.vfs.Open(CallerOf(request), InodeId{inode}, file->flags);
  if (!opened.ok()) return opened.error();
  DescribeOpen(server, *opened, *file);
  if (fuse_reply_open(request, file) != 0) server.vfs.Release(InodeId{inode}, file->flags, opened->path);
  return {};
}

Status ReplyCreated(Server& server, fuse_req_t request, const Result<CreatedFile>& created, fuse_file_info& file) {
  if (!created.ok()) return created.error();
  DescribeOpen(server, created->file, file);
  const fuse_entry_param entry = ToEntry(server, created->attributes);
  if (fuse_reply_create(request, &entry, &file) != 0) {
    server.vfs.Release(created->attributes.inode, file.flags, created->file.path);
    server.vfs.Forget(created->attributes.inode, 1);
  }
  return {};
}

Status Create(Server& server, fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode, fuse_file_info* file) {
  return ReplyCreated(server, request, server.vfs.Create(CallerOf(request), InodeId{parent}, name, mode & 07777, file->flags), *file);
}

Status MakeTemporary(Server& server, fuse_req_t request, fuse_ino_t parent, mode_t mode, fuse_file_info* file) {
  return ReplyCreated(server, request, server.vfs.MakeTemporary(CallerOf(request), InodeId{parent}, mode & 07777, file->flags), *file);
}

Status Release(Server& server, fuse_req_t request, fuse_ino_t inode, fuse_file_info* file) {
  server.vfs.Release(InodeId{inode}, file->flags, PathOf(file->fh), OpenOf(file->fh));
  fuse_reply_err(request, 0);
  return {};
}

Status Read(Server& server, fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, fuse_file_info* /*file*/) {
  if (Status failed = MayFail(server, request, Operation::kRead, inode); !failed.ok()) return failed;
  const std::span<char> buffer = ReplyBuffer(request, size);
  const Result<size_t> length = server.vfs.Read(InodeId{inode}, buffer, static_cast<uint64_t>(offset));
  if (!length.ok()) return length.error();
  fuse_reply_buf(request, buffer.data(), *length);
  return {};
}

// Without splice the data lie in the request's buffer, in one piece.
Status Write(Server& server, fuse_req_t request, fuse_ino_t inode, const char* data, size_t size, off_t offset, fuse_file_info* file) {
  if (Status failed = MayFail(server, request, Operation::kWrite, inode); !failed.ok()) return failed;
  const Status written = server.vfs.Write(InodeId{inode}, {data, size}, static_cast<uint64_t>(offset), file->kill_suidgid != 0, file->flags,
                                          CallerOf(request));
  if (!written.ok()) return written;
  fuse_reply_write(request, size);
  return {};
}

Status Allocate(Server& server, fuse_req_t request, fuse_ino_t inode, int mode, off_t offset, off_t length, fuse_file_info* /*file*/) {
  if (Status failed = MayFail(server, request, Operation::kFallocate, inode); !failed.ok()) return failed;
  return ReplyDone(
      request, server.vfs.Allocate(InodeId{inode}, mode, static_cast<uint64_t>(offset), static_cast<uint64_t>(length), CallerOf(request)));
}

Status CopyRange(Server& server, fuse_req_t request, fuse_ino_t from, off_t from_offset, fuse_file_info* /*from_file*/, fuse_ino_t to,
                 off_t to_offset, fuse_file_info* /*to_file*/, size_t length, int flags) {
  if (Status failed = MayFail(server, request, Operation::kRead, from); !failed.ok()) return failed;
  if (Status failed = MayFail(server, request, Operation::kWrite, to); !failed.ok()) return failed;
  if (flags != 0) return Error{EINVAL, "copy_file_range: unknown flags"};
  const Result<size_t> copied = server.vfs.CopyRange(InodeId{from}, static_cast<uint64_t>(from_offset), InodeId{to},
                                                     static_cast<uint64_t>(to_offset), length, CallerOf(request));
  if (!copied.ok()) return copied.error();
  fuse_reply_write(request, *copied);
  return {};
}

Status Seek(Server& server, fuse_req_t request, fuse_ino_t inode, off_t offset, int whence, fuse_file_info* /*file*/) {
  const Result<uint64_t> found = server.vfs.Seek(InodeId{inode}, static_cast<uint64_t>(offset), whence);
  if (!found.ok()) return found.error();
  fuse_reply_lseek(request, static_cast<off_t>(*found));
  return {};
}

Status Fsync(Server& server, fuse_req_t request, fuse_ino_t inode, int datasync, fuse_file_info* /*file*/) {
  if (Status failed = MayFail(server, request, Operation::kFsync, inode); !failed.ok()) return failed;
  return ReplyDone(request, server.vfs.Sync(InodeId{inode}, datasync != 0 ? SyncMode::kData : SyncMode::kAll));
}

}  // namespace

void AddFileOperations(fuse_lowlevel_ops& table) {
  table.open = Guard<Open>::Call;
  table.create = Guard<Create>::Call;
  table.tmpfile = Guard<MakeTemporary>::Call;
  table.release = Guard<Release>::Call;
  table.read = Guard<Read>::Call;
  table.write = Guard<Write>::Call;
  table.fallocate = Guard<Allocate>::Call;
  table.copy_file_range = Guard<CopyRange>::Call;
  table.lseek = Guard<Seek>::Call;
  table.fsync = Guard<Fsync>::Call;
}

}  // namespace hardlinkfs
