// Crashes: kill -9 at any step loses nothing that was acknowledged, and recovery can be cut short itself; after a power cut what is there
// is a prefix of what was done.
#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "tests/unit/volume/volume_fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class RecoverTest : public VolumeTest {
 protected:
  using VolumeTest::VolumeTest;

  // Files that have to move in several ways.
  void MakeWorkForTheSettler() {
    Directory("d");
    Directory("d/e");
    File("d/a", "1");
    File("d/b", "2");
    File("c", "3");
    Link("c", "d/l");
    Rename("d/a", "d/b", Replace::kExchange);
    Rename("d/a", "d/e/c");
    Rename("d/e", "e");
    Remove("c");
    Symlink("d/s");
  }
  // Every backing call from the n-th on fails, as if the server had died there.
  void DieAtCall(uint64_t n) {
    calls_left_ = n;
    backing().SetFaultHook([this](BackingCall, const std::string&) { return calls_left_ > 1 ? --calls_left_, 0 : EIO; });
  }
  // The settler has announced it, durably, and then the server has died.
  void AnnounceMoveOfAToB() {
    Directory("d");
    Directory("e");
    File("e/a", "content");
    ASSERT_EQ(Rename("e/a", "d/b"), 0);
    AnnounceMoves();
  }
  void AnnounceMoveOfDirectoryAToB() {
    Directory("d");
    Directory("e");
    Directory("e/a");
    File("e/a/inside", "content");
    ASSERT_EQ(Rename("e/a", "d/b"), 0);
    AnnounceMoves();
  }
  // The long name that was there for its small letters alone is gone; the content was left to the old entry.
  void LoseSmallLettersAndKeepTheContent() {
    AnnounceMoveOfAToB();
    const Result<BackingStat> was = backing().Stat(BareDirectory("e"), BackingName("a"));
    ASSERT_EQ(backing().RemoveFile(BareDirectory("e"), BackingName("a")).code(), 0);
    BareFile("e/A", "content");
    ASSERT_EQ(backing().SetTimes(BareDirectory("e"), BackingName("A"), std::nullopt, was->mtime).code(), 0);
    BareFile("d/b", "");
    Open();
    EXPECT_THAT(Names(), ElementsAre("d/", "d/b=content", "e/"));
    EXPECT_EQ(volume().SettleSome(10).code(), 0);
    Close();
    EXPECT_THAT(Bare(), ElementsAre("d/", "d/b=content", "e/"));
  }
  // And killed before the first.
  void AnnounceMoves() {
    backing().SetFaultHook([](BackingCall call, const std::string&) { return call == BackingCall::kRename ? EIO : 0; });
    static_cast<void>(volume().SettleSome(10));
    Revive();
    machine_.Kill();
  }
  void Revive() { backing().SetFaultHook(nullptr); }

  uint64_t calls_left_ = 0;
};

TEST_F(RecoverTest, WhatWasAcknowledgedSurvivesKill) {
  MakeWorkForTheSettler();
  const Lines before = Names();
  KillAndOpen();
  EXPECT_EQ(Names(), before);
  ExpectSound();
}

TEST_F(RecoverTest, KillAtAnyStepOfSettlingLosesNothing) {
  MakeWorkForTheSettler();
  const Lines before = Names();
  for (uint64_t step = 1; step < 60; ++step) {
    DieAtCall(step);
    static_cast<void>(volume().SettleSome(3));
    Revive();
    KillAndOpen();
    EXPECT_EQ(Names(), before) << "step " << step;
    ExpectSound();
  }
  Reopen();
  EXPECT_THAT(InHomes(), IsEmpty());
}

TEST_F(RecoverTest, KillAtAnyStepOfCloseLosesNothing) {
  for (uint64_t step = 1;; ++step) {
    ASSERT_LT(step, 300U);
    MakeWorkForTheSettler();
    const Lines before = Names();
    DieAtCall(step);
    const bool closed = machine_.Stop().ok();
    Revive();
    KillAndOpen();
    EXPECT_EQ(Names(), before) << "step " << step;
    ExpectSound();
    if (closed) break;
    for (const char* name : {"d/l", "d/s", "d/b", "d", "e/c", "e"}) EXPECT_EQ(Remove(name), 0) << name;
    Reopen();
    EXPECT_THAT(Bare(), IsEmpty());
  }
}

