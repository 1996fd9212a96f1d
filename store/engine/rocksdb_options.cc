// The choice of every RocksDB setting that is not the default, with its reason.
#include "store/engine/rocksdb_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "store/engine/rocksdb_log.h"

namespace hardlinkfs {
namespace {

constexpr size_t kMebibyte = size_t{1} << 20;
constexpr int kCacheShardBits = 2;

rocksdb::CompressionType FastestCompression() {
  const std::vector<rocksdb::CompressionType> supported = rocksdb::GetSupportedCompressions();
  const bool lz4 = std::find(supported.begin(), supported.end(), rocksdb::kLZ4Compression) != supported.end();
  return lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
}

rocksdb::BlockBasedTableOptions MakeTableOptions(const RocksdbOptions& options) {
  rocksdb::BlockBasedTableOptions table;
  // By default there would be up to 64 shards of 1 MiB each, and a block that is bigger than a shard is never kept.
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes, kCacheShardBits);
  // Whole keys: most reads ask for one key, and many for one that is not there (a lookup before a create).
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.whole_key_filtering = true;
  // In blocks as small as those of data, with an index of their own: in one piece the filter of a million keys is more than 1 MiB, to be
  // read and checked whole whenever it is not in the cache.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.metadata_block_size = 4096;
  table.pin_top_level_index_and_filter = true;
  // Otherwise indexes and filters of millions of rows lie outside the cache, and nothing bounds them.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.optimize_filters_for_memory = true;
  return table;
}

// RocksDB would poll for space in a thread of its own, every five seconds, and refuse a Resume() meanwhile with Busy. The engine resumes
// before the next commit, at once when there is space.
class Listener final : public rocksdb::EventListener {
 public:
  explicit Listener(std::shared_ptr<RocksdbEvents> events) : events_(std::move(events)) {}
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* automatic) override { *automatic = false; }
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    events_->stopped = true;
    // A full disk is told by whoever meets it.
    if (!status->IsNoSpace()) spdlog::warn("rocksdb: {}", status->ToString());
  }
  void OnMemTableSealed(const rocksdb::MemTableInfo&) override { events_->flush_due = true; }
  void OnFlushBegin(rocksdb::DB*, const rocksdb::FlushJobInfo&) override {
    events_->flush_due = false;
    MutexLock lock(events_->mutex);
    if (events_->before_flush && !events_->before_flush().ok()) events_->frozen = true;
  }

 private:
  const std::shared_ptr<RocksdbEvents> events_;
};

// What a commit promises: in the kernel's hands when it returns, in order, and never a half.
void SetDurability(rocksdb::Options& result, const std::shared_ptr<RocksdbEvents>& events) {
  result.manual_wal_flush = false;
  result.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  result.max_total_wal_size = 64 * kMebibyte;
  result.enable_pipelined_write = false;
  result.unordered_write = false;
  result.avoid_flush_during_shutdown = false;
  result.paranoid_checks = true;
  result.max_bgerror_resume_count = 0;
  result.listeners.push_back(std::make_shared<Listener>(events));
}

void SetFiles(rocksdb::Options& result) {
  result.allow_fallocate = false;  // exFAT has none, and emulating it writes zeros
  result.allow_mmap_reads = false;
  result.allow_mmap_writes = false;
  result.max_open_files = 64;
  result.max_manifest_file_size = 4 * kMebibyte;
  result.info_log = MakeRocksdbLog();
  // An idle volume must not wake the disk.
  result.stats_dump_period_sec = 0;
  result.stats_persist_period_sec = 0;
}

void SetMemory(rocksdb::Options& result, const RocksdbOptions& options) {
  result.write_buffer_size = options.write_buffer_bytes;
  result.max_write_buffer_number = 2;
  result.max_background_jobs = 2;
  result.max_file_opening_threads = 1;
  // An absent key is told from the memtable without a walk through its skip list.
  result.memtable_prefix_bloom_size_ratio = 0.02;
  result.memtable_whole_key_filtering = true;
  result.level_compaction_dynamic_level_bytes = true;  // keeps dead rows near a tenth
  result.compression = FastestCompression();
}

}  // namespace

rocksdb::Options MakeRocksdbOptions(const RocksdbOptions& options, const std::shared_ptr<RocksdbEvents>& events) {
  rocksdb::Options result;
  if (options.env != nullptr) result.env = options.env;
  result.create_if_missing = options.mode == RocksdbMode::kCreateIfMissing;
  SetDurability(result, events);
  SetFiles(result);
  SetMemory(result, options);
  result.table_factory.reset(rocksdb::NewBlockBasedTableFactory(MakeTableOptions(options)));
  return result;
}

}  // namespace hardlinkfs
