// `hardlinkfs probe DIR`
#ifndef HARDLINKFS_MOUNT_HELPERS_PROBE_COMMAND_H_
#define HARDLINKFS_MOUNT_HELPERS_PROBE_COMMAND_H_

#include "mount-helpers/command_line.h"

namespace hardlinkfs {

// Prints what was found on stdout. RETURNS: the exit status.
int RunProbe(const ProbeCommand& command);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_PROBE_COMMAND_H_
