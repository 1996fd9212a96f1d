// Reclaiming: the contents of what has no name left go, but never before the deletion is durable.
#include <cerrno>

#include "store/catalog/keys.h"
#include "tests/unit/volume/volume_fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ReclaimTest : public VolumeTest {};

// S4.
TEST_F(ReclaimTest, ContentGoesOnlyAfterTheDeletionIsDurable) {
  File("a", "1");
  Remove("a");
  uint64_t unsynced = 99;
  backing().SetFaultHook([&](BackingCall call, const std::string&) {
    if (call == BackingCall::kRemoveFile) unsynced = engine().UnsyncedCommits();
    return 0;
  });
  EXPECT_GT(engine().UnsyncedCommits(), 0U);
  EXPECT_EQ(*volume().ReclaimSome(10), 1U);
  EXPECT_EQ(unsynced, 0U);
  EXPECT_THAT(Bare(), IsEmpty());
  EXPECT_EQ(volume().inode_count(), 1U);
}

// What comes back there after a power cut has no record any longer, and would be taken for a stranger's.
TEST_F(ReclaimTest, ADirectoryThatHasToStayIsSyncedBeforeItIsForgotten) {
  const InodeId directory = Directory("d");
  File("d/a", "1");
  ASSERT_EQ(volume().SyncAll().code(), 0);
  BareFile("d/theirs", "x");
  ASSERT_EQ(Remove("d/a"), 0);
  ASSERT_EQ(Remove("d"), 0);
  bool removed = false;
  bool synced = false;
  backing().SetFaultHook([&](BackingCall call, const std::string&) {
    removed = removed || call == BackingCall::kRemoveFile;
    synced = synced || (removed && call == BackingCall::kSyncDirectory && volume().Read(directory).ok());
    return 0;
  });
  EXPECT_TRUE(volume().ReclaimSome(10).ok());
  backing().SetFaultHook(nullptr);
  EXPECT_EQ(volume().Read(directory).code(), ENOENT);
  EXPECT_TRUE(removed);
  EXPECT_TRUE(synced);
  EXPECT_THAT(Bare(), ElementsAre("d/", "d/theirs=x"));
}

TEST_F(ReclaimTest, FailedSyncRemovesNothing) {
  File("a", "1");
  Remove("a");
  engine().FailSyncs(EIO, 1);
  EXPECT_FALSE(volume().ReclaimSome(10).ok());
  EXPECT_THAT(Bare(), ElementsAre("a=1"));
}

TEST_F(ReclaimTest, OnlyWhatWasGivenIsReclaimed) {
  File("a", "1");
  const auto parent = volume().locks().Exclusive(std::array{Find("a"), kRootInode});
  ASSERT_TRUE(volume().Unlink({}, kRootInode, N("a"), Find("a"), Use::kIdle).ok());
  EXPECT_EQ(*volume().ReclaimSome(10), 0U);
  EXPECT_THAT(Bare(), ElementsAre("a=1"));
}

TEST_F(ReclaimTest, OrphansOfACrashedSessionAreReclaimed) {
  const InodeId inode = File("a", "1");
  {
    const auto held = volume().locks().Exclusive(std::array{inode, kRootInode});
    ASSERT_TRUE(volume().Unlink({}, kRootInode, N("a"), inode, Use::kIdle).ok());
  }
  KillAndOpen();
  EXPECT_EQ(*volume().ReclaimSome(10), 1U);
  EXPECT_THAT(Bare(), IsEmpty());
  ExpectSound();
}

