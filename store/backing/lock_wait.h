// Waiting for locks: a system call that may block for ever, in a thread of its own, until the lock is there or nobody wants it any longer.
#ifndef HARDLINKFS_STORE_BACKING_LOCK_WAIT_H_
#define HARDLINKFS_STORE_BACKING_LOCK_WAIT_H_

#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <functional>
#include <memory>
#include <unordered_set>

#include "store/base/mutex.h"
#include "store/base/result.h"

namespace hardlinkfs {

// One who waits. Thread safety: any thread.
class LockWait {
 public:
  // Makes the wait end with `error`, now or as soon as it begins. Returns when it has.
  void Interrupt(int error = EINTR);
  // Makes the wait end without an error, now or as soon as it begins: what was waited for has changed. Returns when it has.
  void WakeUp();
  // From now on WakeUp counts again.
  void Rearm() { woken_ = false; }
  // Calls `wait`, a system call that blocks and that a signal ends. RETURNS: 0, its errno, or what Interrupt was given.
  int Block(const std::function<int()>& wait);

 private:
  friend class LockWaits;
  void EndCall();
  // REQUIRES: called in the waiting thread, last of all. Nobody sends it a signal from then on.
  void End() { const MutexLock lock(mutex_); }

  Mutex mutex_;  // held while signals are sent
  std::atomic<int> interrupted_{0};
  std::atomic<bool> woken_{false};
  std::atomic<bool> blocked_{false};
  std::atomic<pthread_t> thread_{};
};

// Their threads. Thread safety: any thread.
class LockWaits {
 public:
  ~LockWaits() { End(); }

  // Calls `body`, which waits by `wait`, in a thread of its own. RETURNS: ENOLCK when there is none to be had, or kMost wait already.
  static constexpr size_t kMost = 4096;
  Status Begin(std::shared_ptr<LockWait> wait, std::function<void()> body);
  // Interrupts all, with ECONNABORTED, and returns when their bodies have. Nobody can begin from then on.
  void End();

 private:
  Mutex mutex_;  // leaf
  ConditionVariable none_;
  bool ended_ GUARDED_BY(mutex_) = false;
  std::unordered_set<std::shared_ptr<LockWait>> waits_ GUARDED_BY(mutex_);
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BACKING_LOCK_WAIT_H_
