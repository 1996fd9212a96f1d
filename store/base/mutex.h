// Mutex and its guard with clang's thread-safety annotations: which lock guards what is checked by the compiler.
// (The standard library's types are not annotated with libstdc++.)
#ifndef HARDLINKFS_STORE_BASE_MUTEX_H_
#define HARDLINKFS_STORE_BASE_MUTEX_H_

#include <algorithm>
#include <condition_variable>
#include <mutex>

// Attributes cannot be spelled without macros; these are the names that clang's documentation uses.
#if defined(__clang__)
#define HARDLINKFS_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define HARDLINKFS_THREAD_ANNOTATION(x)
#endif
#define CAPABILITY(x) HARDLINKFS_THREAD_ANNOTATION(capability(x))
#define SCOPED_CAPABILITY HARDLINKFS_THREAD_ANNOTATION(scoped_lockable)
#define GUARDED_BY(x) HARDLINKFS_THREAD_ANNOTATION(guarded_by(x))
#define REQUIRES(...) HARDLINKFS_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) HARDLINKFS_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define RELEASE(...) HARDLINKFS_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define ASSERT_CAPABILITY(x) HARDLINKFS_THREAD_ANNOTATION(assert_capability(x))
#define EXCLUDES(...) HARDLINKFS_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))

namespace hardlinkfs {

class CAPABILITY("mutex") Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }
  // Where the compiler cannot see it: in the condition that a wait is given.
  void AssertHeld() const ASSERT_CAPABILITY(this) {}

 private:
  std::mutex mutex_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Two of one table of mutexes, in the table's order; they may be the same one. Beyond clang's analysis.
class MutexPair {
 public:
  MutexPair(Mutex& a, Mutex& b) : first_(*std::min(&a, &b)) {
    if (&a != &b) second_ = std::unique_lock(*std::max(&a, &b));
  }

 private:
  std::unique_lock<Mutex> first_;
  std::unique_lock<Mutex> second_;
};

// Waits with a Mutex; callers hold it by MutexLock.
using ConditionVariable = std::condition_variable_any;

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BASE_MUTEX_H_
