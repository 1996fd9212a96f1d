// `hardlinkfs flag`: lsattr(1) and chattr(1) with names for the flags, on any filesystem that has them.
#ifndef HARDLINKFS_MOUNT_HELPERS_FLAG_COMMAND_H_
#define HARDLINKFS_MOUNT_HELPERS_FLAG_COMMAND_H_

#include "mount-helpers/flag_arguments.h"

namespace hardlinkfs {

// Prints the flags on stdout, one line on stderr for each file that failed; goes on with the others. RETURNS: the exit status: kSomeFailed
// when there was one.
int RunFlag(const FlagCommand& command);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_FLAG_COMMAND_H_
