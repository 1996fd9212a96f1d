// FreezableFiles: a rocksdb::FileSystem to which nothing is written any more once it is frozen. RocksDB cannot be told not to write its
// memory out when that is about to begin; a failed write it heeds.
#ifndef HARDLINKFS_STORE_ENGINE_FREEZABLE_FILES_H_
#define HARDLINKFS_STORE_ENGINE_FREEZABLE_FILES_H_

#include <rocksdb/file_system.h>

#include <atomic>
#include <memory>

namespace hardlinkfs {

// Once `frozen` every append and every sync fails.
std::shared_ptr<rocksdb::FileSystem> MakeFreezableFiles(std::shared_ptr<rocksdb::FileSystem> base,
                                                        std::shared_ptr<const std::atomic<bool>> frozen,
                                                        std::shared_ptr<const std::atomic<bool>> flush_due);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_ENGINE_FREEZABLE_FILES_H_
