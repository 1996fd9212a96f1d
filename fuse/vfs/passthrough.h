// Passthrough: lets the kernel read and write a descriptor of ours by itself (FUSE_PASSTHROUGH, Linux >= 6.9). fuse/lowlevel implements it,
// since only that layer may talk to the kernel.
#ifndef HARDLINKFS_FUSE_VFS_PASSTHROUGH_H_
#define HARDLINKFS_FUSE_VFS_PASSTHROUGH_H_

#include "store/base/result.h"

namespace hardlinkfs {

// Thread safety: any thread.
class Passthrough {
 public:
  virtual ~Passthrough() = default;
  // RETURNS: a backing id (> 0) for `descriptor`, to be given with every open of the inode until Unregister; EPERM, EOPNOTSUPP, EBUSY ...
  // where the kernel does not let us: the file is then served by requests.
  virtual Result<int> Register(int descriptor) = 0;
  virtual void Unregister(int backing_id) = 0;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_VFS_PASSTHROUGH_H_