TEST_F(RecoverTest, RecoveryThatIsCutShortIsDoneAgain) {
  MakeWorkForTheSettler();
  const Lines before = Names();
  uint64_t renames = 0;
  backing().SetFaultHook([&](BackingCall call, const std::string&) { return call == BackingCall::kRename && ++renames > 1 ? EIO : 0; });
  static_cast<void>(volume().SettleSome(10));
  Revive();
  machine_.Kill();
  for (uint64_t step = 1;; ++step) {
    ASSERT_LT(step, 100U);
    DieAtCall(step);
    const bool opened = machine_.Open().ok();
    Revive();
    if (opened) break;
    machine_.Kill();
  }
  KillAndOpen();  // with a fault it opens too, and leaves what it could not look at
  EXPECT_EQ(Names(), before);
  ExpectSound();
}

// Before each move is committed the power goes: the log ends after the intents, and the backing is ahead of it.
TEST_F(RecoverTest, MoveThatTheLogDoesNotKnowIsTakenFromTheBacking) {
  Directory("d");
  Directory("e");
  File("e/a", "1");
  Rename("e/a", "d/b");
  Names();
  bool moved = false;
  int syncs = 0;  // the first is that of the new name, before the commit
  backing().SetFaultHook([&](BackingCall call, const std::string&) {
    moved = moved || call == BackingCall::kRename;
    return moved && call == BackingCall::kSyncDirectory && ++syncs > 1 ? EIO : 0;
  });
  EXPECT_FALSE(volume().SettleSome(10).ok());
  Revive();
  EXPECT_THAT(Bare(), ElementsAre("d/", "d/b=1", "e/"));
  const uint64_t unsynced = engine().UnsyncedCommits();
  EXPECT_EQ(unsynced, 1U);
  machine_.Kill();
  engine().ForgetUnsynced(0);
  Open();
  EXPECT_THAT(Names(), ElementsAre("d/", "d/b=1", "e/"));
  ExpectSound();
}

// A rename on FAT may leave both entries, of one content. The fsck of the backing then empties the one that it finds second.
TEST_F(RecoverTest, OfTheTwinsOfAHalfMoveTheOneWithTheContentStays) {
  for (const bool moved : {false, true}) {
    AnnounceMoveOfAToB();
    BareFile("e/a", moved ? "" : "content");
    BareFile("d/b", moved ? "content" : "");
    Open();
    EXPECT_THAT(Names(), ElementsAre("d/", "d/b=content", "e/")) << moved;
    Close();
    EXPECT_THAT(Bare(), ElementsAre("d/", "d/b=content", "e/")) << moved;
    Open();
    EXPECT_EQ(Remove("d/b"), 0);
    EXPECT_EQ(Remove("d"), 0);
    EXPECT_EQ(Remove("e"), 0);
    Reopen();
  }
}

// Of a directory with two entries fsck.exfat makes the second one without clusters.
TEST_F(RecoverTest, OfTheTwinsOfAHalfMoveOfADirectoryTheOneWithClustersStays) {
  for (const bool moved : {false, true}) {
    AnnounceMoveOfDirectoryAToB();
    if (moved) BareMove("e/a", "d/b");
    const BackingDirectoryRef in = BareDirectory(moved ? "e" : "d");
    ASSERT_EQ(backing().AddDirectoryOfSizeZero(in, BackingName(moved ? "a" : "b")).code(), 0);
    Open();
    EXPECT_THAT(Names(), ElementsAre("d/", "d/b/", "d/b/inside=content", "e/")) << moved;
    Close();
    EXPECT_THAT(Bare(), ElementsAre("d/", "d/b/", "d/b/inside=content", "e/")) << moved;
    Open();
    for (const char* at : {"d/b/inside", "d/b", "d", "e"}) EXPECT_EQ(Remove(at), 0);
    Reopen();
  }
}

