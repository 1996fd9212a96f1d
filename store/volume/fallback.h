// What happens when the catalog is damaged: the newest sound snapshot takes its place. docs/crash-consistency.md says what that means.
#ifndef HARDLINKFS_STORE_VOLUME_FALLBACK_H_
#define HARDLINKFS_STORE_VOLUME_FALLBACK_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "store/base/result.h"
#include "store/engine/engine.h"
#include "store/engine/rocksdb_engine.h"
#include "store/volume/snapshot_folder.h"

namespace hardlinkfs {

// That a volume goes on from a snapshot.
struct Restoration {
  int64_t taken = 0;          // when the snapshot was made, seconds since the epoch
  bool this_session = false;  // it was restored just now, and not by an earlier mount
};

struct OpenedCatalog {
  std::unique_ptr<Engine> engine;
  std::optional<Restoration> restoration;  // the last there was
};

// RETURNS: the value with which a row of a snapshot goes into the new catalog: numbers go far ahead, homes are unconfirmed. A row that does
// not verify stays what it is; EUCLEAN where that is the volume's.
Result<std::string> RowFromSnapshot(std::string_view key, std::string_view value);

// Opens the catalog of a volume that has one, at `path`. One that cannot be opened or, after a crash, not be read, is left where it is, and
// the newest sound snapshot in `snapshots` takes its place, durably and in one step; the log says so. A directory that is missing
// altogether is no damage but a wrong path.
// RETURNS: ENOENT (no catalog here), EUCLEAN (damaged, and there is no snapshot of this volume), else as the engine.
Result<OpenedCatalog> OpenCatalog(const std::string& path, const std::string& volume, const SnapshotFolder& snapshots,
                                  const RocksdbOptions& options);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_FALLBACK_H_
