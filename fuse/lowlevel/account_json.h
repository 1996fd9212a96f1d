// Who has how much as JSON, one line: for `hardlinkfs quota`. The keys are listed in docs/policy.md.
#ifndef HARDLINKFS_FUSE_LOWLEVEL_ACCOUNT_JSON_H_
#define HARDLINKFS_FUSE_LOWLEVEL_ACCOUNT_JSON_H_

#include <string>

#include "fuse/vfs/ledger.h"

namespace hardlinkfs {

// Paths may hold any bytes; those that are no UTF-8 are shown as U+FFFD. Numbers that are too large as the largest.
std::string ToJson(const AccountState& account);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_LOWLEVEL_ACCOUNT_JSON_H_