// It would come back as a stranger's with the next look at its directory.
TEST_F(ReclaimTest, DeletedFileGoesAlsoWhenAPowerCutTookItsContent) {
  File("a", "never synced");
  EXPECT_EQ(Remove("a"), 0);
  ASSERT_EQ(volume().SyncCatalog().code(), 0);
  machine_.Kill();
  machine_.clock().Advance(std::chrono::seconds(10));
  BareFile("a", "");
  Open();
  Reopen();
  EXPECT_THAT(Bare(), IsEmpty());
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(ReclaimTest, DeletedFileGoesAlsoWhenAPowerCutLeftItEmpty) {
  File("a", "synced");
  ASSERT_EQ(volume().SyncAll().code(), 0);
  EXPECT_EQ(Remove("a"), 0);
  ASSERT_EQ(volume().SyncCatalog().code(), 0);
  machine_.Kill();
  machine_.clock().Advance(std::chrono::seconds(10));
  BareFile("a", "");
  Open();
  Reopen();
  EXPECT_THAT(Bare(), IsEmpty());
}

// As a power cut leaves it that takes the end of the record back, but not the removal of the content.
TEST_F(ReclaimTest, WhatIsThereInAnotherSpellingIsNotTheOrphans) {
  const InodeId inode = File("A", "1");
  {
    const auto held = volume().locks().Exclusive(std::array{inode, kRootInode});
    ASSERT_TRUE(volume().Unlink({}, kRootInode, N("A"), inode, Use::kOpen).ok());
  }
  ASSERT_TRUE(backing().RemoveFile(backing().root(), BackingName("A")).ok());
  KillAndOpen();
  File("a", "2");
  EXPECT_EQ(*volume().ReclaimSome(10), 1U);
  EXPECT_THAT(Bare(), ElementsAre("a=2"));
  ExpectSound();
}

TEST_F(ReclaimTest, WhatSomebodyElseMadeInAnotherSpellingIsNotTheOrphans) {
  const InodeId inode = File("A", "1");
  {
    const auto held = volume().locks().Exclusive(std::array{inode, kRootInode});
    ASSERT_TRUE(volume().Unlink({}, kRootInode, N("A"), inode, Use::kOpen).ok());
  }
  ASSERT_TRUE(backing().RemoveFile(backing().root(), BackingName("A")).ok());
  ASSERT_TRUE((*backing().CreateFile(backing().root(), BackingName("a"), 0644))->Write(std::string("2"), 0).ok());
  KillAndOpen();
  EXPECT_NE(Find("a"), InodeId{});
  EXPECT_TRUE(volume().ReclaimSome(10).ok());
  EXPECT_THAT(Bare(), ElementsAre("a=2"));
  ExpectSound();
}

TEST_F(ReclaimTest, ContentThatIsGoneAlreadyIsNoError) {
  File("a", "1");
  Remove("a");
  BareRemove("a");
  EXPECT_EQ(*volume().ReclaimSome(10), 1U);
  ExpectSound();
}

TEST_F(ReclaimTest, XattrsAndTargetGoAlong) {
  const InodeId inode = Symlink("s");
  {
    const auto held = volume().locks().Exclusive(inode);
    ASSERT_TRUE(volume().ChangeAttributes({}, inode, {}, {{"user.x", "1"}}).ok());
  }
  Remove("s");
  EXPECT_EQ(*volume().ReclaimSome(10), 1U);
  ExpectSound();
}

TEST_F(ReclaimTest, OneThatCannotBeRemovedDoesNotHoldUpTheOthers) {
  for (const char* name : {"a", "b", "c"}) {
    File(name);
    Remove(name);
  }
  backing().SetFaultHook(
      [](BackingCall call, const std::string& name) { return call == BackingCall::kRemoveFile && name == "a" ? EIO : 0; });
  for (int i = 0; i < 3; ++i) static_cast<void>(volume().ReclaimSome(10));
  EXPECT_THAT(Bare(), ElementsAre("a="));
}

TEST_F(ReclaimTest, FailureOfAnyStepIsMadeUpForLater) {
  for (uint64_t step = 1;; ++step) {
    ASSERT_LT(step, 50U);
    Directory("d");
    File("d/a");
    Remove("d/a");
    Remove("d");
    backing().FailNth(std::nullopt, step, EIO);
    Result<size_t> reclaimed = volume().ReclaimSome(10);
    backing().FailNth(std::nullopt, 0, 0);
    const bool failed = !reclaimed.ok();
    if (!volume().Writable().ok()) KillAndOpen();  // it was a sync
    while (volume().ReclaimSome(10).ok() && !volume().catalog().ListOrphans(InodeId{0}, 1)->empty()) {
    }
    EXPECT_THAT(Bare(), IsEmpty()) << "step " << step;
    ExpectSound();
    if (!failed) break;
  }
}

TEST_F(ReclaimTest, FailedCommitIsMadeUpForLater) {
  File("a");
  Remove("a");
  EXPECT_TRUE(volume().SyncCatalog().ok());
  engine().FailCommits(EIO, 1);
  EXPECT_FALSE(volume().ReclaimSome(10).ok());
  EXPECT_EQ(*volume().ReclaimSome(10), 1U);
  ExpectSound();
}

TEST_F(ReclaimTest, AnOrphanThatHasANameKeepsItsContent) {
  const InodeId inode = File("kept", "kept");
  Batch damage;
  damage.Put(keys::Orphan(inode), "");
  ASSERT_TRUE(engine().Commit(damage).ok());
  volume().Reclaim(inode);
  EXPECT_EQ(volume().ReclaimSome(10).code(), EUCLEAN);
  EXPECT_EQ(Content("kept"), "kept");
  EXPECT_THAT(Bare(), testing::Contains("kept=kept"));
}

}  // namespace
}  // namespace hardlinkfs