// Where all that was in it was being moved as well, or there was nothing, it is the one with clusters all the same.
TEST_F(RecoverTest, OfTheTwinsOfAnEmptyDirectoryTheOneWithClustersStays) {
  Directory("d");
  Directory("e");
  Directory("e/a");
  ASSERT_EQ(Rename("e/a", "d/b"), 0);
  AnnounceMoves();
  BareMove("e/a", "d/b");
  ASSERT_EQ(backing().AddDirectoryOfSizeZero(BareDirectory("e"), BackingName("a")).code(), 0);
  Open();
  EXPECT_THAT(Names(), ElementsAre("d/", "d/b/", "e/"));
  EXPECT_THAT(Bare(), ElementsAre("d/", "d/b/", "e/"));
}

// Without a fsck of the backing, to remove one would free the content of the other.
TEST_F(RecoverTest, TwinsOfAHalfMoveThatNobodyPartedAreLeftAlone) {
  AnnounceMoveOfAToB();
  BareFile("d/b", "content");
  const Result<BackingStat> one = backing().Stat(BareDirectory("e"), BackingName("a"));
  ASSERT_EQ(backing().SetTimes(BareDirectory("d"), BackingName("b"), std::nullopt, one->mtime).code(), 0);
  Open();
  EXPECT_THAT(Names(), ElementsAre("d/", "d/b=content", "e/"));
  EXPECT_EQ(volume().SettleSome(10).code(), 0);
  EXPECT_THAT(Names(), ElementsAre("d/", "d/b=content", "e/"));
  EXPECT_THAT(Bare(), ElementsAre("d/", "d/b=content", "e/", "e/a=content"));
}

// The old entry of a move goes in two steps where its long name lies in a block before, and the fsck of the backing may leave the content
// to it.
class RecoverOnFatTest : public RecoverTest {
 protected:
  RecoverOnFatTest() : RecoverTest(OnFat()) {}
};

class RecoverOnFatWithUtf8Test : public RecoverTest {
 protected:
  RecoverOnFatWithUtf8Test() : RecoverTest(OnFatWithUtf8()) {}

 private:
  static MachineOptions OnFatWithUtf8() {
    MachineOptions options = OnFat();
    options.backing.capabilities.case_sensitive = true;
    return options;
  }
};

TEST_F(RecoverOnFatTest, WhatLostItsLongNameIsFoundByItsSizeAndTime) {
  AnnounceMoveOfAToB();
  const Result<BackingStat> was = backing().Stat(BareDirectory("e"), BackingName("a"));
  ASSERT_EQ(backing().RemoveFile(BareDirectory("e"), BackingName("a")).code(), 0);
  BareFile("d/b", "");
  BareFile("e/A~1", "content");
  BareFile("e/OTHER~1", "another");
  BareFile("e/OTHER~2.TXT", "some other");
  for (const char* const name : {"A~1", "OTHER~2.TXT"}) {
    ASSERT_EQ(backing().SetTimes(BareDirectory("e"), BackingName(name), std::nullopt, was->mtime).code(), 0);
  }
  ASSERT_EQ(backing().SetTimes(BareDirectory("e"), BackingName("OTHER~1"), std::nullopt, Timestamp{1, 0}).code(), 0);
  Open();
  EXPECT_THAT(Names(), ElementsAre("d/", "d/b=content", "e/", "e/OTHER~1=another", "e/OTHER~2.TXT=some other"));
  Close();
  EXPECT_THAT(Bare(), ElementsAre("d/", "d/b=content", "e/", "e/OTHER~1=another", "e/OTHER~2.TXT=some other"));
}

// A name in small letters has a long name too, and the short one differs by its letters only.
TEST_F(RecoverOnFatTest, WhatLostItsSmallLettersIsNoLossOfTheOther) {
  AnnounceMoveOfAToB();
  ASSERT_EQ(backing().RemoveFile(BareDirectory("e"), BackingName("a")).code(), 0);
  BareFile("e/A", "");
  BareFile("d/b", "content");
  Open();
  EXPECT_THAT(Names(), ElementsAre("d/", "d/b=content", "e/", "e/A="));
}

