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
#include "store/volume/volume.h"

namespace hardlinkfs {

// Thread safety: any thread.
class MirrorStream final : public DirectoryStream {
 public:
  // `directory` is open for reading.
  explicit MirrorStream(UniqueFd directory) : directory_(std::move(directory)) {}

  // RETURNS: as Volume::List.
  Result<std::vector<ListedName>> List(uint64_t offset);

 private:
  Mutex mutex_;  // what is read depends on the descriptor's position; held over I/O, and after any inode lock
  const UniqueFd directory_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_MIRROR_DIRECTORY_STREAM_H_
