// VolumeHealth: what somebody who looks after a mounted volume wants to know of it, at one moment.
#ifndef HARDLINKFS_STORE_VOLUME_VOLUME_HEALTH_H_
#define HARDLINKFS_STORE_VOLUME_VOLUME_HEALTH_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "store/base/result.h"
#include "store/base/timestamp.h"

namespace hardlinkfs {

// The first sync that failed in this session: since then nothing can be changed (S6).
struct SyncFailure {
  Error error;
  Timestamp since;
};

struct VolumeHealth {
  std::optional<SyncFailure> failure;
  bool after_crash = false;   // this session began with recovery
  uint64_t inodes = 0;        // also those that are about to be removed
  bool unsynced = false;      // a power cut now would cost something that is acknowledged
  size_t to_remove = 0;       // unlinked contents that still take up room
  bool to_settle = false;     // some homes are not where their names say
  bool reserve_whole = true;  // false: the backing is full, and only what frees space is possible
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_VOLUME_HEALTH_H_
