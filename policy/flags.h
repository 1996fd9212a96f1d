// The flags of chattr(1) that forbid changes: what each of them lets be done to an inode. As in ext4 and the kernel's fs/namei.c,
// fs/attr.c, fs/xattr.c and fs/open.c; iunlink as in Linux-VServer.
#ifndef HARDLINKFS_POLICY_FLAGS_H_
#define HARDLINKFS_POLICY_FLAGS_H_

#include <linux/fs.h>

#include <cstdint>

#include "policy/decision.h"

namespace hardlinkfs {

// A file that cannot be changed, but may be given names, and lose them: for trees that share their files. Linux-VServer's number.
inline constexpr uint32_t kIunlinkFlag = 0x08000000;
// All that are kept, here and of ioctl_iflags(2).
inline constexpr uint32_t kKnownFlags = FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL | FS_SYNC_FL | kIunlinkFlag;
// Those that need CAP_LINUX_IMMUTABLE to be set or cleared.
inline constexpr uint32_t kGuardingFlags = FS_IMMUTABLE_FL | FS_APPEND_FL | kIunlinkFlag;

enum class Change {
  kContent,     // write, truncate, punch …
  kAppend,      // write at the end, by an open with O_APPEND; allocate beyond it
  kAttributes,  // mode, owner, times that are given
  kTouch,       // times that become now
  kXattr,       // ACLs too
  kNewName,     // of the inode: link
  kLostName,    // of the inode: unlink, rmdir, rename, being replaced
  kNewEntry,    // of a directory
  kLostEntry,   // of a directory
};

// RETURNS: EPERM for what the inode's flags (FS_*_FL) forbid.
Decision MayChange(uint32_t flags, Change change);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_POLICY_FLAGS_H_
