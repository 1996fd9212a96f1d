// Timestamp: seconds and nanoseconds since the epoch, as in timespec but ordered and always normalised.
#ifndef HARDLINKFS_STORE_BASE_TIMESTAMP_H_
#define HARDLINKFS_STORE_BASE_TIMESTAMP_H_

#include <compare>
#include <cstdint>
#include <ctime>

namespace hardlinkfs {

struct Timestamp {
  int64_t seconds = 0;
  uint32_t nanoseconds = 0;  // 0 … 999,999,999

  auto operator<=>(const Timestamp&) const = default;

  static Timestamp From(const timespec& t) { return {static_cast<int64_t>(t.tv_sec), static_cast<uint32_t>(t.tv_nsec)}; }
  timespec ToTimespec() const { return {static_cast<time_t>(seconds), static_cast<long>(nanoseconds)}; }
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BASE_TIMESTAMP_H_
