// What of RocksDB's logs may be believed after a power cut: the commits before the last completed Sync, and no more.
//
// A sync puts a mark behind the last commit and then calls fsync. A disk writes what was not synced in any order it likes: a later commit
// may be there and what it relies on (a content that took over a name) may not. So what lies behind the last mark is dropped, also where it
// looks whole; and where a record is missing, all that follows, in later logs too (RocksDB itself would go on with those). Each record has to
// go on with the number after the last one, the first with that after the last in the tables: a new log whose blocks were never written may
// show the records of an old one.
#ifndef HARDLINKFS_STORE_ENGINE_SYNCED_PREFIX_H_
#define HARDLINKFS_STORE_ENGINE_SYNCED_PREFIX_H_

#include <rocksdb/options.h>
#include <rocksdb/wal_filter.h>
#include <rocksdb/write_batch.h>

#include <cstdint>
#include <string>

namespace hardlinkfs {

// RETURNS: the batch that marks a sync. It changes nothing.
rocksdb::WriteBatch SyncMark();

// Passes the first `records` records of the logs and drops the rest.
class FirstRecords final : public rocksdb::WalFilter {
 public:
  explicit FirstRecords(uint64_t records) : left_(records) {}
  const char* Name() const override { return "hardlinkfs.FirstRecords"; }
  WalProcessingOption LogRecordFound(unsigned long long log, const std::string& name, const rocksdb::WriteBatch& batch,
                                     rocksdb::WriteBatch* replacement, bool* changed) override;

 private:
  uint64_t left_;
};

// Reads the logs of the database without changing it. RETURNS: how many records there are up to the last mark.
rocksdb::Status CountSyncedRecords(const rocksdb::Options& options, const std::string& path, uint64_t& records);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_ENGINE_SYNCED_PREFIX_H_
