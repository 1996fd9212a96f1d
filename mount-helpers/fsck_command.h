// `hardlinkfs fsck DIR`, which is also fsck.hardlinkfs when called by that name.
#ifndef HARDLINKFS_MOUNT_HELPERS_FSCK_COMMAND_H_
#define HARDLINKFS_MOUNT_HELPERS_FSCK_COMMAND_H_

#include "mount-helpers/console.h"
#include "mount-helpers/fsck_arguments.h"

namespace hardlinkfs {

// RETURNS: the exit status, as fsck(8)'s.
int RunFsck(const FsckCommand& command, Console& console);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_FSCK_COMMAND_H_
