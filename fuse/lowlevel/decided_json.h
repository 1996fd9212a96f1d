// A decision as JSON, one line: for `hardlinkfs why` and the audit log. The keys are listed in docs/policy.md.
#ifndef HARDLINKFS_FUSE_LOWLEVEL_DECIDED_JSON_H_
#define HARDLINKFS_FUSE_LOWLEVEL_DECIDED_JSON_H_

#include <string>

#include "fuse/vfs/gate.h"

namespace hardlinkfs {

// Names may hold any bytes; those that are no UTF-8 are shown as U+FFFD.
std::string ToJson(const Decided& decided);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_LOWLEVEL_DECIDED_JSON_H_
