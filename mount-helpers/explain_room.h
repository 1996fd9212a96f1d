// How much room there is where a name or content would be added: statfs(2), quotactl(2), the entries of a directory.
#ifndef HARDLINKFS_MOUNT_HELPERS_EXPLAIN_ROOM_H_
#define HARDLINKFS_MOUNT_HELPERS_EXPLAIN_ROOM_H_

#include "mount-helpers/explain_facts.h"

namespace hardlinkfs {

// `inode` is what would grow: the directory of a new name, or a file. Its path is looked up again.
ExplainedRoom RoomAt(const ExplainedInode& inode);

// RETURNS: whether a directory has no entries; nullopt when it cannot be listed.
std::optional<bool> IsEmptyDirectory(const std::string& path);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_EXPLAIN_ROOM_H_
