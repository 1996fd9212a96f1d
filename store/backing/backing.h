// Backing: the directory underneath, as handles and single components; never a path string, never anything outside its root.
// Implementations: PosixBacking, and MemoryBacking (tests/fakes), on which tests and the simulation run.
#ifndef HARDLINKFS_STORE_BACKING_BACKING_H_
#define HARDLINKFS_STORE_BACKING_BACKING_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "store/base/attributes.h"
#include "store/base/name.h"
#include "store/base/result.h"
#include "store/base/timestamp.h"

namespace hardlinkfs {

// What the backing itself says of an entry, as lstat(2).
struct BackingStat {
  FileType type = FileType::kUnknown;
  uint32_t mode = 0;  // 07777
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t device = 0;
  uint64_t inode = 0;  // not stable on every backing: only good to compare two entries now
  uint32_t nlink = 0;
  uint64_t rdev = 0;
  uint64_t size = 0;
  uint64_t blocks = 0;
  Timestamp atime, mtime, ctime;
  std::optional<Timestamp> btime;
  uint32_t flags = 0;  // FS_*_FL of ioctl_iflags(2) that forbid something, as far as statx(2) tells them
};

struct BackingEntry {
  BackingName name;
  FileType type = FileType::kUnknown;  // kUnknown where the backing does not tell it with the listing
};

// As statvfs(3); in bytes.
struct BackingSpace {
  uint64_t block_size = 0;
  uint64_t total_bytes = 0;
  uint64_t free_bytes = 0;
  uint64_t available_bytes = 0;
  uint64_t total_inodes = 0;  // 0 where the backing does not count them
  uint64_t free_inodes = 0;
};

enum class AllocateMode { kExtend, kKeepSize, kPunchHole, kZeroRange, kZeroRangeKeepSize, kCollapseRange, kInsertRange };
enum class SeekTarget { kData, kHole };

// An open regular file. Thread safety: every function from any thread; it stays valid when the entry is renamed or removed.
class BackingFile {
 public:
  virtual ~BackingFile() = default;
  // RETURNS: the bytes read, less than asked for only at the end of the file.
  virtual Result<size_t> Read(std::span<char> into, uint64_t offset) = 0;
  // Writes all of it, or fails; after a failure any prefix may have been written.
  virtual Status Write(std::span<const char> from, uint64_t offset) = 0;
  // The same at the end, wherever that is by then.
  virtual Status Append(std::span<const char> from) = 0;
  virtual Status Truncate(uint64_t size) = 0;
  virtual Result<BackingStat> Stat() = 0;
  // Unset means unchanged (UTIME_OMIT).
  virtual Status SetTimes(std::optional<Timestamp> atime, std::optional<Timestamp> mtime) = 0;
  virtual Status Sync() = 0;
  virtual Status Allocate(AllocateMode mode, uint64_t offset, uint64_t length) = 0;  // EOPNOTSUPP
  // RETURNS: as lseek(2): ENXIO beyond the end; a backing without holes has data everywhere and a hole at the end.
  virtual Result<uint64_t> Seek(SeekTarget target, uint64_t offset) = 0;
  // RETURNS: bytes copied, as copy_file_range(2); EOPNOTSUPP or EXDEV where the backing cannot and the caller has to copy.
  virtual Result<size_t> CopyTo(uint64_t offset, BackingFile& to, uint64_t to_offset, size_t length) = 0;
  // RETURNS: a descriptor for passthrough, or -1 (a fake has none). Owned by this object.
  virtual int descriptor() const = 0;
  // Opens it for writing as well, if it is not yet. RETURNS: why the backing refuses that: EROFS, EACCES, EPERM, ETXTBSY.
  virtual Status MakeWritable() = 0;
  // RETURNS: whether anybody, in this process or another, has it open for writing, or mapped so; an error where the backing cannot tell.
  // REQUIRES: after EndWriting.
  virtual Result<bool> HasWriters() = 0;
  // Nobody writes any more: open for reading only, where that is possible.
  virtual void EndWriting() = 0;
};

// An open directory, to name entries in. Thread safety: any thread; stays valid when the directory is renamed.
class BackingDirectory {
 public:
  virtual ~BackingDirectory() = default;
};
// Shared, since several operations and the cache of open directories may use one at once.
using BackingDirectoryRef = std::shared_ptr<const BackingDirectory>;

// Functions that take (directory, name) act on the entry itself, never through a symlink (as with AT_SYMLINK_NOFOLLOW), never across
// a mount point, and fail with the backing's errno. Thread safety: any thread.
class Backing {
 public:
  using EntryVisitor = std::function<bool(const BackingEntry&)>;  // false stops the listing

