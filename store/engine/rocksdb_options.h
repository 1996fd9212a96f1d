// How hardlinkfs sets RocksDB up. Included by rocksdb_engine.cc alone, so that no other file sees RocksDB's headers.
#ifndef HARDLINKFS_STORE_ENGINE_ROCKSDB_OPTIONS_H_
#define HARDLINKFS_STORE_ENGINE_ROCKSDB_OPTIONS_H_

#include <rocksdb/options.h>

#include <atomic>
#include <memory>

#include "store/engine/rocksdb_engine.h"

namespace hardlinkfs {

// `stopped` is set when RocksDB has stopped after an error, also one of its own threads.
rocksdb::Options MakeRocksdbOptions(const RocksdbOptions& options, std::shared_ptr<std::atomic<bool>> stopped);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_ENGINE_ROCKSDB_OPTIONS_H_
