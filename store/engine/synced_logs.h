// What of RocksDB's logs may be believed after a power cut: the commits before the last completed Sync, and no more.
//
// A sync puts a mark behind the last commit and then calls fsync. A disk writes what was not synced in any order it likes: a later commit
// may be there and what it relies on (a content that took over a name) may not. So what lies behind the last mark is dropped, also where it
// looks whole; and where a record is missing, all that follows, in later logs too (RocksDB itself would go on with those). Each record has to
// go on with the number after the last one, the first with that after the last in the tables: a new log whose blocks were never written may
// show the records of an old one.
//
// RocksDB is shown no byte behind the mark: it fails to open over a record that has the beginning of a new one and the end of an old one,
// before a WalFilter could say that it is not to be read.
#ifndef HARDLINKFS_STORE_ENGINE_SYNCED_LOGS_H_
#define HARDLINKFS_STORE_ENGINE_SYNCED_LOGS_H_

#include <rocksdb/file_system.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/base/mutex.h"

namespace hardlinkfs {

// RETURNS: the batch that marks a sync. It changes nothing.
rocksdb::WriteBatch SyncMark();

// A database's files, whose logs of before end where the last completed Sync did; until Find, at their beginning. What is made later is as it is.
class SyncedLogs final : public rocksdb::FileSystemWrapper {
 public:
  explicit SyncedLogs(std::shared_ptr<rocksdb::FileSystem> base) : FileSystemWrapper(std::move(base)) {}
  const char* Name() const override { return "hardlinkfs.SyncedLogs"; }

  // Reads the logs of the database at `path` without changing it. REQUIRES: options.env has these files. RETURNS: why the database or a log
  // cannot be read.
  rocksdb::Status Find(const rocksdb::Options& options, const std::string& path);

  rocksdb::IOStatus NewSequentialFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* result, rocksdb::IODebugContext* context) override;

 private:
  Mutex mutex_;  // a leaf
  bool is_found_ GUARDED_BY(mutex_) = false;
  std::vector<std::string> asked_for_ GUARDED_BY(mutex_);    // logs, in their order, until then
  std::map<std::string, uint64_t> ends_ GUARDED_BY(mutex_);  // in bytes; of the others nothing is shown
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_ENGINE_SYNCED_LOGS_H_
