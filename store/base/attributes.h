// Attributes: what stat(2) and statx(2) tell of an inode, and AttributeChange: what setattr may change at once.
#ifndef HARDLINKFS_STORE_BASE_ATTRIBUTES_H_
#define HARDLINKFS_STORE_BASE_ATTRIBUTES_H_

#include <cstdint>
#include <optional>

#include "store/base/inode_id.h"
#include "store/base/timestamp.h"

namespace hardlinkfs {

// The values are those of S_IFMT >> 12, which are also those of DT_* in readdir(3).
enum class FileType : uint8_t {
  kUnknown = 0,
  kFifo = 1,
  kCharacterDevice = 2,
  kDirectory = 4,
  kBlockDevice = 6,
  kRegular = 8,
  kSymlink = 10,
  kSocket = 12,
};

constexpr uint32_t ModeBits(FileType type) { return static_cast<uint32_t>(type) << 12; }
constexpr FileType TypeOfMode(uint32_t mode) { return static_cast<FileType>((mode >> 12) & 15U); }

// Whether a mode lends rights to whoever executes the file: suid, and sgid where the group may execute; without that it once asked for
// mandatory locks. A write by somebody else takes these away.
constexpr bool IsPrivileged(uint32_t mode) { return (mode & 04000U) != 0 || (mode & 02010U) == 02010U; }
constexpr uint32_t WithoutPrivileges(uint32_t mode) { return (mode & 010U) != 0 ? mode & ~06000U : mode & ~04000U; }

struct Attributes {
  InodeId inode{};
  uint64_t number = 0;  // st_ino
  uint64_t generation = 0;
  FileType type = FileType::kUnknown;
  uint32_t mode = 0;  // permission bits, suid, sgid, sticky: 07777
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t nlink = 0;
  uint64_t rdev = 0;    // as makedev(3)
  uint64_t size = 0;    // bytes
  uint64_t blocks = 0;  // of 512 bytes
  Timestamp atime, mtime, ctime, btime;
  uint32_t flags = 0;     // FS_*_FL of ioctl_iflags(2), those that forbid something at least
  bool cacheable = true;  // false: the kernel has to ask again before it relies on them
};

// Only what is set changes. ctime always becomes now.
struct AttributeChange {
  std::optional<uint32_t> mode;  // 07777
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
  std::optional<uint64_t> size;
  bool by_open = false;            // ftruncate(2): the right to write was had when the file was opened
  std::optional<Timestamp> atime;  // UTIME_NOW is resolved by the caller, who sets ctime to the same; UTIME_OMIT leaves it unset
  std::optional<Timestamp> mtime;
  std::optional<Timestamp> ctime;
  bool kill_suidgid = false;  // clear suid, and sgid if group-executable, of anything but a directory: FATTR_KILL_SUIDGID
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BASE_ATTRIBUTES_H_
