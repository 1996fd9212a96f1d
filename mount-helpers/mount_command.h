// `hardlinkfs mount`: checks, opens the volume, mounts and serves.
#ifndef HARDLINKFS_MOUNT_HELPERS_MOUNT_COMMAND_H_
#define HARDLINKFS_MOUNT_HELPERS_MOUNT_COMMAND_H_

#include "mount-helpers/command_line.h"

namespace hardlinkfs {

// RETURNS: the exit status, as mount(8)'s: in the background once the mount works or has failed, in the foreground when it has ended.
int RunMount(const MountCommand& command);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_MOUNT_COMMAND_H_
