// What the settings are for, where it can be counted.
#include "store/engine/rocksdb_options.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include "tests/unit/engine/counting_disk.h"

namespace hardlinkfs {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kRows = 1'000'000;
constexpr uint64_t kLookups = 2'000;

class RocksdbOptionsTest : public testing::Test {
 protected:
  RocksdbOptionsTest() {
    std::string pattern = (fs::temp_directory_path() / "rocksdb_options.XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  ~RocksdbOptionsTest() override {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }

  RocksdbOptions Options() {
    RocksdbOptions options;
    options.write_buffer_bytes = size_t{256} << 20;  // so that all rows get into one table
    options.env = disk_.env();
    return options;
  }
  std::string path() const { return root_ / "catalog"; }

  // Even numbers are there, odd ones are not. As long as a name's key.
  static std::string Key(uint64_t number) {
    const std::string digits = std::to_string(number);
    return "N" + std::string(16 - digits.size(), '0') + digits;
  }
  // Below the topmost level, as the filters of that are always kept.
  void FillOneTable() {
    rocksdb::DB* opened = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(MakeRocksdbOptions(Options(), std::make_shared<RocksdbEvents>()), path(), &opened).ok());
    const std::unique_ptr<rocksdb::DB> db(opened);
    rocksdb::WriteOptions without_log;
    without_log.disableWAL = true;
    for (uint64_t row = 0; row < kRows;) {
      rocksdb::WriteBatch batch;
      for (const uint64_t end = row + 10'000; row < end; ++row) ASSERT_TRUE(batch.Put(Key(2 * row), "v").ok());
      ASSERT_TRUE(db->Write(without_log, &batch).ok());
    }
    ASSERT_TRUE(db->CompactRange(rocksdb::CompactRangeOptions(), nullptr, nullptr).ok());
  }
  uint64_t bytes_read() const { return disk_.bytes_read(); }

 private:
  fs::path root_;
  CountingDisk disk_;
};

// The filter of a million rows is 1.2 MB. In one piece, and too big for a shard of the cache, it was read anew for each lookup.
TEST_F(RocksdbOptionsTest, LookupOfAnAbsentKeyInABigTableReadsLittle) {
  FillOneTable();
  const Result<std::unique_ptr<Engine>> opened = OpenRocksdbEngine(path(), Options());
  ASSERT_TRUE(opened.ok());
  const Engine& engine = **opened;
  const uint64_t before = bytes_read();
  for (uint64_t i = 0; i < kLookups; ++i) {
    const auto value = engine.Get(Key(2 * (i * 7919 % kRows) + 1));
    ASSERT_TRUE(value.ok());
    ASSERT_FALSE(value->has_value());
  }
  EXPECT_LT((bytes_read() - before) / kLookups, 4096U) << "bytes a lookup";
}

}  // namespace
}  // namespace hardlinkfs
