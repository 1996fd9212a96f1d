// What RocksdbEngine adds to the contract: ways to open, and errors of the disk.
#include "store/engine/rocksdb_engine.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <system_error>

#include "store/base/unique_fd.h"
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
  Result<std::unique_ptr<Engine>> TryOpen(RocksdbMode mode, Unsynced unsynced = Unsynced::kKeep) {
    RocksdbOptions options;
    options.mode = mode;
    options.unsynced = unsynced;
    options.write_buffer_bytes = 1U << 20U;
    options.env = disk_.env();
    return OpenRocksdbEngine(path(), options);
  }
  std::unique_ptr<Engine> Open(RocksdbMode mode = RocksdbMode::kCreateIfMissing, Unsynced unsynced = Unsynced::kKeep) {
    Result<std::unique_ptr<Engine>> engine = TryOpen(mode, unsynced);
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

TEST_F(RocksdbEngineTest, ReadOnlyWritesNotAByteAndKnowsWhatAPowerCutTook) {
  {
    const std::unique_ptr<Engine> engine = Open();
    ASSERT_TRUE(Put(*engine, "synced").ok() && engine->Sync().ok() && Put(*engine, "unsynced").ok());
    fs::copy(path(), path() + ".copy", fs::copy_options::recursive);  // as a crash leaves it
  }
  fs::remove_all(path());
  fs::rename(path() + ".copy", path());
  const auto bytes = [this] {
    std::string all;
    for (const auto& entry : fs::recursive_directory_iterator(path())) {
      std::ifstream file(entry.path(), std::ios::binary);
      all += entry.path().string() + std::string(std::istreambuf_iterator<char>(file), {});
    }
    return all;
  };
  const std::string before = bytes();
  for (const Unsynced unsynced : {Unsynced::kKeep, Unsynced::kDrop}) {
    const std::unique_ptr<Engine> engine = Open(RocksdbMode::kReadOnly, unsynced);
    EXPECT_TRUE(Has(*engine, "synced"));
    EXPECT_EQ(Has(*engine, "unsynced"), unsynced == Unsynced::kKeep);
    EXPECT_EQ(Put(*engine, "b").code(), EROFS);
    EXPECT_EQ(engine->Sync().code(), EROFS);
  }
  EXPECT_EQ(bytes(), before);
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

TEST_F(RocksdbEngineTest, AFailedWriteIsEioAndNotTheEndOfTheProcess) {
  auto engine = Open();
  ASSERT_TRUE(Put(*engine, "before").ok());
  faults().broken = true;
  EXPECT_EQ(Put(*engine, "refused").code(), EIO);
  EXPECT_EQ(Put(*engine, "refused").code(), EIO);
  EXPECT_EQ(engine->Sync().code(), EIO);
  EXPECT_FALSE(Has(*engine, "refused"));
  EXPECT_TRUE(Has(*engine, "before"));
  engine.reset();
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

TEST_F(RocksdbEngineTest, AfterAPowerCutCommitsSinceTheLastSyncAreGone) {
  auto engine = Open();
  ASSERT_TRUE(Put(*engine, "a").ok());
  ASSERT_TRUE(Put(*engine, "b").ok());
  ASSERT_TRUE(engine->Sync().ok());
  ASSERT_TRUE(Put(*engine, "c").ok());
  engine.reset();
  engine = Open(RocksdbMode::kMustExist, Unsynced::kDrop);
  EXPECT_TRUE(Has(*engine, "a"));
  EXPECT_TRUE(Has(*engine, "b"));
  EXPECT_FALSE(Has(*engine, "c"));
  ASSERT_TRUE(Put(*engine, "d").ok());
  engine.reset();
  engine = Open(RocksdbMode::kMustExist);
  EXPECT_FALSE(Has(*engine, "c")) << "what was dropped came back";
  EXPECT_TRUE(Has(*engine, "d"));
}

TEST_F(RocksdbEngineTest, AfterAPowerCutWithoutAnySyncNothingIsLeft) {
  auto engine = Open();
  ASSERT_TRUE(Put(*engine, "a").ok());
  engine.reset();
  engine = Open(RocksdbMode::kMustExist, Unsynced::kDrop);
  EXPECT_FALSE(Has(*engine, "a"));
}

TEST_F(RocksdbEngineTest, WhatBecomesDurableByItselfIsAnnouncedBefore) {
  auto engine = Open();
  int announced = 0;
  engine->SetBeforePersist([&]() -> Status {
    ++announced;
    return {};
  });
  for (int i = 0; i < 3000; ++i) ASSERT_TRUE(Put(*engine, "key " + std::to_string(i), std::string(1000, 'v')).ok());
  engine->SetBeforePersist({});
  EXPECT_GT(announced, 0);
  engine.reset();
  engine = Open(RocksdbMode::kMustExist, Unsynced::kDrop);
  EXPECT_TRUE(Has(*engine, "key 0"));
  EXPECT_FALSE(Has(*engine, "key 2999"));
}

TEST_F(RocksdbEngineTest, NothingBecomesDurableWhenWhatItReliesOnDoesNot) {
  const UniqueFd directory(open(fs::path(path()).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto reserve = Reserve::Open(directory.get());
  ASSERT_TRUE(reserve.ok());
  RocksdbOptions options{.write_buffer_bytes = 1 << 20, .reserve = reserve->get()};
  auto engine = *OpenRocksdbEngine(path(), options);
  engine->SetBeforePersist([] { return Status(Error{EIO, "told to fail"}); });
  Status put;
  for (int i = 0; i < 20000 && put.ok(); ++i) put = Put(*engine, "key " + std::to_string(i), std::string(1000, 'v'));
  EXPECT_FALSE(put.ok());
  EXPECT_FALSE(engine->Sync().ok());
  engine->SetBeforePersist({});
  engine.reset();
  // A copy, since an engine whose write failed keeps the lock until its process ends.
  const std::string copy = path() + ".copy";
  fs::copy(path(), copy, fs::copy_options::recursive);
  options.unsynced = Unsynced::kDrop;
  engine = *OpenRocksdbEngine(copy, options);
  EXPECT_FALSE(Has(*engine, "key 0"));
}

// A record is missing in the middle of a log, and what follows has a mark.
TEST_F(RocksdbEngineTest, AfterAPowerCutNothingBehindAGapIsBelieved) {
  auto engine = Open();
  ASSERT_TRUE(Put(*engine, "synced").ok());
  ASSERT_TRUE(engine->Sync().ok());
  engine.reset();
  engine = Open();
  ASSERT_TRUE(Put(*engine, "lost", std::string(100, 'l')).ok());
  const auto log = [this] {
    fs::path newest;
    for (const auto& entry : fs::directory_iterator(path())) {
      if (entry.path().extension() == ".log" && entry.path() > newest) newest = entry.path();
    }
    return newest;
  }();
  const auto length = fs::file_size(log);
  ASSERT_TRUE(Put(*engine, "behind").ok());
  ASSERT_TRUE(engine->Sync().ok());
  engine.reset();
  std::fstream file(log, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(length) - 50);
  file.write(std::string(20, '\0').data(), 20);
  file.close();
  engine.reset();
  engine = Open(RocksdbMode::kMustExist, Unsynced::kDrop);
  EXPECT_TRUE(Has(*engine, "synced"));
  EXPECT_FALSE(Has(*engine, "lost"));
  EXPECT_FALSE(Has(*engine, "behind"));
}

}  // namespace
}  // namespace hardlinkfs
