// ioctl_iflags(2) and ioctl_xfs_fsgetxattr(2): how chattr(1) and lsattr(1) get and set flags.
#ifndef HARDLINKFS_FUSE_LOWLEVEL_FLAG_IOCTL_H_
#define HARDLINKFS_FUSE_LOWLEVEL_FLAG_IOCTL_H_

#include <span>

#include "fuse/lowlevel/operations.h"
#include "store/base/result.h"

namespace hardlinkfs {

bool IsFlagIoctl(unsigned command);
// Replies, unless it fails. `in` is what the caller gave, `room` how many bytes he takes. REQUIRES: IsFlagIoctl(command).
Status FlagIoctl(Server& server, fuse_req_t request, fuse_ino_t inode, unsigned command, std::span<const char> in, size_t room);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_LOWLEVEL_FLAG_IOCTL_H_