// The same, when the fsck of the backing has left the content to the old entry.
TEST_F(RecoverOnFatTest, WhatLostItsSmallLettersKeepsItsContent) { LoseSmallLettersAndKeepTheContent(); }

// Linux's vfat tells letters apart when it is mounted with iocharset=utf8, and finds such an entry by its short name only.
TEST_F(RecoverOnFatWithUtf8Test, WhatLostItsSmallLettersKeepsItsContent) { LoseSmallLettersAndKeepTheContent(); }

// As long as nobody has parted them, to remove the one would free the content of the other.
TEST_F(RecoverOnFatTest, WhatLostItsLongNameIsNobodyElsesBeforeItIsParted) {
  AnnounceMoveOfAToB();
  const Result<BackingStat> was = backing().Stat(BareDirectory("e"), BackingName("a"));
  ASSERT_EQ(backing().RemoveFile(BareDirectory("e"), BackingName("a")).code(), 0);
  for (const auto& [directory, name] : {std::pair("d", "b"), std::pair("e", "A~1")}) {
    BareFile(std::string(directory) + "/" + name, "content");
    ASSERT_EQ(backing().SetTimes(BareDirectory(directory), BackingName(name), std::nullopt, was->mtime).code(), 0);
  }
  Open();
  EXPECT_THAT(Names(), ElementsAre("d/", testing::StartsWith("d/b="), "e/"));
  EXPECT_EQ(volume().SettleSome(10).code(), 0);
  EXPECT_THAT(Names(), ElementsAre("d/", testing::StartsWith("d/b="), "e/"));
  EXPECT_THAT(Bare(), ElementsAre("d/", "d/b=content", "e/", "e/A~1=content"));
}

// Its own files are somewhere else: it was moved by another machine.
TEST_F(RecoverOnFatTest, AnotherDirectoryIsNotTakenForOneWhoseFilesAreKnown) {
  AnnounceMoveOfDirectoryAToB();
  ASSERT_EQ(backing().Rename(BareDirectory("e"), BackingName("a"), backing().root(), BackingName("moved")).code(), 0);
  ASSERT_EQ(backing().MakeDirectory(BareDirectory("e"), BackingName("SETUP~1"), 0755).code(), 0);
  BareFile("e/SETUP~1/theirs", "other");
  Open();
  EXPECT_THAT(Names(), ElementsAre("d/", "e/", "e/SETUP~1/", "e/SETUP~1/theirs=other", "moved/", "moved/inside=content"));
}

TEST_F(RecoverOnFatTest, OfTwoThatMayBeItNoneIsTaken) {
  AnnounceMoveOfAToB();
  const Result<BackingStat> was = backing().Stat(BareDirectory("e"), BackingName("a"));
  ASSERT_EQ(backing().RemoveFile(BareDirectory("e"), BackingName("a")).code(), 0);
  BareFile("d/b", "");
  for (const char* const name : {"A~1", "A~2"}) {
    BareFile("e/" + std::string(name), "content");
    ASSERT_EQ(backing().SetTimes(BareDirectory("e"), BackingName(name), std::nullopt, was->mtime).code(), 0);
  }
  Open();
  EXPECT_THAT(Names(), ElementsAre("d/", "d/b=", "e/", "e/A~1=content", "e/A~2=content"));
}

TEST_F(RecoverOnFatTest, DirectoryThatLostItsLongNameIsFoundByWhatLivesInIt) {
  AnnounceMoveOfDirectoryAToB();
  ASSERT_EQ(backing().Rename(BareDirectory("e"), BackingName("a"), BareDirectory("e"), BackingName("A~2")).code(), 0);
  ASSERT_EQ(backing().MakeDirectory(BareDirectory("e"), BackingName("A~1"), 0755).code(), 0);
  Open();
  EXPECT_THAT(Names(), ElementsAre("d/", "d/b/", "d/b/inside=content", "e/", "e/A~1/"));
  Close();
  EXPECT_THAT(Bare(), ElementsAre("d/", "d/b/", "d/b/inside=content", "e/", "e/A~1/"));
}

