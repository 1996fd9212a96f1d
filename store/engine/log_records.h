// The records of one of RocksDB's logs. Format: blocks of 32 KiB of fragments, each with a header of 7 bytes (masked CRC-32C of type and
// content, length, type), none over the end of a block (RocksDB: db/log_format.h; its wiki: "Write Ahead Log File Format").
//
// RocksDB's own reader cannot be asked where a record ends, and looks into each before any filter is.
#ifndef HARDLINKFS_STORE_ENGINE_LOG_RECORDS_H_
#define HARDLINKFS_STORE_ENGINE_LOG_RECORDS_H_

#include <rocksdb/file_system.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace hardlinkfs {

// Thread safety: one thread.
class LogRecords {
 public:
  explicit LogRecords(std::unique_ptr<rocksdb::FSSequentialFile> log) : log_(std::move(log)), block_(kBlockBytes) {}

  // Reads the next record into `record`. RETURNS: NotFound at the end of the log, and where a fragment is cut off, damaged, or none that
  // may follow the one before: there is then no record behind it either; IOError if the log cannot be read; Corruption if it
  // begins with a whole fragment of a kind that the engine's settings never make.
  rocksdb::IOStatus Next(std::string& record);
  // RETURNS: how many bytes of the log the records read so far take, with what is before them.
  uint64_t end() const { return end_; }

 private:
  static constexpr size_t kBlockBytes = 32768;
  struct Fragment {
    uint8_t type = 0;
    rocksdb::Slice content;  // until the next one is read
  };

  rocksdb::IOStatus NextFragment(Fragment& fragment);
  rocksdb::IOStatus NextBlock();

  const std::unique_ptr<rocksdb::FSSequentialFile> log_;
  std::vector<char> block_;
  rocksdb::Slice left_;       // of the block
  uint64_t block_end_ = 0;    // in the log, of what has been read
  bool is_last_block_ = false;
  uint64_t end_ = 0;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_ENGINE_LOG_RECORDS_H_
