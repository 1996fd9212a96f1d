// What the `hardlinkfs` command asks of a mount's server: ioctl(2) requests on any file or directory of the mount. Both sides include this;
// they are of one build, or of two that agree on the numbers.
#ifndef HARDLINKFS_FUSE_LOWLEVEL_CONTROL_H_
#define HARDLINKFS_FUSE_LOWLEVEL_CONTROL_H_

#include <sys/ioctl.h>

#include <cstddef>

namespace hardlinkfs {

// A JSON object, terminated by a zero byte. Its keys are listed in docs/semantics.md (S-STATUS-1).
struct StatusReply {
  static constexpr size_t kBytes = 8192;  // a size that ioctl(2)'s number can say, and the kernel hands through: below 16 KiB
  char json[kBytes];
};

inline constexpr unsigned kControlType = 0xB7;  // free in Documentation/userspace-api/ioctl/ioctl-number.rst
// Makes all that was acknowledged before durable, contents too. RETURNS: as fsync(2).
inline constexpr unsigned kControlSync = _IO(kControlType, 1);
inline constexpr unsigned kControlStatus = _IOR(kControlType, 2, StatusReply);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_LOWLEVEL_CONTROL_H_
