// How hardlinkfs sets RocksDB up. Included by rocksdb_engine.cc alone, so that no other file sees RocksDB's headers.
#ifndef HARDLINKFS_STORE_ENGINE_ROCKSDB_OPTIONS_H_
#define HARDLINKFS_STORE_ENGINE_ROCKSDB_OPTIONS_H_

#include <rocksdb/options.h>

#include <atomic>
#include <functional>
#include <memory>

#include "store/base/mutex.h"
#include "store/engine/rocksdb_engine.h"

namespace hardlinkfs {

// What RocksDB's own threads tell the engine, and ask of it.
struct RocksdbEvents {
  std::atomic<bool> stopped = false;  // after an error
  std::atomic<bool> frozen = false;   // before_flush has failed: nothing that was committed may reach the disk any more
  // Rows are to be written out, and that has not begun. RocksDB 7.8 must not hear of a full disk meanwhile: DBImpl::BackgroundFlush takes
  // the flush off its count then and leaves it in its queue, and a later Resume() waits for it for ever.
  std::atomic<bool> flush_due = false;
  Mutex mutex;  // held over the call
  std::function<Status()> before_flush GUARDED_BY(mutex);
};

rocksdb::Options MakeRocksdbOptions(const RocksdbOptions& options, const std::shared_ptr<RocksdbEvents>& events);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_ENGINE_ROCKSDB_OPTIONS_H_
