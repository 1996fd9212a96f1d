// Locks of fcntl(2) and flock(2), where they are shared with the backing's users; the kernel does not ask otherwise.
#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "fuse/lowlevel/operations.h"
#include "fuse/lowlevel/reply.h"

namespace hardlinkfs {
namespace {

LockOwner OwnerOf(LockStyle style, const fuse_file_info& file) { return {.style = style, .id = file.lock_owner, .open = OpenOf(file.fh)}; }

void Interrupt(fuse_req_t /*request*/, void* wait) {
  const Uncancellable uncancellable;
  static_cast<LockWait*>(wait)->Interrupt();
}

// Who waits may be interrupted until the reply, so `wait` is kept until then.
Status Set(Server& server, fuse_req_t request, InodeId inode, const LockOwner& owner, const FileLock& wanted, bool waits) {
  const std::shared_ptr<LockWait> wait = waits ? std::make_shared<LockWait>() : nullptr;
  if (waits) fuse_req_interrupt_func(request, Interrupt, wait.get());
  server.vfs.SetLock(inode, owner, wanted, wait, [request, wait](const Status& set) {
    if (wait != nullptr) fuse_req_interrupt_func(request, nullptr, nullptr);
    fuse_reply_err(request, set.ok() ? 0 : ToErrno(set.error()));
  });
  return {};
}

Status GetLock(Server& server, fuse_req_t request, fuse_ino_t inode, fuse_file_info* file, struct flock* lock) {
  const FileLock wanted = FileLock::From(*lock);
  const Result<std::optional<FileLock>> found = server.vfs.FindLock(InodeId{inode}, OwnerOf(LockStyle::kRange, *file), wanted);
  if (!found.ok()) return found.error();
  struct flock reply = *lock;
  reply.l_type = F_UNLCK;
  if (found->has_value()) {
    reply = (*found)->ToFlock();
    reply.l_pid = (*found)->pid;
  }
  fuse_reply_lock(request, &reply);
  return {};
}

Status SetLock(Server& server, fuse_req_t request, fuse_ino_t inode, fuse_file_info* file, struct flock* lock, int waits) {
  return Set(server, request, InodeId{inode}, OwnerOf(LockStyle::kRange, *file), FileLock::From(*lock), waits != 0);
}

Status LockWhole(Server& server, fuse_req_t request, fuse_ino_t inode, fuse_file_info* file, int operation) {
  const int type = operation & ~LOCK_NB;
  const FileLock wanted{.type = type == LOCK_UN ? LockType::kNone : type == LOCK_SH ? LockType::kShared : LockType::kExclusive};
  return Set(server, request, InodeId{inode}, OwnerOf(LockStyle::kWhole, *file), wanted, (operation & LOCK_NB) == 0);
}

// Nothing is held back here that a close would have to write, and the kernel writes the pages of mmap back before it asks.
Status Flush(Server& server, fuse_req_t request, fuse_ino_t inode, fuse_file_info* file) {
  if (server.options.locks == LockSharing::kThisMount) {
    fuse_reply_err(request, ENOSYS);  // the kernel sends no more: a close saves a round trip
    return {};
  }
  server.vfs.Flush(InodeId{inode}, file->lock_owner, OpenOf(file->fh));
  fuse_reply_err(request, 0);
  return {};
}

}  // namespace

void AddLockOperations(fuse_lowlevel_ops& table) {
  table.getlk = Guard<GetLock>::Call;
  table.setlk = Guard<SetLock>::Call;
  table.flock = Guard<LockWhole>::Call;
  table.flush = Guard<Flush>::Call;
}

}  // namespace hardlinkfs
