#include "store/engine/synced_prefix.h"

#include <rocksdb/db.h>

#include <bit>
#include <cstring>
#include <memory>
#include <utility>

namespace hardlinkfs {
namespace {

constexpr std::string_view kMark = "hardlinkfs: synced up to here";

rocksdb::Slice MarkBytes() { return {kMark.data(), kMark.size()}; }

class MarkFinder final : public rocksdb::WriteBatch::Handler {
 public:
  rocksdb::Status PutCF(uint32_t, const rocksdb::Slice&, const rocksdb::Slice&) override { return {}; }
  rocksdb::Status DeleteCF(uint32_t, const rocksdb::Slice&) override { return {}; }
  void LogData(const rocksdb::Slice& data) override { found_ = found_ || data == MarkBytes(); }
  bool found() const { return found_; }

 private:
  bool found_ = false;
};

// The number that the batch's first row has, and how many it has: RocksDB's own header of a record, little-endian.
struct Numbers {
  uint64_t first = 0;
  uint32_t count = 0;
};

template <typename Number>
Number ReadLittleEndian(const char* from) {
  Number value = 0;
  for (size_t i = sizeof value; i-- > 0;) value = static_cast<Number>((value << 8) | static_cast<uint8_t>(from[i]));
  return value;
}

Numbers NumbersOf(const rocksdb::WriteBatch& batch) {
  constexpr size_t kHeaderBytes = 12;
  const std::string& bytes = batch.Data();
  if (bytes.size() < kHeaderBytes) return {};
  return {ReadLittleEndian<uint64_t>(bytes.data()), ReadLittleEndian<uint32_t>(bytes.data() + sizeof(uint64_t))};
}

class LastMark final : public rocksdb::WalFilter {
 public:
  // `next` is the number that the first row has.
  explicit LastMark(uint64_t next) : next_(next) {}
  const char* Name() const override { return "hardlinkfs.LastMark"; }
  WalProcessingOption LogRecordFound(unsigned long long, const std::string&, const rocksdb::WriteBatch& batch, rocksdb::WriteBatch*,
                                     bool*) override {
    const Numbers numbers = NumbersOf(batch);
    // A record is missing; or blocks that were never written still hold those of an older log.
    if (numbers.count > 0 && numbers.first != next_) return WalProcessingOption::kStopReplay;
    // A beginning of this log and an end of an older one: each part has its own checksum, and the whole has none.
    MarkFinder finder;
    if (!batch.Iterate(&finder).ok()) return WalProcessingOption::kStopReplay;
    const bool is_next = numbers.first == next_;
    next_ += numbers.count;
    ++records_;
    if (finder.found() && is_next) synced_ = records_;
    return WalProcessingOption::kContinueProcessing;
  }
  uint64_t synced() const { return synced_; }

 private:
  uint64_t next_;
  uint64_t records_ = 0;
  uint64_t synced_ = 0;
};

}  // namespace

rocksdb::WriteBatch SyncMark() {
  rocksdb::WriteBatch batch;
  batch.PutLogData(MarkBytes()).PermitUncheckedError();
  return batch;
}

rocksdb::WalFilter::WalProcessingOption FirstRecords::LogRecordFound(unsigned long long, const std::string&, const rocksdb::WriteBatch&,
                                                                     rocksdb::WriteBatch*, bool*) {
  if (left_ == 0) return WalProcessingOption::kStopReplay;
  --left_;
  return WalProcessingOption::kContinueProcessing;
}

rocksdb::Status CountSyncedRecords(const rocksdb::Options& options, const std::string& path, uint64_t& records) {
  // Once without the logs, for the last number in the tables: the logs go on from there, or are none of this database.
  FirstRecords none(0);
  rocksdb::Options reading = options;
  reading.wal_filter = &none;
  rocksdb::DB* db = nullptr;
  if (rocksdb::Status opened = rocksdb::DB::OpenForReadOnly(reading, path, &db); !opened.ok()) return opened;
  const uint64_t last = db->GetLatestSequenceNumber();
  delete std::exchange(db, nullptr);

  LastMark filter(last + 1);
  reading.wal_filter = &filter;
  rocksdb::Status opened = rocksdb::DB::OpenForReadOnly(reading, path, &db);
  const std::unique_ptr<rocksdb::DB> closed(db);
  records = filter.synced();
  return opened;
}

}  // namespace hardlinkfs
