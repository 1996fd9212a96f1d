// UsageObserver: hears of every change of what inodes count for, so that somebody above can keep sums of it (quotas).
#ifndef HARDLINKFS_STORE_VOLUME_USAGE_OBSERVER_H_
#define HARDLINKFS_STORE_VOLUME_USAGE_OBSERVER_H_

#include <cstdint>
#include <optional>

#include "store/base/inode_id.h"

namespace hardlinkfs {

// What one inode counts for, as its record says.
struct Footprint {
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t names = 0;   // of a directory 1, of the root none
  uint64_t bytes = 0;   // the size of a regular file or a symlink
  InodeId directory{};  // in which its first name lies; unset without a name, and where nobody goes by directories

  bool operator==(const Footprint&) const = default;
};

// Whether directories have to be found out, which takes a look into the catalog for each inode.
enum class Directories { kIgnored, kNeeded };

class UsageObserver {
 public:
  virtual ~UsageObserver() = default;
  virtual Directories directories() const = 0;
  // `inode` counts for `after` from now on, and did for `before`; nullopt: there is no such inode. Called after the commit, in the thread
  // that has made it, with the locks of that: may read the volume, and nothing else. Of one inode one call at a time.
  virtual void Changed(InodeId inode, const std::optional<Footprint>& before, const std::optional<Footprint>& after) = 0;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_USAGE_OBSERVER_H_
