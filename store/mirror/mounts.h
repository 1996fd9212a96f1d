// Mounts: the mounts in which known files lie: that of the source, and, where these are followed, others below it. A file is opened by its
// handle with a descriptor of its mount.
#ifndef HARDLINKFS_STORE_MIRROR_MOUNTS_H_
#define HARDLINKFS_STORE_MIRROR_MOUNTS_H_

#include <cstdint>
#include <deque>
#include <optional>

#include "store/base/mutex.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {

// Thread safety: any thread.
class Mounts {
 public:
  // RETURNS: the index of a mount that is known.
  std::optional<uint32_t> Find(int mount_id) const;
  // Keeps `any`, which is open (not O_PATH) in that mount, for good: so nobody can unmount it. RETURNS: its index; of one that is known,
  // that.
  uint32_t Add(int mount_id, UniqueFd any);
  // REQUIRES: an index that one of these has returned.
  int descriptor(uint32_t index) const;

 private:
  struct Mount {
    int id = 0;
    UniqueFd any;
  };
  std::optional<uint32_t> IndexOf(int mount_id) const REQUIRES(mutex_);

  mutable Mutex mutex_;                          // leaf
  std::deque<Mount> mounts_ GUARDED_BY(mutex_);  // there are few
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_MIRROR_MOUNTS_H_
