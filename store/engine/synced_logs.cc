#include "store/engine/synced_logs.h"

#include <rocksdb/db.h>

#include <algorithm>
#include <string_view>

#include "store/engine/beginning.h"
#include "store/engine/little_endian.h"
#include "store/engine/log_records.h"

namespace hardlinkfs {
namespace {

using rocksdb::IOStatus;

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

// Tells how far the records that it is given, one after another, go on from each other.
class Sequence {
 public:
  // `next` is the number that the first row has.
  explicit Sequence(uint64_t next) : next_(next) {}

  // RETURNS: whether the record goes on from the last one; `has_mark` whether a sync had come to it.
  bool GoesOn(const std::string& record, bool& has_mark) {
    constexpr size_t kHeaderBytes = 12;  // the number that the first row has, and how many there are
    if (record.size() < kHeaderBytes) return false;
    std::string_view left = record;
    const auto first = TakeLittle<uint64_t>(left);
    const auto count = TakeLittle<uint32_t>(left);
    // A record is missing; or blocks that were never written still hold those of an older log.
    if (count > 0 && first != next_) return false;
    // A beginning of this log and an end of an older one: each part has its own checksum, and the whole has none.
    MarkFinder finder;
    if (!rocksdb::WriteBatch(record).Iterate(&finder).ok()) return false;
    has_mark = finder.found() && first == next_;
    next_ += count;
    return true;
  }

 private:
  uint64_t next_;
};

bool IsLog(std::string_view path) { return path.ends_with(".log"); }

// RETURNS: the last number in the tables.
rocksdb::Status ReadLastNumber(rocksdb::Options options, const std::string& path, uint64_t& number) {
  rocksdb::DB* db = nullptr;
  rocksdb::Status opened = rocksdb::DB::OpenForReadOnly(options, path, &db);
  const std::unique_ptr<rocksdb::DB> closed(db);
  if (opened.ok()) number = db->GetLatestSequenceNumber();
  return opened;
}

}  // namespace

rocksdb::WriteBatch SyncMark() {
  rocksdb::WriteBatch batch;
  batch.PutLogData(MarkBytes()).PermitUncheckedError();
  return batch;
}

rocksdb::Status SyncedLogs::Find(const rocksdb::Options& options, const std::string& path) {
  // RocksDB opens the logs that the tables do not have yet, in their order, and finds them empty.
  uint64_t last = 0;
  if (rocksdb::Status opened = ReadLastNumber(options, path, last); !opened.ok()) return opened;
  const MutexLock lock(mutex_);
  is_found_ = true;
  Sequence sequence(last + 1);
  std::map<std::string, uint64_t> passed;  // up to the last record
  for (const std::string& log : asked_for_) {
    std::unique_ptr<rocksdb::FSSequentialFile> file;
    if (IOStatus opened = FileSystemWrapper::NewSequentialFile(log, rocksdb::FileOptions(), &file, nullptr); !opened.ok()) return opened;
    LogRecords records(std::move(file));
    std::string record;
    for (;;) {
      IOStatus read = records.Next(record);
      if (read.IsNotFound()) break;
      if (!read.ok()) return read;
      bool has_mark = false;
      if (!sequence.GoesOn(record, has_mark)) return rocksdb::Status::OK();
      passed[log] = records.end();
      if (has_mark) ends_ = passed;
    }
  }
  return rocksdb::Status::OK();
}

IOStatus SyncedLogs::NewSequentialFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSSequentialFile>* result, rocksdb::IODebugContext* context) {
  IOStatus opened = FileSystemWrapper::NewSequentialFile(path, options, result, context);
  if (!opened.ok() || !IsLog(path)) return opened;
  const MutexLock lock(mutex_);
  if (!is_found_) asked_for_.push_back(path);
  if (std::find(asked_for_.begin(), asked_for_.end(), path) == asked_for_.end()) return opened;  // made since
  const auto end = ends_.find(path);
  *result = std::make_unique<Beginning>(std::move(*result), end == ends_.end() ? 0 : end->second);
  return opened;
}

}  // namespace hardlinkfs
