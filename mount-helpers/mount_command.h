// `hardlinkfs mount`: checks, opens the volume, mounts and serves.
#ifndef HARDLINKFS_MOUNT_HELPERS_MOUNT_COMMAND_H_
#define HARDLINKFS_MOUNT_HELPERS_MOUNT_COMMAND_H_

#include <cstdint>

#include "mount-helpers/command_line.h"
#include "store/volume/open_volume.h"

namespace hardlinkfs {

// RETURNS: the exit status, as mount(8)'s: in the background once the mount works or has failed, in the foreground when it has ended.
int RunMount(const MountCommand& command);

// RETURNS: what a mount with `options` opens the volume with; `process_umask` counts where they have none.
OpenOptions ToOpenOptions(const MountOptions& options, uint32_t process_umask);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_MOUNT_COMMAND_H_
