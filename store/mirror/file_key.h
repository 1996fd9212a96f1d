// FileKey: which file of the backing something is, whatever its names are and however often it is renamed: the kernel's own file handle
// (name_to_handle_at(2)), by which it can be opened again, or device and inode number, which only say so while it is held open.
#ifndef HARDLINKFS_STORE_MIRROR_FILE_KEY_H_
#define HARDLINKFS_STORE_MIRROR_FILE_KEY_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "store/backing/backing.h"
#include "store/base/result.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {

struct FileKey {
  static constexpr int kNumbers = -1;  // device and inode number; the kernel's handle types are not negative

  int type = kNumbers;
  std::string bytes;
  uint32_t mount = 0;  // index in Mounts; of a handle only

  bool operator==(const FileKey&) const = default;
  size_t Hash() const;
};

// Thread safety: any thread. RETURNS for these: the call's errno; EOPNOTSUPP where the filesystem has no handles.

// A handle, and the id of the mount in which it was found.
struct FoundHandle {
  FileKey key;
  int mount_id = 0;
};
// Of the entry `name` in a directory (of what is mounted on it, if something is), or of what the descriptor refers to when it is empty.
Result<FoundHandle> HandleAt(int directory_fd, const char* name);
// `mount_fd` refers to anything of that filesystem, by an open that is not O_PATH. ESTALE when the file is gone; EPERM without
// CAP_DAC_READ_SEARCH.
Result<UniqueFd> OpenHandle(int mount_fd, const FileKey& handle, int flags);

FileKey NumbersOf(const BackingStat& stat);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_MIRROR_FILE_KEY_H_
