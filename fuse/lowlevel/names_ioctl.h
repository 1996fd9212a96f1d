// What `hardlinkfs names` asks: kControlNames of control.h.
#ifndef HARDLINKFS_FUSE_LOWLEVEL_NAMES_IOCTL_H_
#define HARDLINKFS_FUSE_LOWLEVEL_NAMES_IOCTL_H_

#include <cstddef>
#include <span>

#include "fuse/lowlevel/operations.h"
#include "store/base/result.h"

namespace hardlinkfs {

// Replies, unless it fails. `in` is what the caller gave, `room` how many bytes he takes.
Status NamesIoctl(Server& server, fuse_req_t request, fuse_ino_t directory, std::span<const char> in, size_t room);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_LOWLEVEL_NAMES_IOCTL_H_
