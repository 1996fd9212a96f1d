// What a backing can do, and what hardlinkfs will therefore add, as text for people.
#ifndef HARDLINKFS_STORE_BACKING_CAPABILITY_REPORT_H_
#define HARDLINKFS_STORE_BACKING_CAPABILITY_REPORT_H_

#include <string>

#include "store/base/capabilities.h"

namespace hardlinkfs {

// RETURNS: an aligned table of lines "aspect | backing | hardlinkfs", each ended by a line feed.
std::string Describe(const Capabilities& capabilities);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BACKING_CAPABILITY_REPORT_H_
