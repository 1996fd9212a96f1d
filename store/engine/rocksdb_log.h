// RocksDB's own messages go to the server's log, for debugging: what they tell of is an error of some call as well. Not to files in the database: there a failed write of a message ends the process where
// RocksDB is built with assertions, as Debian's is (file/writable_file_writer.h), and each message costs a full disk its last block.
#ifndef HARDLINKFS_STORE_ENGINE_ROCKSDB_LOG_H_
#define HARDLINKFS_STORE_ENGINE_ROCKSDB_LOG_H_

#include <rocksdb/env.h>

#include <memory>

namespace hardlinkfs {

std::shared_ptr<rocksdb::Logger> MakeRocksdbLog();

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_ENGINE_ROCKSDB_LOG_H_
