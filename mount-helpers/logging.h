// Where the server's log lines go.
#ifndef HARDLINKFS_MOUNT_HELPERS_LOGGING_H_
#define HARDLINKFS_MOUNT_HELPERS_LOGGING_H_

#include <optional>
#include <string>

#include "mount-helpers/failure.h"

namespace hardlinkfs {

enum class LogDetail { kNormal, kDebug };
enum class LogDefault { kTerminal, kSyslog };

// Makes spdlog's default logger write to `file` if that is not empty, else to where `otherwise` says. RETURNS: a failure when the file
// cannot be opened.
std::optional<Failure> StartLogging(const std::string& file, LogDefault otherwise, LogDetail detail);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_LOGGING_H_
