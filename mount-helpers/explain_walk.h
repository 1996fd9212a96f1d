// path_resolution(7) in user space, a component at a time, so that each directory on the way can be shown.
#ifndef HARDLINKFS_MOUNT_HELPERS_EXPLAIN_WALK_H_
#define HARDLINKFS_MOUNT_HELPERS_EXPLAIN_WALK_H_

#include <string>

#include "mount-helpers/explain_facts.h"
#include "mount-helpers/explain_inode.h"

namespace hardlinkfs {

// What becomes of a symlink as the last component.
enum class LastSymlink {
  kIsMeant,              // also with a slash behind it: the name is to be made or removed
  kFollowedBeforeSlash,  // else it is meant
  kFollowed,
};

// Looks along `path` as explain itself may; nothing is opened but for reading, and no device, fifo or socket at all.
ExplainedPath WalkPath(const std::string& path, LastSymlink last, InodeReader& reader);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_EXPLAIN_WALK_H_
