// What the bytes of a block device tell of the filesystem on it, where the mount table does not. Without the right to read the device
// nothing is known.
#ifndef HARDLINKFS_MOUNT_HELPERS_EXPLAIN_DEVICE_H_
#define HARDLINKFS_MOUNT_HELPERS_EXPLAIN_DEVICE_H_

#include <optional>
#include <string>

#include "mount-helpers/mount_table.h"

namespace hardlinkfs {

// RETURNS: ExplainedMount::driver.
std::string DriverOf(const MountEntry& mount);

// RETURNS: whether an ext4 keeps small contents in inodes: the feature inline_data of its superblock.
std::optional<bool> HasInlineData(const MountEntry& mount);

// RETURNS: a number in /sys/fs/ext4/DEVICE/`name`.
std::optional<uint64_t> Ext4Number(const MountEntry& mount, const std::string& name);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_EXPLAIN_DEVICE_H_
