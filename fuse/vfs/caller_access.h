// Who may do what to an inode, by its mode and ACL as the volume has them. For what the kernel does not check itself.
#ifndef HARDLINKFS_FUSE_VFS_CALLER_ACCESS_H_
#define HARDLINKFS_FUSE_VFS_CALLER_ACCESS_H_

#include "store/base/attributes.h"
#include "store/base/caller.h"
#include "store/volume/volume.h"

namespace hardlinkfs {

// RETURNS: whether `caller` has all of `wanted` (kMay… of policy/access.h); not so where the ACL cannot be read. `attributes` are the
// inode's. REQUIRES: shared(inode) or more since before they were read; prepared.
bool HasAccess(Volume& volume, const Caller& caller, const Attributes& attributes, unsigned wanted);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_VFS_CALLER_ACCESS_H_
