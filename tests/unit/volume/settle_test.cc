// Settling: after a clean end the bare backing shows every file once, under one of its names; whatever happened to the names.
#include <cerrno>
#include <set>
#include <string>
#include <utility>

#include "tests/unit/volume/volume_fixture.h"

namespace hardlinkfs {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

class SettleTest : public VolumeTest {
 protected:
  explicit SettleTest(const MachineOptions& options = OnExfat()) : VolumeTest(options) {}

  // REQUIRES: one move is to be made. RETURNS: it, and the syncs of its file and its directory.
  std::vector<BackingCall> CallsOfTheMove() {
    EXPECT_TRUE(volume().SyncAll().ok());
    std::vector<BackingCall> calls;
    backing().SetFaultHook([&](BackingCall call, const std::string&) {
      const bool is_sync = call == BackingCall::kSyncFile || call == BackingCall::kSyncDirectory;
      if (call == BackingCall::kRename || (is_sync && !calls.empty())) calls.push_back(call);
      return 0;
    });
    EXPECT_EQ(*volume().SettleSome(1), 1U);
    backing().SetFaultHook(nullptr);
    calls.resize(3);
    return calls;
  }
};
class SettleOnFatTest : public SettleTest {
 protected:
  SettleOnFatTest() : SettleTest(OnFat()) {}
};

TEST_F(SettleTest, RenamedFileMovesToItsName) {
  Directory("d");
  File("a", "1");
  Rename("a", "d/b");
  EXPECT_THAT(Bare(), ElementsAre("a=1", "d/"));
  Reopen();
  EXPECT_THAT(Bare(), ElementsAre("d/", "d/b=1"));
  EXPECT_THAT(Names(), ElementsAre("d/", "d/b=1"));
}

TEST_F(SettleTest, LinkedFileStaysWhileItsHomesNameStays) {
  File("a", "1");
  Link("a", "b");
  Link("a", "c");
  Remove("b");
  Reopen();
  EXPECT_THAT(Bare(), ElementsAre("a=1"));
}

TEST_F(SettleTest, LinkedFileMovesWhenItsHomesNameGoes) {
  Directory("d");
  File("a", "1");
  Link("a", "d/b");
  Remove("a");
  Reopen();
  EXPECT_THAT(Bare(), ElementsAre("d/", "d/b=1"));
}

TEST_F(SettleTest, FileWhoseNameCameBackStays) {
  File("a", "1");
  Rename("a", "b");
  Rename("b", "a");
  backing().ForgetCalls();
  Reopen();
  EXPECT_EQ(backing().calls(BackingCall::kRename), 0U);
  EXPECT_THAT(Bare(), ElementsAre("a=1"));
}

TEST_F(SettleTest, ExchangedFilesChangePlaces) {
  File("a", "1");
  File("b", "2");
  Rename("a", "b", Replace::kExchange);
  Reopen();
  EXPECT_THAT(Bare(), ElementsAre("a=2", "b=1"));
  EXPECT_THAT(InHomes(), IsEmpty());
}

TEST_F(SettleTest, CycleOfThreeIsTornApart) {
  for (const char* name : {"a", "b", "c"}) File(name, name);
  Rename("a", "x");
  Rename("b", "a");
  Rename("c", "b");
  Rename("x", "c");
  Reopen();
  EXPECT_THAT(Bare(), ElementsAre("a=b", "b=c", "c=a"));
}

TEST_F(SettleTest, ChainMovesInAnyOrder) {
  for (const char* name : {"a", "b", "c", "d"}) File(name, name);
  Rename("d", "e");
  Rename("c", "d");
  Rename("b", "c");
  Rename("a", "b");
  Reopen();
  EXPECT_THAT(Bare(), ElementsAre("b=a", "c=b", "d=c", "e=d"));
}

TEST_F(SettleTest, DirectoriesThatChangedTheirOrderAreTurnedAround) {
  Directory("a");
  Directory("a/b");
  File("a/x", "1");
  File("a/b/y", "2");
  Rename("a/b", "b");
  Rename("a", "b/a");
  Reopen();
  EXPECT_THAT(Bare(), ElementsAre("b/", "b/a/", "b/a/x=1", "b/y=2"));
}

TEST_F(SettleTest, ExchangedDirectoriesChangePlacesWithAllTheyHold) {
  Directory("a");
  Directory("b");
  Directory("b/c");
  File("a/x", "1");
  File("b/c/y", "2");
  Rename("a", "b/c", Replace::kExchange);
  Reopen();
  EXPECT_THAT(Bare(), ElementsAre("a/", "a/y=2", "b/", "b/c/", "b/c/x=1"));
}

TEST_F(SettleTest, DirectoryAndFileChangePlaces) {
  Directory("a");
  File("a/x", "1");
  File("b", "2");
  Rename("a", "b", Replace::kExchange);
  Reopen();
  EXPECT_THAT(Bare(), ElementsAre("a=2", "b/", "b/x=1"));
}

TEST_F(SettleTest, RemovedDirectoryGoesWhenItsResidentsHaveLeft) {
  Directory("d");
  File("d/a", "1");
  Rename("d/a", "a");
  EXPECT_EQ(Remove("d"), 0);
  EXPECT_EQ(*volume().ReclaimSome(10), 0U);  // it still holds the home of a
  EXPECT_THAT(Bare(), ElementsAre("d/", "d/a=1"));
  Reopen();
  EXPECT_THAT(Bare(), ElementsAre("a=1"));
}

TEST_F(SettleTest, DirectoryMadeAnewAtThePlaceOfOneWithResidentsGetsItsPlace) {
  Directory("d");
  File("d/a", "1");
  Rename("d/a", "a");
  Remove("d");
  Directory("d");
  Rename("a", "d/a");
  File("d/b", "2");
  Reopen();
  EXPECT_THAT(Bare(), ElementsAre("d/", "d/a=1", "d/b=2"));
}

TEST_F(SettleTest, ChangeOfCaseIsSeenBelow) {
  Directory("dir");
  File("readme", "1");
  Rename("readme", "README");
  Rename("dir", "Dir");
  Reopen();
  EXPECT_THAT(Bare(), ElementsAre("Dir/", "README=1"));
}

TEST_F(SettleTest, ChangeOfCaseOfALetterBeyondAsciiIsSeenBelow) {
  File("\xc3\xa9", "1");
  Rename("\xc3\xa9", "\xc3\x89");
  Reopen();
  EXPECT_THAT(Bare(), ElementsAre("\xc3\x89=1"));
}

TEST_F(SettleTest, ExchangeOfTwoCasesKeepsBoth) {
  File("a", "1");
  File("A", "2");
  Rename("a", "A", Replace::kExchange);
  Reopen();
  EXPECT_THAT(Names(), ElementsAre("A=1", "a=2"));
  EXPECT_THAT(Bare(), SizeIs(2));
}

// As vfat with iocharset=utf8: "b" is not there, and cannot be made beside "B".
TEST_F(SettleTest, NameThatTheBackingRefusesGetsItsOtherSpelling) {
  File("a", "content");
  Rename("a", "b");
  backing().FailNth(BackingCall::kRename, 1, EEXIST);
  EXPECT_EQ(*volume().SettleSome(4), 1U);
  EXPECT_THAT(Bare(), ElementsAre(AllOf(StartsWith("b%+"), EndsWith("=content"))));
  EXPECT_EQ(*volume().SettleSome(4), 0U);
  EXPECT_FALSE(volume().NeedsSettling());
  Close();
}

TEST_F(SettleTest, LimitIsKeptAndTheRestComesLater) {
  Directory("d");
  Directory("e");
  for (int i = 0; i < 10; ++i) {
    File("e/a" + std::to_string(i));
    Rename("e/a" + std::to_string(i), "d/b" + std::to_string(i));
  }
  EXPECT_EQ(*volume().SettleSome(4), 4U);
  ExpectSound();
  EXPECT_TRUE(volume().NeedsSettling());
  EXPECT_EQ(*volume().SettleSome(4), 4U);
  EXPECT_EQ(*volume().SettleSome(4), 2U);
  EXPECT_EQ(*volume().SettleSome(4), 0U);
  EXPECT_FALSE(volume().NeedsSettling());
}

// On FAT an entry is all there is of a file, and a sync of the directory would write that the old one goes before the new one is whole.
TEST_F(SettleOnFatTest, NothingMovesWithinADirectory) {
  File("a", "content");
  Rename("a", "b");
  EXPECT_EQ(*volume().SettleSome(4), 1U);
  EXPECT_THAT(Bare(), ElementsAre());
  EXPECT_THAT(InHomes(), ElementsAre(EndsWith("=content")));
  EXPECT_EQ(*volume().SettleSome(4), 1U);
  EXPECT_THAT(Bare(), ElementsAre("b=content"));
  EXPECT_EQ(*volume().SettleSome(4), 0U);
}

// On exFAT that may be one change of one entry.
TEST_F(SettleTest, MovesWithinADirectoryAreOneStep) {
  File("a", "content");
  Rename("a", "b");
  EXPECT_EQ(*volume().SettleSome(4), 1U);
  EXPECT_THAT(Bare(), ElementsAre("b=content"));
}

// The kernel's exFAT writes at an fsync the entry of what is synced, then all other blocks in any order: the fsync of the directory would
// let the old entry go before the new one is there.
TEST_F(SettleTest, MovedIsSyncedBeforeTheDirectoryThatItWentTo) {
  Directory("d");
  File("a", "content");
  Rename("a", "d/a");
  EXPECT_THAT(CallsOfTheMove(), ElementsAre(BackingCall::kRename, BackingCall::kSyncFile, BackingCall::kSyncDirectory));
}

// Its new end counts only when its own entry tells of it.
TEST_F(SettleTest, DirectoryThatHasGrownIsSyncedBeforeTheMoved) {
  Directory("d");
  File("a", "content");
  for (size_t i = 0; i < MemoryBacking::kEntriesInACluster; ++i) File("d/" + std::to_string(i));
  Rename("a", "d/a");
  EXPECT_THAT(CallsOfTheMove(), ElementsAre(BackingCall::kRename, BackingCall::kSyncDirectory, BackingCall::kSyncFile));
}

// On vfat the new entry leads to nothing until the moved is synced, and a long name of it may lie in a block before.
TEST_F(SettleOnFatTest, DirectoryIsSyncedBeforeTheMoved) {
  Directory("d");
  File("a", "content");
  Rename("a", "d/a");
  EXPECT_THAT(CallsOfTheMove(), ElementsAre(BackingCall::kRename, BackingCall::kSyncDirectory, BackingCall::kSyncFile));
}

// What was announced is what the next mount would know it by.
TEST_F(SettleOnFatTest, WhatIsWrittenSinceItWasAnnouncedMovesLater) {
  Directory("d");
  File("a", "content");
  Rename("a", "d/a");
  bool written = false;
  backing().SetFaultHook([&](BackingCall call, const std::string&) {
    if (call != BackingCall::kSyncDirectory || std::exchange(written, true)) return 0;
    const auto file = backing().OpenFile(backing().root(), BackingName("a"));
    EXPECT_TRUE(file.ok() && (*file)->Write(std::string("more than before"), 0).ok());
    return 0;
  });
  EXPECT_EQ(*volume().SettleSome(4), 0U);
  EXPECT_TRUE(written);
  EXPECT_THAT(Bare(), ElementsAre("a=more than before", "d/"));
  while (*volume().SettleSome(4) > 0) {
  }
  EXPECT_THAT(Bare(), ElementsAre("d/", "d/a=more than before"));
}

// S1: the intents are durable before the first step, and S3: what moved before they are retired.
TEST_F(SettleTest, IntentsAreDurableBeforeTheMoves) {
  File("a", "1");
  Rename("a", "b");
  EXPECT_TRUE(volume().SyncCatalog().ok());
  bool intent_was_durable = false;
  uint64_t unsynced = 99;
  backing().SetFaultHook([&](BackingCall call, const std::string&) {
    if (call == BackingCall::kRename) {
      intent_was_durable = machine_.catalog().ListIntents()->size() == 1;
      unsynced = engine().UnsyncedCommits();
    }
    return 0;
  });
  EXPECT_EQ(*volume().SettleSome(10), 1U);
  EXPECT_TRUE(intent_was_durable);
  EXPECT_EQ(unsynced, 0U);
  EXPECT_GE(backing().calls(BackingCall::kSyncFile), 1U);
  EXPECT_GE(backing().calls(BackingCall::kSyncDirectory), 1U);
}

// Between the plan and the move nobody holds a lock.
TEST_F(SettleTest, FileRenamedBetweenPlanAndMoveIsNotLeftWhereNoNameSays) {
  for (const char* name : {"a", "b"}) {
    File(name, name);
    Rename(name, std::string(name) + name);
  }
  std::set<std::string> renamed;
  backing().SetFaultHook([&](BackingCall call, const std::string& name) {
    if (call != BackingCall::kRename || !renamed.empty()) return 0;
    const std::string other = name == "a" ? "bb" : "aa";
    renamed.insert(other);
    EXPECT_EQ(Rename(other, "c"), 0);
    return 0;
  });
  EXPECT_TRUE(volume().SettleSome(10).ok());
  EXPECT_THAT(renamed, SizeIs(1));
  ExpectSound();
  Reopen();
  EXPECT_EQ(Bare(), Names());
}

TEST_F(SettleTest, FailureOfAnyStepLosesNothingAndTheNextSessionEndsIt) {
  for (uint64_t step = 1;; ++step) {
    ASSERT_LT(step, 200U);
    const std::string d = "d" + std::to_string(step);
    Directory(d);
    Directory(d + "/e");
    File(d + "/a", "1");
    File(d + "/b", "2");
    Rename(d + "/a", d + "/b", Replace::kExchange);
    Rename(d + "/a", d + "/e/c");
    Rename(d + "/e", "e" + std::to_string(step));
    const Lines before = Names();
    backing().FailNth(std::nullopt, step, EIO);
    Result<size_t> settled = size_t{1};
    while (settled.ok() && *settled > 0) settled = volume().SettleSome(2);
    backing().FailNth(std::nullopt, 0, 0);
    EXPECT_EQ(Names(), before) << "step " << step;
    KillAndOpen();
    EXPECT_EQ(Names(), before) << "step " << step;
    ExpectSound();
    Reopen();
    EXPECT_EQ(Bare(), before) << "step " << step;
    if (settled.ok()) break;
  }
}

TEST_F(SettleTest, FailedCommitOfAMoveLosesNothing) {
  for (size_t commit = 0; commit < 6; ++commit) {
    const std::string name = "a" + std::to_string(commit);
    File(name, name);
    Rename(name, "b" + std::to_string(commit));
    const Lines before = Names();
    uint64_t commits = 0;
    // The commit after the step on the backing is the one that hurts.
    backing().SetFaultHook([&](BackingCall call, const std::string&) {
      if (call == BackingCall::kRename && commits++ == 0) engine().FailCommits(EIO, 1);
      return 0;
    });
    EXPECT_FALSE(volume().SettleSome(10).ok());
    backing().SetFaultHook(nullptr);
    EXPECT_EQ(Names(), before);
    if (commit % 2 == 0) {
      KillAndOpen();
      EXPECT_EQ(Names(), before);
    }
    Reopen();
    EXPECT_EQ(Bare(), before);
  }
}

}  // namespace
}  // namespace hardlinkfs
