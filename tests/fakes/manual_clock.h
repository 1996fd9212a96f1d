// ManualClock: a Clock that stands still until a test moves it.
#ifndef HARDLINKFS_TESTS_FAKES_MANUAL_CLOCK_H_
#define HARDLINKFS_TESTS_FAKES_MANUAL_CLOCK_H_

#include <chrono>

#include "store/base/clock.h"
#include "store/base/mutex.h"

namespace hardlinkfs {

// Thread safety: any thread.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start = {1'700'000'000, 123'456'789}) : now_(start) {}

  Timestamp Now() const override {
    const MutexLock lock(mutex_);
    return now_;
  }

  void Set(Timestamp now) {
    const MutexLock lock(mutex_);
    now_ = now;
  }

  // REQUIRES: step >= 0
  void Advance(std::chrono::nanoseconds step) {
    const MutexLock lock(mutex_);
    const int64_t nanoseconds = now_.nanoseconds + step.count();
    now_.seconds += nanoseconds / 1'000'000'000;
    now_.nanoseconds = static_cast<uint32_t>(nanoseconds % 1'000'000'000);
  }

 private:
  mutable Mutex mutex_;
  Timestamp now_ GUARDED_BY(mutex_);
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_FAKES_MANUAL_CLOCK_H_
