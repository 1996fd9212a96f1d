// SnapshotFile: all rows of an engine in one file that needs nothing else. A sound one is told from a part of one, and from any other
// file. It does not know what the rows mean; docs/format.md has the bytes.
#ifndef HARDLINKFS_STORE_ENGINE_SNAPSHOT_FILE_H_
#define HARDLINKFS_STORE_ENGINE_SNAPSHOT_FILE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "store/base/result.h"
#include "store/engine/engine.h"

namespace hardlinkfs {

struct SnapshotHead {
  std::string volume;     // the uuid of the volume file: 36 bytes
  uint64_t sequence = 0;  // of two sound ones the higher counts
  int64_t taken = 0;      // seconds since the epoch
};

// Writes the rows to the empty file `fd`. `may_go_on` is called after each piece with the bytes so far; before the last one, without which
// the file does not count, `is_durable`. The file is not synced. RETURNS: the bytes written; the first error of any of them.
Result<uint64_t> WriteSnapshot(int fd, const SnapshotHead& head, Cursor& rows, const std::function<Status(uint64_t)>& may_go_on,
                               const std::function<Status()>& is_durable);

// Looks at both ends only. RETURNS: EUCLEAN for anything but a whole snapshot, ENOTSUP for one of a later version, EIO.
Result<SnapshotHead> ReadSnapshotHead(int fd);

// Reads all of it. RETURNS: EUCLEAN as soon as something does not verify: what was visited before counts for nothing then; EIO; the first
// error of `visit`.
Status ReadSnapshot(int fd, const std::function<Status(std::string_view key, std::string_view value)>& visit);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_ENGINE_SNAPSHOT_FILE_H_
