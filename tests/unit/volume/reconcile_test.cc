// What another machine did to the bare backing between two sessions is taken over: added, changed, removed, moved.
#include <cerrno>

#include "tests/unit/volume/volume_fixture.h"

namespace hardlinkfs {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class ReconcileTest : public VolumeTest {
 protected:
  // Something happens below while nobody has the volume open.
  template <typename Edit>
  void Between(const Edit& edit) {
    Close();
    edit();
    Open();
  }
};

TEST_F(ReconcileTest, AddedFilesAndDirectoriesAreAdopted) {
  Directory("d");
  Between([this] {
    BareFile("a", "1");
    BareFile("d/b", "2");
    BareMakeDirectory("e");
    BareFile("e/c", "3");
  });
  EXPECT_THAT(Names(), ElementsAre("a=1", "d/", "d/b=2", "e/", "e/c=3"));
  EXPECT_EQ(Record("").nlink, 4U);
  ExpectSound();
  const InodeId adopted = Find("e/c");
  Reopen();
  EXPECT_EQ(Find("e/c"), adopted);
}

TEST_F(ReconcileTest, AdoptedGetTheDefaultsOfTheOptions) {
  Between([this] { BareFile("a", "1"); });
  EXPECT_EQ(Record("a").mode, machine_.options().volume.file_mode);
  EXPECT_EQ(Record("a").uid, machine_.options().volume.uid);
}

TEST_F(ReconcileTest, AdoptedAfterACrashGetTheStrictestDefaults) {
  File("a", "1");
  machine_.Kill();
  BareFile("b", "2");
  BareMakeDirectory("d");
  Open();
  EXPECT_EQ(Record("b").mode, 0600U);
  EXPECT_EQ(Record("b").uid, 0U);
  EXPECT_EQ(Record("d").mode, 0700U);
}

TEST_F(ReconcileTest, SpellingOfARefusedNameIsDecoded) {
  Between([this] { BareFile("x%3Ay", "1"); });
  EXPECT_THAT(Names(), ElementsAre("x:y=1"));
}

TEST_F(ReconcileTest, EditedFileShowsItsNewSizeAndTimeUnderAllItsNames) {
  File("a", "1");
  Link("a", "b");
  const InodeId inode = Find("a");
  Between([this] { BareFile("a", "22"); });
  EXPECT_THAT(Names(), ElementsAre("a=22", "b=22"));
  EXPECT_EQ(Record("b").size, 2U);
  EXPECT_EQ(Record("b").mtime, backing().Stat(backing().root(), BackingName("a"))->mtime);
  EXPECT_EQ(Find("b"), inode);
}

TEST_F(ReconcileTest, UntouchedFileKeepsItsExactTime) {
  File("a", "1");
  const Timestamp before = Record("a").mtime;
  EXPECT_NE(before.nanoseconds, 0U);
  Reopen();
  EXPECT_EQ(Record("a").mtime, before);
}

TEST_F(ReconcileTest, RemovedFileLosesAllItsNames) {
  File("a", "1");
  Link("a", "b");
  File("c", "3");
  Between([this] { BareRemove("a"); });
  EXPECT_THAT(Names(), ElementsAre("c=3"));
  ExpectSound();
}

TEST_F(ReconcileTest, LinkInADirectoryThatNobodyTouchedGoesWhenItIsLookedAt) {
  Directory("d");
  File("a", "1");
  Link("a", "d/b");
  Between([this] { BareRemove("a"); });
  EXPECT_EQ(Raw(Find("d/b")), 0U);
  ExpectSound();
}

TEST_F(ReconcileTest, RemovedTreeIsGone) {
  Directory("d");
  Directory("d/e");
  Directory("d/e/f");
  File("d/a", "1");
  File("d/e/f/b", "2");
  File("c", "3");
  Between([this] { BareRemove("d"); });
  EXPECT_THAT(Names(), ElementsAre("c=3"));
  EXPECT_EQ(Record("").nlink, 2U);
  EXPECT_EQ(volume().inode_count(), 2U);
  ExpectSound();
}

TEST_F(ReconcileTest, NameInARemovedTreeOfAFileThatLivesElsewhereGoes) {
  Directory("d");
  File("a", "1");
  Link("a", "d/b");
  Between([this] { BareRemove("d"); });
  EXPECT_THAT(Names(), ElementsAre("a=1"));
  EXPECT_EQ(Record("a").nlink, 1U);
  ExpectSound();
}

TEST_F(ReconcileTest, MovedFileIsAdoptedAtItsNewPlace) {
  Directory("d");
  File("a", "1");
  Between([this] { BareMove("a", "d/b"); });
  EXPECT_THAT(Names(), ElementsAre("d/", "d/b=1"));
  ExpectSound();
}

TEST_F(ReconcileTest, MovedDirectoryIsAdoptedWithAllItHolds) {
  Directory("d");
  Directory("e");
  File("d/a", "1");
  Between([this] { BareMove("d", "e/f"); });
  EXPECT_THAT(Names(), ElementsAre("e/", "e/f/", "e/f/a=1"));
  ExpectSound();
}

TEST_F(ReconcileTest, ChangeOfCaseBelowKeepsTheFileOne) {
  File("readme", "1");
  Link("readme", "link");
  Between([this] { BareMove("readme", "README"); });
  const Lines names = Names();
  EXPECT_THAT(names, SizeIs(2));
  EXPECT_THAT(names, Contains("README=1"));
  ExpectSound();
  Remove(names[0].substr(0, names[0].find('=')));
  Reopen();
  EXPECT_THAT(Bare(), SizeIs(1));
}

TEST_F(ReconcileTest, ChangeOfCaseThatOnlyTheBackingKnowsKeepsTheFileOne) {
  File("λόγος", "1");
  Link("λόγος", "link");
  File("other", "22");
  Between([this] { BareMove("λόγος", "ΛΌΓΟΣ"); });
  EXPECT_THAT(Names(), ElementsAre("link=1", "other=22", "ΛΌΓΟΣ=1"));
  ExpectSound();
}

// Two entries that look the same: which of them is the known one is not for us to guess, and nothing is lost by waiting.
TEST_F(ReconcileTest, WhatMayBeAKnownEntryInAnotherSpellingIsNotAdopted) {
  File("λόγος", "1");
  Between([this] {
    BareMove("λόγος", "ΛΌΓΟΣ");
    BareFile("twin", "2");
    const Result<BackingStat> seen = backing().Stat(backing().root(), BackingName("ΛΌΓΟΣ"));
    ASSERT_TRUE(seen.ok() && backing().SetTimes(backing().root(), BackingName("twin"), {}, seen->mtime).ok());
  });
  EXPECT_THAT(Names(), ElementsAre("λόγος=1"));
  EXPECT_THAT(Bare(), SizeIs(2));
}

TEST_F(ReconcileTest, FileThatBecameADirectoryIsADirectory) {
  File("a", "1");
  Link("a", "b");
  Between([this] {
    BareRemove("a");
    BareMakeDirectory("a");
    BareFile("a/x", "2");
  });
  EXPECT_THAT(Names(), ElementsAre("a/", "a/x=2"));
  EXPECT_EQ(Record("").nlink, 3U);
  ExpectSound();
}

TEST_F(ReconcileTest, DirectoryThatBecameAFileIsAFile) {
  Directory("a");
  File("a/x", "1");
  Between([this] {
    BareRemove("a");
    BareFile("a", "2");
  });
  EXPECT_THAT(Names(), ElementsAre("a=2"));
  ExpectSound();
}

// The catalog has a name for a content that waits elsewhere, and somebody put another content where it wants to go.
TEST_F(ReconcileTest, EntryAtTheNameOfADetachedFileIsKeptBesideIt) {
  File("a", "old");
  Rename("a", "b");
  machine_.Kill();
  BareFile("b", "new");
  Open();
  const Lines names = Names();
  EXPECT_THAT(names, SizeIs(2));
  EXPECT_THAT(names, Contains("b=old"));
  EXPECT_THAT(names, Contains("b (2)=new"));
  ExpectSound();
  Reopen();
  EXPECT_EQ(Names(), names);
  EXPECT_EQ(Bare(), Lines({"b (2)=new", "b=old"}));
}

TEST_F(ReconcileTest, AdoptedUnderAnotherNameFollowsIt) {
  Between([this] { BareFile("x%41y", "1"); });  // no spelling of ours: the name is what it says
  EXPECT_THAT(Names(), ElementsAre("x%41y=1"));
  EXPECT_EQ(Rename("x%41y", "z"), 0);
  ExpectSound();
  Reopen();
  EXPECT_THAT(Bare(), ElementsAre("z=1"));
}

TEST_F(ReconcileTest, VanishedHomeNeverKeepsTheSessionFromEnding) {
  Directory("d");
  File("a", "1");
  Rename("a", "d/b");
  File("c", "2");
  Rename("c", "e");
  machine_.Kill();
  BareRemove("a");
  BareRemove("d");
  Open();
  EXPECT_EQ(machine_.Stop().code(), 0);
  machine_.Kill();
  Open();
  EXPECT_THAT(Names(), ElementsAre("e=2"));
  ExpectSound();
}

TEST_F(ReconcileTest, ContentWhoseDirectoryVanishedIsFoundInLostAndFound) {
  Directory("d");
  File("a", "1");
  Rename("a", "d/b");  // its content is still outside of d
  machine_.Kill();
  BareRemove("d");
  Open();
  const Lines names = Names();
  ASSERT_THAT(names, SizeIs(2));
  EXPECT_EQ(names[0], "lost+found/");
  EXPECT_TRUE(names[1].starts_with("lost+found/#") && names[1].ends_with("=1")) << names[1];
  ExpectSound();
  Reopen();
  EXPECT_EQ(Names(), names);
  EXPECT_EQ(Bare(), names);
}

// What somebody above may have kept.
class ChangesTold final : public ChangeObserver {
 public:
  void AttributesChanged(InodeId inode) override { attributes.push_back(inode); }
  void ListingChanged(InodeId directory) override { listings.push_back(directory); }
  void NameChanged(InodeId directory, const Name& name) override { names.emplace_back(directory, name.bytes()); }
  void EverythingChanged() override { FAIL(); }

