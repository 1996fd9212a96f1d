// DiskEngine: that its disk loses what a disk may lose, and no more.
#include "tests/fakes/disk_engine.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/fake_disk_store.h"

namespace hardlinkfs {
namespace {

uint64_t None(uint64_t /*n*/) { return 0; }
uint64_t All(uint64_t n) { return n - 1; }

class DiskEngineTest : public testing::Test {
 protected:
  void Put(const std::string& key) {
    Batch batch;
    batch.Put(key, "v");
    ASSERT_TRUE(engine_.Commit(batch).ok());
  }
  bool Has(const std::string& key) { return engine_.Get(key)->has_value(); }

  DiskEngine engine_{DiskManner::kFat};
};

TEST_F(DiskEngineTest, KeepsEverythingWhenTheProcessDies) {
  ASSERT_TRUE(engine_.Open().ok());
  Put("a");
  engine_.Kill();
  ASSERT_TRUE(engine_.Open().ok());
  EXPECT_TRUE(Has("a"));
}

TEST_F(DiskEngineTest, LosesWhatWasNotSyncedInAPowerCut) {
  ASSERT_TRUE(engine_.Open().ok());
  Put("a");
  ASSERT_TRUE(engine_.Sync().ok());
  Put("b");
  engine_.CutPower(All);
  ASSERT_TRUE(engine_.Open().ok());
  EXPECT_TRUE(Has("a"));
  EXPECT_FALSE(Has("b"));
}

TEST_F(DiskEngineTest, FailsEverythingFromTheStepOnAtWhichThePowerGoes) {
  ASSERT_TRUE(engine_.Open().ok());
  engine_.TurnOffAfter(1);
  Put("a");
  EXPECT_FALSE(engine_.IsOff());
  EXPECT_FALSE(engine_.Sync().ok());
  EXPECT_TRUE(engine_.IsOff());
  Batch batch;
  batch.Put("b", "v");
  EXPECT_FALSE(engine_.Commit(batch).ok());
  engine_.CutPower(None);
  ASSERT_TRUE(engine_.Open().ok());
  EXPECT_FALSE(Has("a"));
  EXPECT_FALSE(Has("b"));
}

TEST_F(DiskEngineTest, ARestartBeforeTheFirstDatabaseIsDurableMakesOne) {
  engine_.TurnOffAfter(5);
  EXPECT_FALSE(engine_.Open().ok());
  engine_.CutPower(None);
  EXPECT_TRUE(engine_.Open().ok());
}

// --- The disk itself.

TEST(FakeDiskStoreTest, OnFatAnEntryIsDurableWithItsDirectoryAndAContentWithItsFile) {
  FakeDiskStore store(DiskManner::kFat);
  const auto file = store.Create("/d/a");
  file->content = "content";
  store.SyncFile(file);
  store.CutPower(None);
  EXPECT_EQ(store.Find("/d/a"), nullptr);
  const auto again = store.Create("/d/a");
  again->content = "content";
  store.SyncDirectory("/d");
  store.CutPower(None);
  ASSERT_NE(store.Find("/d/a"), nullptr);
  EXPECT_EQ(store.Find("/d/a")->content, "");
}

TEST(FakeDiskStoreTest, OnFatARenameMayLeaveBothNamesOrNeither) {
  for (const bool both : {true, false}) {
    FakeDiskStore store(DiskManner::kFat);
    const auto file = store.Create("/d/a");
    file->content = "content";
    store.SyncFile(file);
    store.SyncDirectory("/d");
    ASSERT_TRUE(store.Rename("/d/a", "/d/b"));
    // Slots are asked in the order of their paths: a keeps its change or not, then b.
    int asked = 0;
    store.CutPower([&](uint64_t n) -> uint64_t { return asked++ == (both ? 1 : 0) ? n - 1 : (asked <= 2 ? 0 : n - 1); });
    EXPECT_EQ(store.Find("/d/a") != nullptr, both);
    EXPECT_EQ(store.Find("/d/b") != nullptr, both);
  }
}

TEST(FakeDiskStoreTest, OnFatARenamedFileHasNoContentUntilItIsSyncedAgain) {
  for (const bool synced : {true, false}) {
    FakeDiskStore store(DiskManner::kFat);
    const auto file = store.Create("/d/a");
    file->content = "content";
    store.SyncFile(file);
    store.Rename("/d/a", "/d/b");
    if (synced) store.SyncFile(file);
    store.SyncDirectory("/d");
    store.CutPower(None);
    EXPECT_EQ(store.Find("/d/b")->content, synced ? "content" : "");
  }
}

TEST(FakeDiskStoreTest, AJournalKeepsTheFirstChanges) {
  FakeDiskStore store(DiskManner::kJournal);
  store.Create("/d/a");
  const auto second = store.Create("/d/b");
  store.Create("/d/c");
  store.SyncFile(second);
  store.Create("/d/e");
  store.CutPower(None);
  EXPECT_NE(store.Find("/d/a"), nullptr);
  EXPECT_NE(store.Find("/d/c"), nullptr);
  EXPECT_EQ(store.Find("/d/e"), nullptr);
}

TEST(FakeDiskStoreTest, LosesSectorsButNoneThatWasSynced) {
  FakeDiskStore store(DiskManner::kJournal);
  const auto file = store.Create("/d/a");
  file->content = std::string(1024, 's');
  store.SyncFile(file);
  file->content += std::string(2048, 'u');
  uint64_t odd = 0;
  store.CutPower([&odd](uint64_t n) { return ++odd % n; });
  const std::string left = store.Find("/d/a")->content;
  EXPECT_EQ(left.substr(0, 1024), std::string(1024, 's'));
  EXPECT_NE(left, std::string(1024, 's') + std::string(2048, 'u'));
}

}  // namespace
}  // namespace hardlinkfs
