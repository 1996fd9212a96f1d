// Modification times over a backing with coarse ones, see content_times.h.
#include "store/volume/content_times.h"

#include <algorithm>

namespace hardlinkfs {
namespace {

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;
// The kernel's own clock for times of files ticks as slowly as this (CONFIG_HZ=100), whatever the backing can keep. Below it a write in the
// same tick is no concern.
constexpr std::chrono::nanoseconds kFineEnough = std::chrono::milliseconds(10);

}  // namespace

Timestamp Plus(Timestamp time, std::chrono::nanoseconds span) {
  int64_t nanoseconds = static_cast<int64_t>(time.nanoseconds) + span.count() % kNanosecondsPerSecond;
  int64_t seconds = time.seconds + span.count() / kNanosecondsPerSecond;
  if (nanoseconds >= kNanosecondsPerSecond) {
    nanoseconds -= kNanosecondsPerSecond;
    ++seconds;
  }
  if (nanoseconds < 0) {
    nanoseconds += kNanosecondsPerSecond;
    --seconds;
  }
  return {seconds, static_cast<uint32_t>(nanoseconds)};
}

Timestamp Minus(Timestamp time, std::chrono::nanoseconds span) { return Plus(time, -span); }

bool TakeContent(InodeRecord& record, const BackingStat& seen, const ContentUse& use, Timestamp now, std::chrono::nanoseconds granularity) {
  const bool written = use.last_write.has_value() || seen.mtime != record.seen_mtime || seen.size != record.size;
  if (!written && seen.blocks == record.blocks) return false;
  record.blocks = seen.blocks;
  record.size = seen.size;
  record.seen_mtime = seen.mtime;
  if (!written) return true;
  const Timestamp tick_end = Plus(seen.mtime, std::max(granularity, kFineEnough));
  const Timestamp written_at = use.last_write.value_or(std::min(now, tick_end));
  record.mtime = written_at;
  record.ctime = std::max(record.ctime, written_at);
  return true;
}

std::optional<Timestamp> ArmedTime(const BackingStat& seen, Timestamp now, std::chrono::nanoseconds granularity) {
  if (granularity <= kFineEnough) return std::nullopt;
  if (Plus(seen.mtime, granularity) <= now) return std::nullopt;
  return Minus(seen.mtime, granularity);
}

}  // namespace hardlinkfs
