// LenientDirectories: a rocksdb::FileSystem on the real one that lives with a backing which does not know fsync of directories.
#ifndef HARDLINKFS_STORE_ENGINE_LENIENT_DIRECTORIES_H_
#define HARDLINKFS_STORE_ENGINE_LENIENT_DIRECTORIES_H_

#include <rocksdb/file_system.h>

#include <memory>

namespace hardlinkfs {

// Some network filesystems refuse fsync of a directory (EINVAL), and RocksDB would refuse to open there. Other errors stay errors.
std::shared_ptr<rocksdb::FileSystem> MakeLenientDirectories();

// The same for one directory. RETURNS: false on an error, and errno then says which.
bool SyncLenientDirectory(int directory);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_ENGINE_LENIENT_DIRECTORIES_H_
