// Looks at everything that may matter for one operation. Nothing is changed, and nothing is tried.
#ifndef HARDLINKFS_MOUNT_HELPERS_EXPLAIN_GATHER_H_
#define HARDLINKFS_MOUNT_HELPERS_EXPLAIN_GATHER_H_

#include "mount-helpers/explain_arguments.h"
#include "mount-helpers/explain_facts.h"

namespace hardlinkfs {

ExplainFacts GatherFacts(const ExplainCommand& command, ExplainedCaller caller);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_EXPLAIN_GATHER_H_
