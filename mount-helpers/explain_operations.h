// The checks of each operation, in the order in which the kernel makes them.
#ifndef HARDLINKFS_MOUNT_HELPERS_EXPLAIN_OPERATIONS_H_
#define HARDLINKFS_MOUNT_HELPERS_EXPLAIN_OPERATIONS_H_

#include "mount-helpers/explain_check_list.h"

namespace hardlinkfs {

// linkat(2) without flags: a symlink as OLD is not followed. REQUIRES: there is a new path; of rename too.
void CheckLink(CheckList& list);
void CheckUnlink(CheckList& list);
// renameat2(2) without flags.
void CheckRename(CheckList& list);
// open(2) with O_WRONLY alone, and then write(2).
void CheckWrite(CheckList& list);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_EXPLAIN_OPERATIONS_H_