TEST_F(RecoverOnFatTest, DirectoryThatLostItsLongNameMayBeWithoutWhatWasRemovedFromIt) {
  Directory("d");
  Directory("e");
  Directory("e/a");
  File("e/a/inside", "content");
  ASSERT_EQ(Remove("e/a/inside"), 0);
  ASSERT_EQ(Rename("e/a", "d/b"), 0);
  AnnounceMoves();
  ASSERT_EQ(backing().RemoveFile(BareDirectory("e/a"), BackingName("inside")).code(), 0);
  ASSERT_EQ(backing().Rename(BareDirectory("e"), BackingName("a"), BareDirectory("e"), BackingName("A~1")).code(), 0);
  Open();
  EXPECT_THAT(Names(), ElementsAre("d/", "d/b/", "e/"));
  Close();
  EXPECT_THAT(Bare(), ElementsAre("d/", "d/b/", "e/"));
}

TEST_F(RecoverOnFatTest, EmptyDirectoryIsNotTakenForOneWhoseFilesAreKnown) {
  Directory("d");
  Directory("e");
  Directory("e/empty");
  Directory("e/full");
  File("e/full/inside", "content");
  ASSERT_EQ(Rename("e/empty", "d/empty"), 0);
  ASSERT_EQ(Rename("e/full", "d/full"), 0);
  AnnounceMoves();
  ASSERT_EQ(backing().Rename(BareDirectory("e"), BackingName("empty"), BareDirectory("e"), BackingName("EMPTY~1")).code(), 0);
  ASSERT_EQ(backing().Rename(BareDirectory("e"), BackingName("full"), BareDirectory("e"), BackingName("FULL~1")).code(), 0);
  Open();
  EXPECT_THAT(Names(), ElementsAre("d/", "d/empty/", "d/full/", "d/full/inside=content", "e/"));
  Close();
  EXPECT_THAT(Bare(), ElementsAre("d/", "d/empty/", "d/full/", "d/full/inside=content", "e/"));
}

// Where case does not count, what is found at a place may be another one of the same letters, which is not to be removed.
TEST_F(RecoverTest, AnotherOfTheSameLettersIsNoTwin) {
  Directory("d");
  File("x");
  File("y", "content");
  ASSERT_EQ(Rename("x", "d/lower"), 0);
  ASSERT_EQ(Rename("y", "d/LOWER"), 0);
  int renames = 0;
  backing().SetFaultHook([&](BackingCall call, const std::string&) { return call == BackingCall::kRename && renames++ > 0 ? EIO : 0; });
  static_cast<void>(volume().SettleSome(10));
  Revive();
  KillAndOpen();
  EXPECT_THAT(Names(), ElementsAre("d/", "d/LOWER=content", "d/lower="));
  Reopen();
  EXPECT_THAT(Names(), ElementsAre("d/", "d/LOWER=content", "d/lower="));
}

// A file is moved out of a directory that is moved itself: where it was can only be found after that one.
TEST_F(RecoverTest, MoveOutOfADirectoryThatWasBeingMovedWaitsForIt) {
  File("f", "content");
  Directory("x");
  Directory("x/d");
  Directory("e");
  ASSERT_EQ(Rename("f", "x/d/f"), 0);
  Reopen();
  ASSERT_EQ(Rename("x/d", "e/m"), 0);
  ASSERT_EQ(Rename("e/m/f", "g"), 0);
  ASSERT_THAT(Names(), ElementsAre("e/", "e/m/", "g=content", "x/"));
  ASSERT_GT(*volume().SettleSome(10), 0U);
  machine_.Kill();
  engine().ForgetUnsynced(0);
  ASSERT_THAT(Bare(), ElementsAre("e/", "e/m/", "g=content", "x/"));
  // What a rename on FAT may leave, and its fsck make of that.
  BareMove("g", "e/m/f");
  BareFile("g", "");
  Open();
  EXPECT_THAT(Names(), ElementsAre("e/", "e/m/", "g=content", "x/"));
  ExpectSound();
}

