#include "store/backing/file_locks.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "store/backing/linux_calls.h"

namespace hardlinkfs {
namespace {

bool Overlap(const FileLock& a, const FileLock& b) { return a.first <= b.last && b.first <= a.last; }

// As fcntl(2): a lock takes the place of what its owner held there, splits it, and joins with its neighbours.
void Note(std::vector<FileLock>& held, FileLock lock) {
  std::vector<FileLock> rest;
  for (const FileLock& old : held) {
    if (!Overlap(old, lock)) {
      const bool touches = old.type == lock.type && (old.last + 1 == lock.first || lock.last + 1 == old.first);
      if (!touches) {
        rest.push_back(old);
        continue;
      }
      lock.first = std::min(lock.first, old.first);
      lock.last = std::max(lock.last, old.last);
      continue;
    }
    FileLock before = old;
    FileLock after = old;
    before.last = lock.first - 1;
    after.first = lock.last + 1;
    if (old.first < lock.first) rest.push_back(before);
    if (old.last > lock.last) rest.push_back(after);
  }
  if (lock.type != LockType::kNone) rest.push_back(lock);
  held = std::move(rest);
}

}  // namespace

FileLock FileLock::From(const struct flock& raw) {
  FileLock lock{.type = raw.l_type == F_UNLCK   ? LockType::kNone
                        : raw.l_type == F_RDLCK ? LockType::kShared
                                                : LockType::kExclusive,
                .first = static_cast<uint64_t>(raw.l_start),
                .last = kEnd,
                .pid = std::max<pid_t>(raw.l_pid, 0)};
  if (raw.l_len > 0) lock.last = lock.first + static_cast<uint64_t>(raw.l_len) - 1;
  return lock;
}

struct flock FileLock::ToFlock() const {
  struct flock raw {};
  raw.l_type = static_cast<short>(type == LockType::kNone ? F_UNLCK : type == LockType::kShared ? F_RDLCK : F_WRLCK);
  raw.l_whence = SEEK_SET;
  raw.l_start = static_cast<off_t>(first);
  raw.l_len = last >= kEnd ? 0 : static_cast<off_t>(last - first + 1);
  return raw;
}

FileLocks::Holder* FileLocks::Find(Holders& holders, const LockOwner& owner) {
  const auto found = std::find_if(holders.begin(), holders.end(), [&](const Holder& holder) { return holder.owner == owner; });
  return found == holders.end() ? nullptr : &*found;
}

FileLocks::Holder& FileLocks::FindOrAdd(Holders& holders, const LockOwner& owner) {
  Holder* const found = Find(holders, owner);
  return found != nullptr ? *found : holders.emplace_back(Holder{.owner = owner});
}

void FileLocks::Holder::UnlockAll() const {
  if (description == nullptr) return;
  struct flock all = FileLock().ToFlock();
  if (owner.style == LockStyle::kWhole) {
    flock(description->fd.get(), LOCK_UN);
  } else {
    fcntl(description->fd.get(), F_OFD_SETLK, &all);
  }
}

void FileLocks::Holder::Take(Description to) {
  description = std::move(to);
  for (LockWait* const wait : waiting) wait->WakeUp();
}

// The description is kept by who waits by it, and its locks with it.
void FileLocks::Holder::LetGo() {
  UnlockAll();
  Take(nullptr);
  held.clear();
  holds_whole = false;
  closing.reset();
}

// A server that is not root may own what it may not read.
Result<FileLocks::Description> FileLocks::OpenAgain(int file, int access, int else_access) {
  if (!has_room_(descriptors_)) return Error{ENOLCK, "the server has no descriptor for a lock"};
  for (const int flags : {access, else_access}) {
    UniqueFd fd(RetryInterrupted([&] { return open(ProcPath(file).c_str(), flags | O_CLOEXEC); }));
    if (fd.valid()) return std::make_shared<const Opened>(std::move(fd), descriptors_);
    if (errno != EACCES) break;
  }
  return LastError("another open of a file, to lock it");
}

void FileLocks::Tidy(Shard& shard, InodeId inode) {
  const auto file = shard.files.find(inode);
  if (file == shard.files.end()) return;
  std::erase_if(file->second, [](const Holder& holder) { return holder.held.empty() && !holder.holds_whole && holder.waiting.empty(); });
  if (file->second.empty()) shard.files.erase(file);
}

// What is held by a description that is open for reading only are shared locks, and another may have them as well; so the new one has them
// before the old one lets go. That one may stay open for a while, with somebody who waits by it.
Status FileLocks::MoveTo(Holder& holder, Description to, bool writable) {
  for (const FileLock& lock : holder.held) {
    struct flock raw = lock.ToFlock();
    if (fcntl(to->fd.get(), F_OFD_SETLK, &raw) != 0) return LastError("fcntl lock");
  }
  holder.UnlockAll();
  holder.Take(std::move(to));
  holder.writable = writable;
  return {};
}

Status FileLocks::TryRange(Holder& holder, int file, const FileLock& wanted) {
  const bool exclusive = wanted.type == LockType::kExclusive;
  if (holder.description == nullptr && wanted.type == LockType::kNone) return {};
  if (holder.description == nullptr || (exclusive && !holder.writable)) {
    const bool writable = exclusive || IsOpenForWriting(file);
    Result<Description> opened = writable ? OpenAgain(file, O_RDWR, O_WRONLY) : OpenAgain(file, O_RDONLY, O_RDWR);
    if (!opened.ok()) return opened.error();
    if (Status moved = MoveTo(holder, *std::move(opened), writable); !moved.ok()) return moved;
  }
  struct flock raw = wanted.ToFlock();
  if (RetryInterrupted([&] { return fcntl(holder.description->fd.get(), F_OFD_SETLK, &raw); }) != 0) {
    return errno == EACCES ? Error{EAGAIN, "fcntl lock"} : LastError("fcntl lock");
  }
  Note(holder.held, wanted);
  return {};
}

// Where it fails for a lock of the same holder, that one is lost, as flock(2) says.
Status FileLocks::TryWhole(Holder& holder, int file, const FileLock& wanted) {
  if (wanted.type == LockType::kNone) {
    holder.LetGo();
    return {};
  }
  holder.holds_whole = false;
  if (holder.description == nullptr) {
    Result<Description> opened = OpenAgain(file, O_RDONLY, O_WRONLY);
    if (!opened.ok()) return opened.error();
    holder.Take(*std::move(opened));
  }
  const int operation = wanted.type == LockType::kShared ? LOCK_SH : LOCK_EX;
  if (RetryInterrupted([&] { return flock(holder.description->fd.get(), operation | LOCK_NB); }) != 0) return LastError("flock");
  holder.holds_whole = true;
  return {};
}

Status FileLocks::Try(Shard& shard, InodeId inode, int file, const LockOwner& owner, const FileLock& wanted, Description* in_the_way) {
  Holder& holder = FindOrAdd(shard.files[inode], owner);
  holder.closing.reset();
  Status tried = owner.style == LockStyle::kRange ? TryRange(holder, file, wanted) : TryWhole(holder, file, wanted);
  if (in_the_way != nullptr && tried.code() == EAGAIN) *in_the_way = holder.description;
  if (tried.ok() && wanted.type != LockType::kNone) holder.owner.open = owner.open;
  if (tried.ok()) shard.released.notify_all();
  Tidy(shard, inode);
  return tried;
}

std::optional<std::chrono::steady_clock::time_point> FileLocks::ClosingUntil(Shard& shard, InodeId inode, const LockOwner& owner) {
  std::optional<std::chrono::steady_clock::time_point> until;
  const auto file = shard.files.find(inode);
  if (file == shard.files.end()) return until;
  for (const Holder& holder : file->second) {
    if (holder.closing.has_value() && !(holder.owner == owner)) until = std::max(until, std::optional(*holder.closing + kCloseOnItsWay));
  }
  return until;
}

Result<std::optional<FileLock>> FileLocks::FindConflict(InodeId inode, int file, const LockOwner& owner, const FileLock& wanted) {
  Shard& shard = ShardOf(inode);
  const MutexLock lock(shard.mutex);
  const auto found = shard.files.find(inode);
  const Holder* const own = found == shard.files.end() ? nullptr : Find(found->second, owner);
  struct flock raw = wanted.ToFlock();
  const int by = own == nullptr || own->description == nullptr ? file : own->description->fd.get();
  if (fcntl(by, F_OFD_GETLK, &raw) != 0) return LastError("fcntl F_GETLK");
  if (raw.l_type == F_UNLCK) return std::optional<FileLock>();
  FileLock conflict = FileLock::From(raw);
  if (conflict.pid != 0 || found == shard.files.end()) return std::optional(conflict);
  // Locks of open file descriptions have no process, but we know whose ours are.
  for (const Holder& holder : found->second) {
    for (const FileLock& held : holder.held) {
      if (&holder != own && held.type == conflict.type && Overlap(held, conflict)) conflict.pid = held.pid;
    }
  }
  return std::optional(conflict);
}

Status FileLocks::Set(InodeId inode, int file, const LockOwner& owner, const FileLock& wanted, Patience patience) {
  Shard& shard = ShardOf(inode);
  const MutexLock lock(shard.mutex);
  Status tried = Try(shard, inode, file, owner, wanted, nullptr);
  if (tried.code() != EAGAIN || patience == Patience::kNone) return tried;
  // Of those that are being closed now: others go on closing one and the same, in children that they have started.
  const auto until = ClosingUntil(shard, inode, owner);
  if (!until.has_value()) return tried;
  if (++waiting_for_closes_ <= kMostWaitForCloses) {
    while (tried.code() == EAGAIN && std::chrono::steady_clock::now() < *until) {
      shard.released.wait_until(shard.mutex, *until);
      tried = Try(shard, inode, file, owner, wanted, nullptr);
    }
  }
  --waiting_for_closes_;
  return tried;
}

class FileLocks::Registered {
 public:
  Registered(Shard& shard, InodeId inode, const LockOwner& owner, LockWait& wait)
      : shard_(shard), inode_(inode), owner_(owner), wait_(wait) {
    const MutexLock lock(shard_.mutex);
    FindOrAdd(shard_.files[inode_], owner_).waiting.push_back(&wait_);
  }
  ~Registered() {
    const MutexLock lock(shard_.mutex);
    std::erase(Find(shard_.files[inode_], owner_)->waiting, &wait_);
    Tidy(shard_, inode_);
  }
  Registered(const Registered&) = delete;
  Registered& operator=(const Registered&) = delete;

