// How hardlinkfs sets RocksDB up. Included by rocksdb_engine.cc alone, so that no other file sees RocksDB's headers.
#ifndef HARDLINKFS_STORE_ENGINE_ROCKSDB_OPTIONS_H_
#define HARDLINKFS_STORE_ENGINE_ROCKSDB_OPTIONS_H_

#include <rocksdb/options.h>

#include "store/engine/rocksdb_engine.h"

namespace hardlinkfs {

rocksdb::Options MakeRocksdbOptions(const RocksdbOptions& options);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_ENGINE_ROCKSDB_OPTIONS_H_
