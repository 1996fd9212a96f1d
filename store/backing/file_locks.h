// FileLocks: the locks of fcntl(2) and flock(2) that programs take on files shown by a mount, taken on the backing's own files, so that
// whoever uses the backing without the mount sees them, and they his.
//
// Each owner of locks gets an open file description of his own for as long as he holds any: F_OFD_SETLK (fcntl_locking(2)) tells owners
// apart by it, and flock(2) does. So there is no EDEADLK: the kernel finds a circle of waiting owners only among processes.
#ifndef HARDLINKFS_STORE_BACKING_FILE_LOCKS_H_
#define HARDLINKFS_STORE_BACKING_FILE_LOCKS_H_

#include <fcntl.h>
#include <sys/types.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "store/backing/lock_wait.h"
#include "store/base/inode_id.h"
#include "store/base/mutex.h"
#include "store/base/result.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {

enum class LockStyle { kRange, kWhole };  // fcntl(2), flock(2): those of one do not see those of the other
enum class LockType { kNone, kShared, kExclusive };

struct LockOwner {
  LockStyle style = LockStyle::kRange;
  uint64_t id = 0;    // of a process (fcntl), or of an open (flock, and fcntl's F_OFD_...)
  uint64_t open = 0;  // the open by which he asks
  friend bool operator==(const LockOwner& a, const LockOwner& b) { return a.style == b.style && a.id == b.id; }
};

struct FileLock {
  static constexpr uint64_t kEnd = std::numeric_limits<off_t>::max();
  LockType type = LockType::kNone;  // kNone: to unlock
  uint64_t first = 0;               // bytes from here on; of kRange only, as the rest
  uint64_t last = kEnd;
  pid_t pid = 0;  // of the process; 0: not known

  // As fcntl(2) has it. REQUIRES: it begins and ends where it says, counted from the beginning of the file (SEEK_SET, l_len not negative).
  static FileLock From(const struct flock& raw);
  struct flock ToFlock() const;  // without a process
};

// `file` is a descriptor of the inode's content. Thread safety: any thread.
class FileLocks {
 public:
  // Whether there may be one more descriptor, when the locks take so many.
  using HasRoom = std::function<bool(size_t descriptors)>;
  explicit FileLocks(HasRoom has_room) : has_room_(std::move(has_room)) {}

  size_t descriptors() const { return descriptors_; }

  // An open that is being closed lets go of its locks so much later at most: the kernel does not wait for us there.
  static constexpr std::chrono::milliseconds kCloseOnItsWay{200};

  // F_GETLK. RETURNS: a lock in the way of `wanted`, if there is one.
  Result<std::optional<FileLock>> FindConflict(InodeId inode, int file, const LockOwner& owner, const FileLock& wanted);
  // RETURNS: EAGAIN when another's lock is in the way; ENOLCK. With kForCloses one that belongs to an open which is being closed is waited
  // for.
  enum class Patience { kNone, kForCloses };
  Status Set(InodeId inode, int file, const LockOwner& owner, const FileLock& wanted, Patience patience = Patience::kNone);
  // The same, but waits by `wait` until nothing is in the way. RETURNS: EINTR when that was interrupted.
  Status SetWaiting(LockWait& wait, InodeId inode, int file, const LockOwner& owner, const FileLock& wanted);

  // close(2) in a process that has `open`: the process `owner_id` loses its fcntl locks on the file; locks of the open itself will go soon.
  void NoteClose(InodeId inode, uint64_t owner_id, uint64_t open);
  // The last close of an open: the locks that belong to it go.
  void Release(InodeId inode, uint64_t open);

 private:
  // An open file description; who waits for a lock by it keeps it, too.
  struct Opened {
    UniqueFd fd;
    std::atomic<size_t>& count;  // how many there are
    Opened(UniqueFd opened, std::atomic<size_t>& counted) : fd(std::move(opened)), count(counted) { ++count; }
    ~Opened() { --count; }
    Opened(const Opened&) = delete;
    Opened& operator=(const Opened&) = delete;
  };
  using Description = std::shared_ptr<const Opened>;
  struct Holder {
    LockOwner owner;
    Description description;  // null: none yet
    bool writable = false;
    std::vector<FileLock> held;                                    // of kRange: disjoint
    bool holds_whole = false;                                      // of kWhole
    std::vector<LockWait*> waiting;                                // in other threads of the owner
    std::optional<std::chrono::steady_clock::time_point> closing;  // since when

    // Whoever waits by the description that it had waits by the new one then: his own locks, which are that one's, would be in his way.
    void Take(Description to);
    void UnlockAll() const;  // by the description
    void LetGo();
  };
  using Holders = std::vector<Holder>;
  struct Shard {
    Mutex mutex;
    ConditionVariable released;
    std::unordered_map<InodeId, Holders> files GUARDED_BY(mutex);
  };
  // One who waits is known to the holder of his owner for as long as this lives.
  class Registered;
  Shard& ShardOf(InodeId inode) { return shards_[Raw(inode) % shards_.size()]; }
  static Holder* Find(Holders& holders, const LockOwner& owner);
  static Holder& FindOrAdd(Holders& holders, const LockOwner& owner);
  // Lets go of holders that hold nothing, and of the file when that was the last.
  static void Tidy(Shard& shard, InodeId inode) REQUIRES(shard.mutex);

  // One attempt. RETURNS: as Set; after EAGAIN `in_the_way` (unless null) is the description by which to wait.
  Status Try(Shard& shard, InodeId inode, int file, const LockOwner& owner, const FileLock& wanted, Description* in_the_way)
      REQUIRES(shard.mutex);
  Status TryRange(Holder& holder, int file, const FileLock& wanted);
  Status TryWhole(Holder& holder, int file, const FileLock& wanted);
  // Another description of the same file. RETURNS: ENOLCK when there is no room.
  Result<Description> OpenAgain(int file, int access, int else_access);
  static Status MoveTo(Holder& holder, Description to, bool writable);
  // Until when an open other than `owner` that is being closed may be waited for.
  static std::optional<std::chrono::steady_clock::time_point> ClosingUntil(Shard& shard, InodeId inode, const LockOwner& owner)
      REQUIRES(shard.mutex);

  // Who waits for closes keeps a worker from serving them.
  static constexpr size_t kMostWaitForCloses = 4;

  const HasRoom has_room_;
  std::atomic<size_t> descriptors_{0};
  std::atomic<size_t> waiting_for_closes_{0};
  std::array<Shard, 64> shards_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BACKING_FILE_LOCKS_H_
