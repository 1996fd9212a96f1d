// What RocksdbEngine adds to the contract: ways to open, and errors of the disk.
#include "store/engine/rocksdb_engine.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>

#include "tests/unit/engine/failing_disk.h"

namespace hardlinkfs {
namespace {

namespace fs = std::filesystem;

class RocksdbEngineTest : public testing::Test {
 protected:
  RocksdbEngineTest() {
    std::string pattern = (fs::temp_directory_path() / "rocksdb_engine.XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  ~RocksdbEngineTest() override {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }

  std::string path() const { return root_ / "catalog"; }
  Result<std::unique_ptr<Engine>> TryOpen(RocksdbMode mode) {
    RocksdbOptions options;
    options.mode = mode;
    options.env = disk_.env();
    return OpenRocksdbEngine(path(), options);
  }
  std::unique_ptr<Engine> Open(RocksdbMode mode = RocksdbMode::kCreateIfMissing) {
    Result<std::unique_ptr<Engine>> engine = TryOpen(mode);
    if (engine.ok()) return *std::move(engine);
    ADD_FAILURE() << engine.error().what << ": " << engine.code();
    return nullptr;
  }
  static Status Put(Engine& engine, const std::string& key, const std::string& value = "v") {
    Batch batch;
    batch.Put(key, value);
    return engine.Commit(batch);
  }
  static bool Has(const Engine& engine, const std::string& key) {
    const auto value = engine.Get(key);
    EXPECT_TRUE(value.ok());
    return value.ok() && value->has_value();
  }
  Faults& faults() { return disk_.faults(); }

 private:
  fs::path root_;
  FailingDisk disk_;
};

TEST_F(RocksdbEngineTest, ThatMustExistAndDoesNotIsENOENTAndLeavesNothing) {
  EXPECT_EQ(TryOpen(RocksdbMode::kMustExist).code(), ENOENT);
  EXPECT_EQ(TryOpen(RocksdbMode::kReadOnly).code(), ENOENT);
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(RocksdbEngineTest, OpensWhatExists) {
  ASSERT_TRUE(Put(*Open(), "a").ok());
  EXPECT_TRUE(Has(*Open(RocksdbMode::kMustExist), "a"));
}

TEST_F(RocksdbEngineTest, OpenTwiceIsEBUSY) {
  const auto engine = Open();
  EXPECT_EQ(TryOpen(RocksdbMode::kCreateIfMissing).code(), EBUSY);
}

TEST_F(RocksdbEngineTest, ReadOnlyReadsUnsyncedCommitsAndWritesNothing) {
  ASSERT_TRUE(Put(*Open(), "a").ok());
  const auto names = [this] {
    std::string all;
    for (const auto& entry : fs::directory_iterator(path())) all += entry.path().filename().string() + " ";
    return all;
  };
  const std::string before = names();
  const auto engine = Open(RocksdbMode::kReadOnly);
  EXPECT_TRUE(Has(*engine, "a"));
  EXPECT_EQ(Put(*engine, "b").code(), EROFS);
  EXPECT_EQ(engine->Sync().code(), EROFS);
  EXPECT_EQ(names(), before);
}

TEST_F(RocksdbEngineTest, DamagedTableIsEUCLEAN) {
  for (int round = 0; round < 2; ++round) ASSERT_TRUE(Put(*Open(), "a" + std::to_string(round), std::string(1000, 'x')).ok());
  Open();  // replays the log into a table
  for (const auto& entry : fs::directory_iterator(path())) {
    if (entry.path().extension() != ".sst") continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(10);
    file.put('\x5a');
  }
  const auto engine = Open();
  EXPECT_EQ(engine->Get("a0").code(), EUCLEAN);
}

TEST_F(RocksdbEngineTest, FullDiskFailsCommitsUntilThereIsSpace) {
  auto engine = Open();
  ASSERT_TRUE(Put(*engine, "before").ok());
  faults().full = true;
  EXPECT_EQ(Put(*engine, "refused").code(), ENOSPC);
  EXPECT_EQ(Put(*engine, "refused").code(), ENOSPC);
  EXPECT_FALSE(Has(*engine, "refused"));
  EXPECT_TRUE(Has(*engine, "before"));
  faults().full = false;
  EXPECT_TRUE(Put(*engine, "after").ok());
  EXPECT_TRUE(engine->Sync().ok());
  engine.reset();
  engine = Open();
  EXPECT_TRUE(Has(*engine, "before"));
  EXPECT_FALSE(Has(*engine, "refused"));
  EXPECT_TRUE(Has(*engine, "after"));
}

TEST_F(RocksdbEngineTest, SyncOnAFullDiskMayBeRepeated) {
  const auto engine = Open();
  ASSERT_TRUE(Put(*engine, "before").ok());
  faults().full = true;
  EXPECT_EQ(Put(*engine, "refused").code(), ENOSPC);
  EXPECT_EQ(engine->Sync().code(), ENOSPC);
  faults().full = false;
  EXPECT_TRUE(engine->Sync().ok());
  EXPECT_TRUE(Put(*engine, "after").ok());
}

TEST_F(RocksdbEngineTest, FailedSyncMakesItReadOnlyUntilOpenedAnew) {
  auto engine = Open();
  ASSERT_TRUE(Put(*engine, "a").ok());
  faults().sync_fails = true;
  EXPECT_EQ(engine->Sync().code(), EIO);
  faults().sync_fails = false;
  EXPECT_EQ(engine->Sync().code(), EROFS);
  EXPECT_EQ(Put(*engine, "b").code(), EROFS);
  EXPECT_TRUE(Has(*engine, "a")) << "reads go on";
  engine.reset();
  engine = Open();
  EXPECT_TRUE(Put(*engine, "b").ok());
}

}  // namespace
}  // namespace hardlinkfs
