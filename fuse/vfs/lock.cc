// Locks that are the backing's own, so that all of its users see them.
#include <cerrno>
#include <functional>
#include <new>
#include <utility>

#include "fuse/vfs/vfs.h"

namespace hardlinkfs {
namespace {

// There is no guard of requests in a thread of its own.
Status WithoutExceptions(const std::function<Status()>& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Error{ENOMEM, "waiting for a lock: out of memory"};
  }
}

}  // namespace

Result<std::optional<FileLock>> Vfs::FindLock(InodeId inode, const LockOwner& owner, const FileLock& wanted) {
  const Result<std::shared_ptr<OpenContent>> open = FindOpen(inode);
  if (!open.ok()) return open.error();
  return file_locks_.FindConflict(inode, (*open)->file->descriptor(), owner, wanted);
}

// What the kernel believes of the file may be older than the lock, although not than `attr_timeout`. Its pages are dropped in another
// thread, since that waits for reads of them which are still to be served; by passthrough there are none.
void Vfs::SetLock(InodeId inode, const LockOwner& owner, const FileLock& wanted, std::shared_ptr<LockWait> wait,
                  std::function<void(const Status&)> done) {
  const Result<std::shared_ptr<OpenContent>> found = FindOpen(inode);
  if (!found.ok()) return done(found.error());
  const std::shared_ptr<OpenContent> open = *found;
  const int file = open->file->descriptor();
  // Who may wait has a thread for it.
  const auto patience = wait == nullptr ? FileLocks::Patience::kForCloses : FileLocks::Patience::kNone;
  const Status tried = file_locks_.Set(inode, file, owner, wanted, patience);
  const bool waits = tried.code() == EAGAIN && wait != nullptr;
  const bool granted = tried.ok() && wanted.type != LockType::kNone;
  if (!waits && (!granted || kernel_cache_ == nullptr || open->backing_id > 0)) {
    if (granted && kernel_cache_ != nullptr) kernel_cache_->DropAttributes(inode);
    return done(tried);
  }
  if (wait == nullptr) wait = std::make_shared<LockWait>();
  const Status begun = lock_waits_.Begin(wait, [=, this, &by = *wait] {
    const Status set = WithoutExceptions([&] { return waits ? file_locks_.SetWaiting(by, inode, file, owner, wanted) : tried; });
    if (set.ok() && kernel_cache_ != nullptr) kernel_cache_->DropContents(inode);
    done(set);
    static_cast<void>(open);  // by which `file` stays open
  });
  if (begun.ok()) return;
  if (granted)
    static_cast<void>(file_locks_.Set(inode, file, owner, {.type = LockType::kNone, .first = wanted.first, .last = wanted.last}));
  done(begun);
}

void Vfs::Flush(InodeId inode, uint64_t owner_id, uint64_t open) { file_locks_.NoteClose(inode, owner_id, open); }

void Vfs::EndLockWaits() { lock_waits_.End(); }

}  // namespace hardlinkfs
