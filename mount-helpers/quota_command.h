// `hardlinkfs quota`: who has how much, and may have.
#ifndef HARDLINKFS_MOUNT_HELPERS_QUOTA_COMMAND_H_
#define HARDLINKFS_MOUNT_HELPERS_QUOTA_COMMAND_H_

#include "mount-helpers/command_line.h"

namespace hardlinkfs {

// Prints a line for each user, group and directory with a quota that has anything. RETURNS: the exit status; what failed is on stderr.
int RunQuota(const QuotaCommand& command);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_QUOTA_COMMAND_H_
