// What `hardlinkfs policy show`, `hardlinkfs reload`, `hardlinkfs why` and `hardlinkfs quota` ask of a mount, see control.h.
#ifndef HARDLINKFS_FUSE_LOWLEVEL_POLICY_IOCTL_H_
#define HARDLINKFS_FUSE_LOWLEVEL_POLICY_IOCTL_H_

#include <span>

#include "fuse/lowlevel/operations.h"
#include "store/base/result.h"

namespace hardlinkfs {

bool IsPolicyIoctl(unsigned command);
// Replies, unless it fails. `in` is what the caller gave, `room` how many bytes he takes. REQUIRES: IsPolicyIoctl(command).
Status PolicyIoctl(Server& server, fuse_req_t request, unsigned command, std::span<const char> in, size_t room);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_LOWLEVEL_POLICY_IOCTL_H_
