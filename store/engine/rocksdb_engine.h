// The default Engine: RocksDB in a directory of its own, tuned for one volume's metadata on any filesystem, also on one without hard links,
// fallocate or case (exFAT through FUSE).
#ifndef HARDLINKFS_STORE_ENGINE_ROCKSDB_ENGINE_H_
#define HARDLINKFS_STORE_ENGINE_ROCKSDB_ENGINE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "store/base/result.h"
#include "store/engine/engine.h"
#include "store/engine/reserve.h"

namespace rocksdb {
class Env;
}

namespace hardlinkfs {

enum class RocksdbMode {
  kCreateIfMissing,
  kMustExist,
  kReadOnly,  // must exist; not a byte is written; Commit and Sync fail with EROFS
};

// What to keep of the commits since the last Sync: all, where only the process has died; none, where a power cut, or a disk that was pulled
// out, may have left any part of them.
enum class Unsynced { kKeep, kDrop };

struct RocksdbOptions {
  RocksdbMode mode = RocksdbMode::kCreateIfMissing;
  Unsynced unsynced = Unsynced::kKeep;
  // Together with two write buffers and the tables' bookkeeping this is what the engine keeps in memory.
  size_t block_cache_bytes = size_t{64} << 20;
  size_t write_buffer_bytes = size_t{16} << 20;
  Reserve* reserve = nullptr;   // borrowed; what its files may still take on a full filesystem
  rocksdb::Env* env = nullptr;  // borrowed; nullptr is the real one. Tests put another disk here, without successors.
};

// Opens what is in force at `path` (successor.h). RETURNS: ENOENT if it must exist and does not, EBUSY if another process has it open,
// EUCLEAN (also: a file is missing), ENOSPC, EIO.
Result<std::unique_ptr<Engine>> OpenRocksdbEngine(const std::string& path, RocksdbOptions options);

// RETURNS: whether there is a database at `path`.
bool RocksdbEngineExists(const std::string& path);

// Removes a database that nobody has open, as far as that can be done.
void RemoveRocksdbEngine(const std::string& path);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_ENGINE_ROCKSDB_ENGINE_H_