// Contents are not lost with the records, whatever was synced: they are adopted.
TEST_F(RecoverTest, AfterAPowerCutEveryContentIsStillSomewhere) {
  for (uint64_t keep = 0; keep < 12; ++keep) {
    File("a", "1");
    EXPECT_TRUE(volume().SyncAll().ok());
    File("b", "2");
    Directory("d");
    Rename("a", "d/x");
    Link("b", "d/y");
    Remove("b");
    File("b", "3");
    machine_.Kill();
    engine().ForgetUnsynced(keep);
    Open();
    const Lines names = Names();
    ExpectSound();
    for (const char* content : {"=1", "=2", "=3"}) {
      EXPECT_TRUE(std::ranges::any_of(names, [&](const std::string& line) { return line.ends_with(content); }))
          << content << " keep " << keep;
    }
    Reopen();
    ExpectSound();
    for (const std::string& line : names) {
      if (line.ends_with("/")) continue;
      EXPECT_EQ(Remove(line.substr(0, line.find('='))), 0) << line;
    }
    for (const char* directory : {"d", "lost+found"}) {
      if (Raw(Find(directory)) == 0) continue;
      EXPECT_EQ(Remove(directory), 0);
    }
    Reopen();
    EXPECT_THAT(Names(), IsEmpty());
  }
}

TEST_F(RecoverTest, ContentInHomesThatNobodyKnowsGoesToLostAndFound) {
  machine_.Kill();
  auto file = backing().CreateFile(machine_.homes(), BackingName("00000000000000ff"), 0600);
  ASSERT_TRUE((*file)->Write(std::string("1"), 0).ok());
  ASSERT_TRUE(backing().CreateFile(machine_.homes(), BackingName("empty"), 0600).ok());
  ASSERT_TRUE(backing().MakeDirectory(machine_.homes(), BackingName("directory"), 0700).ok());
  Open();
  EXPECT_THAT(Names(), ElementsAre("lost+found/", "lost+found/homes-00000000000000ff=1"));
  EXPECT_EQ(Record("lost+found/homes-00000000000000ff").mode, 0600U);
  ExpectSound();
  machine_.Kill();
  ASSERT_TRUE(backing().MakeDirectory(machine_.homes(), BackingName("again"), 0700).ok());
  Open();
  EXPECT_THAT(InHomes(), IsEmpty());
}

TEST_F(RecoverTest, UnknownContentInHomesOpensWithoutAUsableLostAndFound) {
  for (const bool removed : {true, false}) {
    machine_.Kill();
    auto file = backing().CreateFile(machine_.homes(), BackingName(removed ? "x" : "y"), 0600);
    ASSERT_TRUE((*file)->Write(std::string("1"), 0).ok());
    Open();
    EXPECT_THAT(Names(), testing::Contains(testing::EndsWith("=1")));
    ExpectSound();
    machine_.Kill();
    if (removed) {
      BareRemove("lost+found");
    } else {
      Open();
      for (const std::string& line : Names()) {
        if (line.ends_with("/")) continue;
        EXPECT_EQ(Remove(line.substr(0, line.find('='))), 0);
      }
      EXPECT_EQ(Remove("lost+found"), 0);
      File("lost+found", "a file");
      machine_.Kill();
    }
    file = backing().CreateFile(machine_.homes(), BackingName("z"), 0600);
    ASSERT_TRUE((*file)->Write(std::string("2"), 0).ok());
    ASSERT_EQ(machine_.Open().code(), 0) << removed;
    EXPECT_THAT(Names(), testing::Contains(testing::EndsWith("=2")));
    ExpectSound();
  }
}

TEST_F(RecoverTest, InodeCountIsCountedAfterACrash) {
  File("a");
  Directory("d");
  KillAndOpen();
  EXPECT_EQ(volume().inode_count(), 3U);
}

