// Times as ISO 8601 has them, in UTC.
#ifndef HARDLINKFS_FUSE_LOWLEVEL_UTC_TEXT_H_
#define HARDLINKFS_FUSE_LOWLEVEL_UTC_TEXT_H_

#include <string>

#include "store/base/timestamp.h"

namespace hardlinkfs {

enum class Precision { kSeconds, kMicroseconds };

// RETURNS: "2026-03-01T12:00:00Z", or "2026-03-01T12:00:00.123456Z".
std::string UtcText(const Timestamp& time, Precision precision);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_LOWLEVEL_UTC_TEXT_H_
