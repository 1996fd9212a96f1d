// Background: the one thread that does what no operation waits for: the commit timer, removal of unlinked contents, settling,
// giving memory back.
#ifndef HARDLINKFS_FUSE_VFS_BACKGROUND_H_
#define HARDLINKFS_FUSE_VFS_BACKGROUND_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>

#include "store/base/mutex.h"
#include "store/volume/volume.h"

namespace hardlinkfs {

class Background {
 public:
  // Borrows the volume.
  Background(Volume& volume, std::chrono::seconds commit) : volume_(volume), commit_(commit) {}
  ~Background() { Stop(); }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  void Start();
  void Stop();
  // The kernel has forgotten an inode, and so have we. Thread safety: any thread.
  void NoteForgotten() { forgotten_.fetch_add(1, std::memory_order_relaxed); }

 private:
  void Run();
  void Reclaim();
  void Settle();
  void ReturnMemory();
  bool IsStopping() REQUIRES(mutex_) { return stopping_; }

  Volume& volume_;
  const std::chrono::seconds commit_;
  Mutex mutex_;
  ConditionVariable wake_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  uint64_t commits_seen_ = 0;  // of the thread alone
  std::atomic<size_t> forgotten_{0};
  std::thread thread_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_VFS_BACKGROUND_H_
