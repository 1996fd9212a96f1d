// `hardlinkfs explain`: why a link, unlink, rename or write would be refused, and what would cure it.
#ifndef HARDLINKFS_MOUNT_HELPERS_EXPLAIN_COMMAND_H_
#define HARDLINKFS_MOUNT_HELPERS_EXPLAIN_COMMAND_H_

#include "mount-helpers/explain_arguments.h"

namespace hardlinkfs {

// Prints the checks on stdout; changes nothing. RETURNS: an ExplainStatus.
int RunExplain(const ExplainCommand& command);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_EXPLAIN_COMMAND_H_
