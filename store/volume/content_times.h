// ContentTimes: what a file's modification time is when the backing only shows a coarse one and writes may pass us by (passthrough). Pure
// functions.
//
// The record keeps (mtime, seen_mtime): while the backing shows seen_mtime, nothing was written since and mtime is exact. With coarse times
// a write within the same tick would go unseen; so, while writers are open, the backing's time is set back by one tick ("armed") whenever
// it lies in the current tick: then any write changes it.
#ifndef HARDLINKFS_STORE_VOLUME_CONTENT_TIMES_H_
#define HARDLINKFS_STORE_VOLUME_CONTENT_TIMES_H_

#include <chrono>
#include <optional>

#include "store/backing/backing.h"
#include "store/base/timestamp.h"
#include "store/catalog/records.h"

namespace hardlinkfs {

// Who may be writing while we look.
struct ContentUse {
  std::optional<Timestamp> last_write;  // of a write that came through us: exact
  bool unseen_writers = false;          // passthrough descriptors open for writing
};

// Brings `record` up to what the backing shows. A write that is found out only now happened at the latest now and in the tick that the
// backing shows: that is the time it gets. RETURNS: whether anything changed.
bool TakeContent(InodeRecord& record, const BackingStat& seen, const ContentUse& use, Timestamp now, std::chrono::nanoseconds granularity);

// RETURNS: the time to set on the backing so that the next write shows, or nullopt when it would anyway.
std::optional<Timestamp> ArmedTime(const BackingStat& seen, Timestamp now, std::chrono::nanoseconds granularity);

Timestamp Minus(Timestamp time, std::chrono::nanoseconds span);
Timestamp Plus(Timestamp time, std::chrono::nanoseconds span);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_CONTENT_TIMES_H_
