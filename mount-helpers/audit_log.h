// AuditLog: decisions of policy as lines of JSON, in a file or to the journal. It never holds up an operation: what comes faster than it
// may be written is dropped, and counted.
#ifndef HARDLINKFS_MOUNT_HELPERS_AUDIT_LOG_H_
#define HARDLINKFS_MOUNT_HELPERS_AUDIT_LOG_H_

#include <memory>
#include <string>
#include <variant>

#include "fuse/vfs/gate.h"
#include "policy/policy.h"

namespace hardlinkfs {

// RETURNS: null when nothing is to be audited; or why the file cannot be written to.
std::variant<std::shared_ptr<AuditSink>, std::string> OpenAuditLog(const Policy& policy);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_AUDIT_LOG_H_
