// Whether there is room: free blocks and inodes, the part that a filesystem keeps for root, quotas. Most filesystems put a new name into
// space that the directory has already, if there is any; where nobody can see whether there is, that is said.
#ifndef HARDLINKFS_MOUNT_HELPERS_EXPLAIN_ROOM_CHECKS_H_
#define HARDLINKFS_MOUNT_HELPERS_EXPLAIN_ROOM_CHECKS_H_

#include <string>

#include "mount-helpers/explain_check_list.h"

namespace hardlinkfs {

// For another name in `directory`, made by link or rename.
void CheckRoomForName(CheckList& list, const ExplainedInode& directory, const std::string& name);

// For content of `file`.
void CheckRoomForContent(CheckList& list, const ExplainedInode& file);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_EXPLAIN_ROOM_CHECKS_H_