  virtual ~Backing() = default;

  virtual BackingDirectoryRef root() const = 0;
  virtual Result<BackingDirectoryRef> OpenDirectory(const BackingDirectoryRef& in, const BackingName& name) = 0;  // ENOENT, ENOTDIR
  // Every entry but "." and "..", in the backing's order; entries that come or go during the listing may be seen or not.
  virtual Status List(const BackingDirectoryRef& directory, const EntryVisitor& visit) = 0;
  virtual Result<BackingStat> Stat(const BackingDirectoryRef& in, const BackingName& name) = 0;
  virtual Result<BackingStat> StatDirectory(const BackingDirectoryRef& directory) = 0;

  virtual Status MakeDirectory(const BackingDirectoryRef& in, const BackingName& name, uint32_t mode) = 0;  // EEXIST
  // A new, empty file, open for reading and writing. EEXIST; never opens what was there.
  virtual Result<std::unique_ptr<BackingFile>> CreateFile(const BackingDirectoryRef& in, const BackingName& name, uint32_t mode) = 0;
  // Open for reading and writing where possible, see BackingFile::writable. Never blocks on a fifo: EINVAL unless regular.
  virtual Result<std::unique_ptr<BackingFile>> OpenFile(const BackingDirectoryRef& in, const BackingName& name) = 0;
  // Never replaces: EEXIST when `to_name` is taken by another entry (where the backing cannot rename without replacing, the caller's
  // ownership of the backing makes the check beforehand safe). A change of case only is no conflict with itself.
  virtual Status Rename(const BackingDirectoryRef& from, const BackingName& from_name, const BackingDirectoryRef& to,
                        const BackingName& to_name) = 0;
  virtual Status RemoveFile(const BackingDirectoryRef& in, const BackingName& name) = 0;       // anything but a directory
  virtual Status RemoveDirectory(const BackingDirectoryRef& in, const BackingName& name) = 0;  // ENOTEMPTY

  virtual Status SetMode(const BackingDirectoryRef& in, const BackingName& name, uint32_t mode) = 0;  // not on symlinks
  virtual Status SetOwner(const BackingDirectoryRef& in, const BackingName& name, uint32_t uid, uint32_t gid) = 0;
  virtual Status SetTimes(const BackingDirectoryRef& in, const BackingName& name, std::optional<Timestamp> atime,
                          std::optional<Timestamp> mtime) = 0;

  virtual Result<std::string> ReadLink(const BackingDirectoryRef& in, const BackingName& name) = 0;
  // Empty where the backing has no xattrs.
  virtual Result<std::vector<std::string>> ListXattrs(const BackingDirectoryRef& in, const BackingName& name) = 0;
  virtual Result<std::string> GetXattr(const BackingDirectoryRef& in, const BackingName& name, const std::string& xattr) = 0;

  // Makes the entries of `directory` durable, as far as the backing lets that be asked for: a backing that refuses fsync of directories
  // (EINVAL, ENOTSUP) answers success, and Capabilities::directory_fsync tells.
  virtual Status SyncDirectory(const BackingDirectoryRef& directory) = 0;
  virtual Result<BackingSpace> Space() = 0;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BACKING_BACKING_H_