 private:
  Shard& shard_;
  const InodeId inode_;
  const LockOwner owner_;
  LockWait& wait_;
};

// Waiting is done without a lock held, and only says when to try again: meanwhile the owner may have closed the file, or taken another
// description.
Status FileLocks::SetWaiting(LockWait& wait, InodeId inode, int file, const LockOwner& owner, const FileLock& wanted) {
  Shard& shard = ShardOf(inode);
  const Registered registered(shard, inode, owner, wait);
  for (;;) {
    Description by;
    {
      const MutexLock lock(shard.mutex);
      wait.Rearm();
      if (Status tried = Try(shard, inode, file, owner, wanted, &by); tried.code() != EAGAIN || by == nullptr) return tried;
    }
    const int error = wait.Block([&] {
      if (owner.style == LockStyle::kWhole) return flock(by->fd.get(), wanted.type == LockType::kShared ? LOCK_SH : LOCK_EX);
      struct flock raw = wanted.ToFlock();
      return fcntl(by->fd.get(), F_OFD_SETLKW, &raw);
    });
    if (error != 0) return Error{error, "waiting for a lock"};
  }
}

void FileLocks::NoteClose(InodeId inode, uint64_t owner_id, uint64_t open) {
  Shard& shard = ShardOf(inode);
  const MutexLock lock(shard.mutex);
  const auto file = shard.files.find(inode);
  if (file == shard.files.end()) return;
  for (Holder& holder : file->second) {
    if (holder.owner == LockOwner{.style = LockStyle::kRange, .id = owner_id}) {
      holder.LetGo();
    } else if (holder.owner.open == open) {
      holder.closing = std::chrono::steady_clock::now();
    }
  }
  Tidy(shard, inode);
  shard.released.notify_all();
}

void FileLocks::Release(InodeId inode, uint64_t open) {
  Shard& shard = ShardOf(inode);
  const MutexLock lock(shard.mutex);
  const auto file = shard.files.find(inode);
  if (file == shard.files.end()) return;
  for (Holder& holder : file->second) {
    if (holder.owner.open == open) holder.LetGo();
  }
  Tidy(shard, inode);
  shard.released.notify_all();
}

}  // namespace hardlinkfs
