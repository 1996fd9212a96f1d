// What the mount itself would say, after the kernel has let an operation through: the server of a hardlinkfs, with its state and its rules;
// and other servers, of whom nothing is known.
#ifndef HARDLINKFS_MOUNT_HELPERS_EXPLAIN_MOUNT_POLICY_H_
#define HARDLINKFS_MOUNT_HELPERS_EXPLAIN_MOUNT_POLICY_H_

#include "mount-helpers/explain_check_list.h"

namespace hardlinkfs {

// The place for rules that a mount has of its own.
void CheckMountPolicy(CheckList& list);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_EXPLAIN_MOUNT_POLICY_H_