  std::vector<InodeId> attributes;
  std::vector<InodeId> listings;
  std::vector<std::pair<InodeId, std::string>> names;
};

TEST_F(ReconcileTest, WhatADropChangesElsewhereIsTold) {
  Directory("d");
  const InodeId sub = Directory("d/sub");
  const InodeId file = File("a", "1");
  Link("a", "d/sub/b");
  const InodeId symlink = Symlink("d/sub/s");
  Directory("e");
  File("d/sub/home", "2");
  Link("d/sub/home", "e/c");
  const InodeId d = Find("d");
  const InodeId e = Find("e");
  Between([this] { BareRemove("d/sub"); });
  EXPECT_EQ(Record("a").nlink, 2U);
  ChangesTold told;
  volume().Observe(&told);
  EXPECT_EQ(Raw(Find("d/sub")), 0U);
  volume().Observe(nullptr);
  EXPECT_THAT(told.attributes, testing::IsSupersetOf({file, symlink}));
  EXPECT_THAT(told.listings, testing::IsSupersetOf({kRootInode, d, e, Find("lost+found")}));
  EXPECT_THAT(told.names,
              ElementsAre(std::pair(kRootInode, "lost+found"), std::pair(Find("lost+found"), "#" + std::to_string(Raw(symlink)))));
  EXPECT_EQ(Record("a").nlink, 1U);
  static_cast<void>(sub);
  ExpectSound();
}

TEST_F(ReconcileTest, WhatTookThePlaceOfAFileIsTold) {
  Directory("d");
  const InodeId file = File("a", "1");
  Link("a", "d/b");
  Between([this] {
    BareRemove("a");
    BareMakeDirectory("a");
  });
  EXPECT_EQ(volume().PrepareDirectory(kRootInode).code(), 0);
  ChangesTold told;
  volume().Observe(&told);
  EXPECT_EQ(volume().Prepare(file).code(), ENOENT);
  volume().Observe(nullptr);
  EXPECT_THAT(told.names, ElementsAre(std::pair(kRootInode, "a")));
  EXPECT_THAT(told.listings, Contains(kRootInode));
  ExpectSound();
}

TEST_F(ReconcileTest, OnlyTheSubdirectoriesOfAFirstListingAreTold) {
  Between([this] {
    BareMakeDirectory("d");
    BareFile("d/a", "1");
    BareMakeDirectory("d/b");
  });
  const InodeId d = Find("d");
  ChangesTold told;
  volume().Observe(&told);
  EXPECT_NE(Raw(Find("d/a")), 0U);
  volume().Observe(nullptr);
  EXPECT_THAT(told.attributes, testing::Each(d));
  EXPECT_THAT(told.attributes, testing::Not(IsEmpty()));
  EXPECT_THAT(told.listings, IsEmpty());
  EXPECT_THAT(told.names, IsEmpty());
}

TEST_F(ReconcileTest, RemovedLostAndFoundIsNoTrap) {
  Directory("d");
  Symlink("d/s");
  File("a", "1");
  Rename("a", "d/b");
  machine_.Kill();
  BareRemove("d");
  Open();
  Names();
  ASSERT_NE(Raw(Find("lost+found")), 0U);
  machine_.Kill();
  BareRemove("lost+found");
  Open();
  EXPECT_EQ(volume().PrepareDirectory(kRootInode).code(), 0);
  Names();
  ExpectSound();
  Close();
}

TEST_F(ReconcileTest, FileNamedLostAndFoundIsNoTrap) {
  File("lost+found", "mine");
  Directory("d");
  File("a", "1");
  Rename("a", "d/b");
  machine_.Kill();
  BareRemove("d");
  Open();
  const Lines names = Names();
  EXPECT_THAT(names, Contains("lost+found=mine"));
  EXPECT_THAT(names, Contains(testing::EndsWith("=1")));
  ExpectSound();
  Close();
}

TEST_F(ReconcileTest, ErrorOfTheBackingCostsNobodyAName) {
  Directory("d");
  File("d/a", "1");
  Link("d/a", "b");
  const Lines before = Names();
  for (uint64_t step = 1;; ++step) {
    ASSERT_LT(step, 100U);
    Reopen();
    backing().FailNth(std::nullopt, step, EIO);
    bool failed = false;
    for (const char* name : {"", "d"}) failed = volume().PrepareDirectory(Find(name)).code() == EIO || failed;
    for (const char* name : {"d/a", "b"}) failed = Raw(Find(name)) == 0 || failed;
    backing().FailNth(std::nullopt, 0, 0);
    EXPECT_EQ(Names(), before) << "step " << step;
    ExpectSound();
    if (!failed) break;
  }
}

TEST_F(ReconcileTest, WrongVolumeIsRefused) {
  Close();
  Catalog catalog(engine());
  CatalogVolume wrong(backing(), catalog, machine_.clock(), machine_.capabilities(), machine_.homes(), {});
  EXPECT_EQ(wrong.Open("another uuid").code(), ESTALE);
  Open();
  EXPECT_THAT(Names(), IsEmpty());
}

class ReconcileOnExt4Test : public VolumeTest {
 protected:
  ReconcileOnExt4Test() : VolumeTest(MachineOptions{}) {}
};

TEST_F(ReconcileOnExt4Test, AdoptedKeepWhatTheBackingHolds) {
  Close();
  BareFile("a", "1");
  const BackingName name("a");
  ASSERT_TRUE(backing().SetOwner(backing().root(), name, 5, 6).ok());
  ASSERT_TRUE(backing().SetMode(backing().root(), name, 0640).ok());
  ASSERT_TRUE(backing().AddXattr(backing().root(), name, "user.x", "y").ok());
  ASSERT_TRUE(backing().AddSymlink(backing().root(), BackingName("s"), "to").ok());
  ASSERT_TRUE(backing().AddSpecial(backing().root(), BackingName("f"), FileType::kFifo, 0).ok());
  Open();
  EXPECT_THAT(Names(), ElementsAre("a=1", "f@", "s@"));
  EXPECT_EQ(Record("a").mode, 0640U);
  EXPECT_EQ(Record("a").uid, 5U);
  EXPECT_EQ(Record("a").gid, 6U);
  EXPECT_EQ(*machine_.catalog().ReadXattr(Find("a"), "user.x"), "y");
  EXPECT_EQ(*machine_.catalog().ReadTarget(Find("s")), "to");
  EXPECT_EQ(Rename("s", "t"), 0);
  EXPECT_EQ(Remove("f"), 0);
  Reopen();
  EXPECT_THAT(Bare(), ElementsAre("a=1", "t@"));
}

// An error is no reason to call it imported, and to forget what could not be read.
TEST_F(ReconcileOnExt4Test, XattrsThatCannotBeReadNowAreReadLater) {
  Close();
  BareFile("a", "1");
  const BackingName name("a");
  for (const char* xattr : {"user.x", "user.y"}) ASSERT_TRUE(backing().AddXattr(backing().root(), name, xattr, "value").ok());
  Open();
  ASSERT_EQ(volume().PrepareDirectory(kRootInode).code(), 0);
  const InodeId inode = volume().Find(kRootInode, N("a"))->record.inode;
  backing().FailNth(BackingCall::kGetXattr, 2, EIO);
  EXPECT_EQ(volume().Prepare(inode).code(), EIO);
  Reopen();
  EXPECT_EQ(Find("a"), inode);
  EXPECT_EQ(*machine_.catalog().ReadXattr(inode, "user.x"), "value");
  EXPECT_EQ(*machine_.catalog().ReadXattr(inode, "user.y"), "value");
}

// One that went in between, or that a server without root's rights may never read, keeps nobody from the file.
TEST_F(ReconcileOnExt4Test, XattrsThatAreNotOursToReadAreLeftOut) {
  Close();
  BareFile("a", "1");
  const BackingName name("a");
  for (const char* xattr : {"user.x", "user.y"}) ASSERT_TRUE(backing().AddXattr(backing().root(), name, xattr, "value").ok());
  for (const int error : {ENODATA, EACCES}) {
    Open();
    ASSERT_EQ(volume().PrepareDirectory(kRootInode).code(), 0);
    backing().FailNth(BackingCall::kGetXattr, 1, error);
    EXPECT_NE(Raw(Find("a")), 0U) << error;
    EXPECT_EQ(machine_.catalog().ListXattrs(Find("a"))->size(), 1U);
    Close();
    BareRemove("a");
    BareFile("a", "1");
    for (const char* xattr : {"user.x", "user.y"}) ASSERT_TRUE(backing().AddXattr(backing().root(), name, xattr, "value").ok());
  }
  Open();
}

}  // namespace
}  // namespace hardlinkfs
