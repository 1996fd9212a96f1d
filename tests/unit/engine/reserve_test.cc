// What the engine can still do on a filesystem that is really full: a small tmpfs.
#include "store/engine/reserve.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "gtest/gtest.h"
#include "store/engine/rocksdb_engine.h"

namespace hardlinkfs {
namespace {

class ReserveTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "reserve-XXXXXX";
    ASSERT_NE(mkdtemp(path_.data()), nullptr);
    mounted_ = mount("small", path_.c_str(), "tmpfs", 0, "size=24m") == 0;
    if (!mounted_) GTEST_SKIP() << "may not mount a tmpfs";
    directory_ = UniqueFd(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  void TearDown() override {
    directory_ = UniqueFd();
    if (mounted_) umount2(path_.c_str(), MNT_DETACH);
    std::filesystem::remove(path_);
  }

  std::unique_ptr<Reserve> OpenReserve() { return *Reserve::Open(directory_.get()); }
  // RETURNS: how many bytes went into the file `filler` before there was no space.
  uint64_t Fill() const {
    const UniqueFd filler(openat(directory_.get(), "filler", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    const std::string page(4096, 'f');
    uint64_t written = 0;
    while (write(filler.get(), page.data(), page.size()) > 0) written += page.size();
    return written;
  }
  void RemoveFiller() const { ASSERT_EQ(unlinkat(directory_.get(), "filler", 0), 0); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool mounted_ = false;
  UniqueFd directory_;
};

TEST_F(ReserveTest, IsWholeOnlyAfterRestore) {
  const auto reserve = OpenReserve();
  EXPECT_FALSE(reserve->IsWhole());
  EXPECT_TRUE(reserve->Restore());
  EXPECT_TRUE(reserve->IsWhole());
  EXPECT_EQ(std::filesystem::file_size(path() + "/reserve"), reserve->goal());
}

TEST_F(ReserveTest, WhatIsGivenUpCanBeWrittenByOthersAndComesBackOnceThereIsSpace) {
  const auto reserve = OpenReserve();
  ASSERT_TRUE(reserve->Restore());
  EXPECT_GT(Fill(), 0U);
  EXPECT_EQ(Fill(), 0U);
  ASSERT_TRUE(reserve->GiveUp());
  EXPECT_FALSE(reserve->IsWhole());
  EXPECT_GT(Fill(), 0U);
  EXPECT_FALSE(reserve->Restore());
  RemoveFiller();
  EXPECT_TRUE(reserve->Restore());
}

TEST_F(ReserveTest, IsGivenUpInPartsToItsEnd) {
  const auto reserve = OpenReserve();
  ASSERT_TRUE(reserve->Restore());
  int parts = 0;
  while (reserve->GiveUp()) ++parts;
  EXPECT_EQ(parts, 16);
  EXPECT_EQ(std::filesystem::file_size(path() + "/reserve"), 0U);
}

TEST_F(ReserveTest, CarriesTheEngineOverAFullFilesystemAndThenTellsEnospc) {
  const auto reserve = OpenReserve();
  ASSERT_TRUE(reserve->Restore());
  auto engine = OpenRocksdbEngine(path() + "/db", {.write_buffer_bytes = 1U << 20U, .reserve = reserve.get()});
  ASSERT_TRUE(engine.ok());
  Fill();
  int committed = 0;
  Status status;
  for (; status.ok() && committed < 100'000; ++committed) {
    Batch batch;
    batch.Put("key " + std::to_string(committed), std::to_string(committed) + std::string(200, 'v'));
    status = (*engine)->Commit(batch);
  }
  EXPECT_EQ(status.code(), ENOSPC);
  EXPECT_GT(committed, 1000);
  const int kept = committed - 1;
  RemoveFiller();
  Batch after;
  after.Put("after", "space came back");
  EXPECT_TRUE((*engine)->Commit(after).ok());
  EXPECT_TRUE((*engine)->Sync().ok());

  engine = Result<std::unique_ptr<Engine>>(std::unique_ptr<Engine>());  // closed
  engine = OpenRocksdbEngine(path() + "/db", {.mode = RocksdbMode::kMustExist, .reserve = reserve.get()});
  ASSERT_TRUE(engine.ok());
  EXPECT_EQ((**(*engine)->Get("after")), "space came back");
  for (int i = 0; i < kept; ++i) ASSERT_TRUE((*engine)->Get("key " + std::to_string(i))->has_value()) << i;
  EXPECT_FALSE((*engine)->Get("key " + std::to_string(kept))->has_value()) << "a refused commit is there";
}

}  // namespace
}  // namespace hardlinkfs