TEST_F(RecoverTest, GenerationTellsTheSessionsApart) {
  File("a");
  const uint64_t before = Record("a").generation;
  Reopen();
  File("b");
  EXPECT_EQ(Record("a").generation, before);
  EXPECT_GT(Record("b").generation, before);
}

// S7: the content that takes over a name is durable before the rename is.
TEST_F(RecoverTest, ReplacingContentIsSyncedBeforeTheLog) {
  File("a", "old");
  EXPECT_TRUE(volume().SyncAll().ok());
  File("b", "new");
  Rename("b", "a");
  backing().ForgetCalls();
  uint64_t unsynced_at_sync = 0;
  backing().SetFaultHook([&](BackingCall call, const std::string&) {
    if (call == BackingCall::kSyncFile) unsynced_at_sync = engine().UnsyncedCommits();
    return 0;
  });
  EXPECT_TRUE(volume().SyncCatalog().ok());
  EXPECT_GE(backing().calls(BackingCall::kSyncFile), 1U);
  EXPECT_GE(backing().calls(BackingCall::kSyncDirectory), 1U);
  EXPECT_GT(unsynced_at_sync, 0U);
  EXPECT_EQ(engine().UnsyncedCommits(), 0U);
}

TEST_F(RecoverTest, FailedSyncOfReplacingContentKeepsTheLogUnsynced) {
  File("a", "old");
  EXPECT_TRUE(volume().SyncAll().ok());
  File("b", "new");
  Rename("b", "a");
  backing().FailNth(BackingCall::kSyncFile, 1, EIO);
  EXPECT_FALSE(volume().SyncCatalog().ok());
  EXPECT_GT(engine().UnsyncedCommits(), 0U);
  EXPECT_EQ(volume().SyncCatalog().code(), EIO) << "a failed sync was tried again as if it could succeed";
  EXPECT_GT(engine().UnsyncedCommits(), 0U);
  EXPECT_EQ(TryFile("c"), EROFS);
  KillAndOpen();
  File("c", "after");
  EXPECT_TRUE(volume().SyncAll().ok());
  EXPECT_EQ(engine().UnsyncedCommits(), 0U);
}

TEST_F(RecoverTest, OpenOfACatalogWithANewerFormatIsRefusedAndChangesNothing) {
  Close();
  std::string meta_then;
  {
    Catalog catalog(engine());
    MetaRecord meta = *catalog.ReadMeta();
    meta.format_version = 2;
    Transaction transaction(catalog);
    transaction.PutMeta(meta);
    ASSERT_TRUE(transaction.Commit().ok());
    meta_then = **engine().Get(keys::Meta());
  }
  EXPECT_EQ(machine_.Open().code(), ENOTSUP);
  machine_.Kill();
  EXPECT_EQ(**engine().Get(keys::Meta()), meta_then);
}

TEST_F(RecoverTest, NumbersThatAreInUseAreNotGivenOutAgain) {
  File("a", "a");
  Close();
  MetaRecord meta = *DecodeMetaRecord("M", **engine().Get("M"));
  meta.next_inode = Raw(kFirstFreeInode);
  Batch damage;
  damage.Put("M", Encode("M", meta));
  ASSERT_TRUE(engine().Commit(damage).ok());
  EXPECT_EQ(machine_.Open().code(), EUCLEAN);
  machine_.Kill();
}

TEST_F(RecoverTest, WhatARecordClaimsInHomesIsNotSweptAway) {
  File("a", "a");
  ASSERT_EQ(Rename("a", "b"), 0);
  const InodeId empty = File("a");  // the place is not free yet: it waits in homes
  ASSERT_FALSE(InHomes().empty());
  Batch damage;
  damage.Delete(keys::Home(*volume().Read(empty)->home));
  ASSERT_TRUE(engine().Commit(damage).ok());
  KillAndOpen();
  EXPECT_FALSE(InHomes().empty());
  EXPECT_EQ(Content("a"), "");
}

}  // namespace
}  // namespace hardlinkfs
