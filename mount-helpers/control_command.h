// `hardlinkfs sync` and `hardlinkfs status`: what is asked of the server of a mount.
#ifndef HARDLINKFS_MOUNT_HELPERS_CONTROL_COMMAND_H_
#define HARDLINKFS_MOUNT_HELPERS_CONTROL_COMMAND_H_

#include <string>

#include "mount-helpers/command_line.h"

namespace hardlinkfs {

// Returns once all that was acknowledged before is durable. RETURNS: the exit status; what failed is on stderr.
int RunSync(const SyncCommand& command);

// Prints the state of the mount on stdout. RETURNS: the exit status: kNeedsAttention when a sync has failed.
int RunStatus(const StatusCommand& command);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_CONTROL_COMMAND_H_
