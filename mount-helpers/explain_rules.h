// What the policy of a hardlinkfs mount says to the operation: the same decision as the server's, by what can be seen from outside.
#ifndef HARDLINKFS_MOUNT_HELPERS_EXPLAIN_RULES_H_
#define HARDLINKFS_MOUNT_HELPERS_EXPLAIN_RULES_H_

#include "mount-helpers/explain_check_list.h"

namespace hardlinkfs {

void CheckRules(CheckList& list, const ExplainedMount& mount, const ExplainedServer& server);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_EXPLAIN_RULES_H_
