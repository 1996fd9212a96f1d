// Entries of the backing that are no entries of the volume.
#ifndef HARDLINKFS_STORE_VOLUME_HIDDEN_ENTRIES_H_
#define HARDLINKFS_STORE_VOLUME_HIDDEN_ENTRIES_H_

#include "store/base/inode_id.h"
#include "store/base/name.h"

namespace hardlinkfs {

// RETURNS: whether an entry of the home of `directory` is left out: the private area, and what a backing shows of removed files that are
// still open.
bool IsHidden(InodeId directory, const BackingName& name);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_HIDDEN_ENTRIES_H_
