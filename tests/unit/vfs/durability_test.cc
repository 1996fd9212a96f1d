// What is durable before it is acknowledged: -o dirsync, -o sync, O_SYNC.
#include "tests/unit/vfs/vfs_fixture.h"

namespace hardlinkfs {
namespace {

class DurabilityTest : public VfsTest {
 protected:
  explicit DurabilityTest(Durability durability) : VfsTest(Options(durability)) {}
  DurabilityTest() : DurabilityTest(Durability::kOnRequest) {}

  uint64_t Unsynced() { return machine_.engine().UnsyncedCommits(); }
  int SetMode(InodeId inode, uint32_t mode) { return vfs().SetAttributes(root_, inode, {.mode = mode}).code(); }
  int SetXattr(InodeId inode) { return vfs().SetXattr(root_, inode, "user.x", "1", XattrMode::kAny).code(); }

 private:
  static MachineOptions Options(Durability durability) {
    MachineOptions options = OnExfat();
    options.backing.disk = Disk::kFat;
    options.vfs.durability = durability;
    return options;
  }
};

class DirsyncTest : public DurabilityTest {
 protected:
  DirsyncTest() : DurabilityTest(Durability::kNames) {}
};

class SyncTest : public DurabilityTest {
 protected:
  SyncTest() : DurabilityTest(Durability::kEverything) {}
};

TEST_F(DirsyncTest, EveryChangeOfANameIsDurableAtOnce) {
  const InodeId file = File("a");
  EXPECT_EQ(Unsynced(), 0U);
  EXPECT_TRUE(vfs().Create(root_, kRootInode, "b", 0644, O_RDWR).ok());
  EXPECT_EQ(Unsynced(), 0U);
  Directory("d");
  EXPECT_EQ(Unsynced(), 0U);
  EXPECT_TRUE(vfs().Link(root_, file, kRootInode, "c").ok());
  EXPECT_EQ(Unsynced(), 0U);
  EXPECT_EQ(Rename("c", "e"), 0);
  EXPECT_EQ(Unsynced(), 0U);
  EXPECT_TRUE(vfs().Unlink(root_, kRootInode, "e").ok());
  EXPECT_EQ(Unsynced(), 0U);
  EXPECT_TRUE(vfs().RemoveDirectory(root_, kRootInode, "d").ok());
  EXPECT_EQ(Unsynced(), 0U);
}

TEST_F(DirsyncTest, AttributesAreNot) {
  const InodeId file = File("a");
  EXPECT_EQ(SetMode(file, 0600), 0);
  EXPECT_GT(Unsynced(), 0U);
}

TEST_F(DirsyncTest, WhatCannotBeMadeDurableIsAnError) {
  machine_.engine().FailSyncs(EIO, 1);
  EXPECT_EQ(vfs().MakeNode(root_, kRootInode, "a", {.type = FileType::kRegular}).code(), EIO);
}

TEST_F(SyncTest, AttributesAreDurableAtOnceToo) {
  const InodeId file = File("a");
  EXPECT_EQ(Unsynced(), 0U);
  EXPECT_EQ(SetMode(file, 0600), 0);
  EXPECT_EQ(Unsynced(), 0U);
  EXPECT_EQ(SetXattr(file), 0);
  EXPECT_EQ(Unsynced(), 0U);
  EXPECT_TRUE(vfs().RemoveXattr(root_, file, "user.x").ok());
  EXPECT_EQ(Unsynced(), 0U);
}

TEST_F(DurabilityTest, NothingIsDurableUnlessAskedFor) {
  File("a");
  EXPECT_GT(Unsynced(), 0U);
}

TEST_F(DurabilityTest, OpeningForSynchronousWritingMakesTheNameDurable) {
  const InodeId file = File("a");
  ASSERT_TRUE(vfs().Open({}, file, O_RDONLY | O_SYNC).ok());
  EXPECT_GT(Unsynced(), 0U);
  ASSERT_TRUE(vfs().Open({}, file, O_WRONLY | O_DSYNC).ok());
  EXPECT_EQ(Unsynced(), 0U);
  ASSERT_TRUE(vfs().Create(root_, kRootInode, "b", 0644, O_WRONLY | O_SYNC).ok());
  EXPECT_EQ(Unsynced(), 0U);
}

TEST_F(DurabilityTest, TimesThatWereSetAreSyncedWithEverything) {
  machine_.backing().SyncEverything();
  const InodeId file = File("a");
  ASSERT_EQ(vfs().SyncAll().code(), 0);
  constexpr Timestamp kLongAgo{1'500'000'000, 123'456'789};
  ASSERT_TRUE(vfs().SetAttributes(root_, file, {.mtime = kLongAgo}).ok());
  ASSERT_EQ(vfs().SyncAll().code(), 0);
  machine_.Kill();
  machine_.engine().ForgetUnsynced();
  machine_.backing().CutPower([](uint64_t) { return 0; });
  ASSERT_EQ(machine_.Open().code(), 0);
  EXPECT_EQ(Look(file).mtime, kLongAgo);
}

}  // namespace
}  // namespace hardlinkfs
