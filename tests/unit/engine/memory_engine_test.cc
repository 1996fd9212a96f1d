// What only the reference engine does: power cuts and failures on demand.
#include "store/engine/memory_engine.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

namespace hardlinkfs {
namespace {

Status Put(Engine& engine, const std::string& key, const std::string& value) {
  Batch batch;
  batch.Put(key, value);
  return engine.Commit(batch);
}

Status Delete(Engine& engine, const std::string& key) {
  Batch batch;
  batch.Delete(key);
  return engine.Commit(batch);
}

std::string Rows(const Engine& engine) {
  std::string rows;
  for (const auto cursor = engine.Scan("", ""); cursor->Valid(); cursor->Next()) {
    rows.append(cursor->key()).append("=").append(cursor->value()).append(" ");
  }
  return rows;
}

TEST(MemoryEngine, PowerCutTakesWhatWasNotSynced) {
  MemoryEngine engine;
  ASSERT_TRUE(Put(engine, "kept", "old").ok());
  ASSERT_TRUE(Put(engine, "deleted", "1").ok());
  ASSERT_TRUE(engine.Sync().ok());
  ASSERT_TRUE(Put(engine, "kept", "new").ok());
  ASSERT_TRUE(Put(engine, "new", "1").ok());
  ASSERT_TRUE(Delete(engine, "deleted").ok());
  engine.ForgetUnsynced();
  EXPECT_EQ(Rows(engine), "deleted=1 kept=old ");
  EXPECT_EQ(engine.UnsyncedCommits(), 0U);
}

TEST(MemoryEngine, PowerCutMayLeaveAPrefixOfTheCommits) {
  MemoryEngine engine;
  for (const char* value : {"1", "2", "3"}) ASSERT_TRUE(Put(engine, "a", value).ok());
  EXPECT_EQ(engine.UnsyncedCommits(), 3U);
  engine.ForgetUnsynced(2);
  EXPECT_EQ(Rows(engine), "a=2 ");
  engine.ForgetUnsynced();
  EXPECT_EQ(Rows(engine), "a=2 ") << "what a restart read may not vanish in the next power cut";
}

TEST(MemoryEngine, CommitsGoOnAfterAPowerCut) {
  MemoryEngine engine;
  ASSERT_TRUE(Put(engine, "a", "1").ok());
  engine.ForgetUnsynced();
  ASSERT_TRUE(Put(engine, "b", "2").ok());
  ASSERT_TRUE(engine.Sync().ok());
  engine.ForgetUnsynced();
  EXPECT_EQ(Rows(engine), "b=2 ");
}

TEST(MemoryEngine, CommitToldToFailHasNoEffect) {
  MemoryEngine engine;
  engine.FailCommits(ENOSPC, 2);
  EXPECT_EQ(Put(engine, "a", "1").code(), ENOSPC);
  EXPECT_EQ(Put(engine, "a", "1").code(), ENOSPC);
  EXPECT_EQ(Rows(engine), "");
  EXPECT_TRUE(Put(engine, "a", "1").ok());
}

TEST(MemoryEngine, FailedSyncMakesItReadOnlyUntilRestart) {
  MemoryEngine engine;
  ASSERT_TRUE(Put(engine, "a", "1").ok());
  engine.FailSyncs(EIO, 1);
  EXPECT_EQ(engine.Sync().code(), EIO);
  EXPECT_EQ(engine.Sync().code(), EROFS);
  EXPECT_EQ(Put(engine, "b", "1").code(), EROFS);
  EXPECT_EQ(Rows(engine), "a=1 ") << "reads go on";
  engine.ForgetUnsynced();
  EXPECT_EQ(Rows(engine), "");
  EXPECT_TRUE(Put(engine, "b", "1").ok());
  EXPECT_TRUE(engine.Sync().ok());
}

TEST(MemoryEngine, CursorOutlivesSyncsOfItsRows) {
  MemoryEngine engine;
  ASSERT_TRUE(Put(engine, "a", "1").ok());
  ASSERT_TRUE(Put(engine, "b", "1").ok());
  const auto cursor = engine.Scan("", "");
  ASSERT_TRUE(Delete(engine, "b").ok());
  ASSERT_TRUE(engine.Sync().ok());
  ASSERT_TRUE(Put(engine, "b", "2").ok());
  ASSERT_TRUE(engine.Sync().ok());
  cursor->Next();
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->value(), "1");
}

}  // namespace
}  // namespace hardlinkfs
