// Clock: where the time comes from, so that tests and the simulation can own it.
#ifndef HARDLINKFS_STORE_BASE_CLOCK_H_
#define HARDLINKFS_STORE_BASE_CLOCK_H_

#include "store/base/timestamp.h"

namespace hardlinkfs {

class Clock {
 public:
  virtual ~Clock() = default;
  // RETURNS: wall clock time (CLOCK_REALTIME). Thread safety: any thread.
  virtual Timestamp Now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Timestamp Now() const override {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return Timestamp::From(now);
  }
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BASE_CLOCK_H_
