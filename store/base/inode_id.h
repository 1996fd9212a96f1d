// InodeId: the number of a virtual inode; nodeid towards the kernel and st_ino towards programs. Never reused.
#ifndef HARDLINKFS_STORE_BASE_INODE_ID_H_
#define HARDLINKFS_STORE_BASE_INODE_ID_H_

#include <cstdint>

namespace hardlinkfs {

enum class InodeId : uint64_t {};

inline constexpr InodeId kRootInode{1};
// Stands for `.hardlinkfs/homes` in a Place: where contents lie that have no natural place yet. Never visible.
inline constexpr InodeId kHomesDirectory{2};
// The first number given to anything else; those between are reserved.
inline constexpr InodeId kFirstFreeInode{16};

constexpr uint64_t Raw(InodeId id) { return static_cast<uint64_t>(id); }

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BASE_INODE_ID_H_
