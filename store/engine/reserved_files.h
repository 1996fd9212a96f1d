// ReservedFiles: a rocksdb::FileSystem whose files go on growing on a full filesystem, from a Reserve. RocksDB then never sees the ENOSPC
// that would stop it: after one it refuses everything until it has written its memory out, for which there is no space either.
#ifndef HARDLINKFS_STORE_ENGINE_RESERVED_FILES_H_
#define HARDLINKFS_STORE_ENGINE_RESERVED_FILES_H_

#include <rocksdb/file_system.h>

#include <memory>

#include "store/engine/reserve.h"

namespace hardlinkfs {

// Borrows `reserve`. Compaction gets nothing of it, since it can wait.
std::shared_ptr<rocksdb::FileSystem> MakeReservedFiles(std::shared_ptr<rocksdb::FileSystem> base, Reserve& reserve);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_ENGINE_RESERVED_FILES_H_
