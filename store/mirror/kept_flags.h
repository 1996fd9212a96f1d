// Flags of chattr(1) for a backing that has none: in an xattr of the file, so that they are the inode's, whatever its names, and go with
// it. They bind those who come through the mirror.
#ifndef HARDLINKFS_STORE_MIRROR_KEPT_FLAGS_H_
#define HARDLINKFS_STORE_MIRROR_KEPT_FLAGS_H_

#include <cstdint>
#include <string_view>

#include "store/base/result.h"

namespace hardlinkfs {

inline constexpr std::string_view kFlagsXattr = "trusted.hardlinkfs.flags";

// RETURNS: whether the filesystem of a directory, open for reading, has flags of its own.
bool HasFlags(int directory);

// FS_*_FL of ioctl_iflags(2). `fd` refers to the file, O_PATH will do. RETURNS: 0 when none are kept; EUCLEAN for what is no set of flags.
Result<uint32_t> KeptFlags(int fd);
// RETURNS: EOPNOTSUPP where they cannot be kept: no xattrs of that kind, or a server that is not root.
Status KeepFlags(int fd, uint32_t flags);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_MIRROR_KEPT_FLAGS_H_
