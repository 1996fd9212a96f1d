// MirrorStream: a directory of the backing that is being listed. Its offsets are the backing's own (d_off), which stay true as long as the
// directory is open, whatever comes or goes meanwhile.
#ifndef HARDLINKFS_STORE_MIRROR_DIRECTORY_STREAM_H_
#define HARDLINKFS_STORE_MIRROR_DIRECTORY_STREAM_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "store/base/mutex.h"
#include "store/base/result.h"
#include "store/base/unique_fd.h"
#include "store/mirror/inode_numbers.h"
#include "store/volume/volume.h"

namespace hardlinkfs {

// Thread safety: any thread.
class MirrorStream final : public DirectoryStream {
 public:
  // `directory` is open for reading, and lies on `device`. Borrows `numbers`.
  MirrorStream(UniqueFd directory, uint64_t device, InodeNumbers& numbers)
      : directory_(std::move(directory)), device_(device), numbers_(numbers) {}

  // RETURNS: as Volume::List.
  Result<std::vector<ListedName>> List(uint64_t offset);

 private:
  Mutex mutex_;  // what is read depends on the descriptor's position; held over I/O, and after any inode lock
  const UniqueFd directory_;
  const uint64_t device_;
  InodeNumbers& numbers_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_MIRROR_DIRECTORY_STREAM_H_
