// LayeredEnv: a rocksdb::Env with files of its own and the threads and the clock of another.
#ifndef HARDLINKFS_STORE_ENGINE_LAYERED_ENV_H_
#define HARDLINKFS_STORE_ENGINE_LAYERED_ENV_H_

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <memory>

namespace hardlinkfs {

// Borrows `threads`.
std::unique_ptr<rocksdb::Env> MakeLayeredEnv(rocksdb::Env& threads, const std::shared_ptr<rocksdb::FileSystem>& files);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_ENGINE_LAYERED_ENV_H_
