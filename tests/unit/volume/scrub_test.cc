// fsck without a terminal: each kind of damage is found, repaired without a loss, and gone at the second check.
#include "store/volume/scrub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/volume/scrub_fixture.h"

namespace hardlinkfs {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(ScrubTest, OfAWholeVolumeFindsNothing) {
  EXPECT_THAT(Repair(), IsEmpty());
  EXPECT_EQ(After(), whole_);
}

TEST_F(ScrubTest, ARunningVolumeIsCleanToo) {
  Open();
  File("d/new", "new");
  ASSERT_EQ(Rename("d/e", "e2"), 0);
  ASSERT_EQ(Remove("two"), 0);
  EXPECT_THAT(machine_.Fsck(), IsEmpty());
}

TEST_F(ScrubTest, WhatAnotherMachineDidIsNoDamage) {
  BareFile("stranger", "stranger");
  BareRemove("d/file");
  EXPECT_THAT(machine_.Fsck(), IsEmpty());
  ScrubLog log;
  ASSERT_TRUE(machine_.Scrub(log).ok());
  EXPECT_THAT(log.Notes(), AllOf(Contains(HasSubstr("\"stranger\" in directory inode 1")), Contains(HasSubstr("is not on the backing"))));
}

// S-FSCK-3: what cannot be known any more is as strict as can be.
TEST_F(ScrubTest, ADamagedRecordIsMadeAnewWithItsNamesContentAndStrictRights) {
  Flip(keys::Inode(linked_));
  EXPECT_THAT(Repair(), ElementsAre(HasSubstr("The record of inode " + std::to_string(Raw(linked_)) + " is damaged")));
  const InodeRecord record = Stored(linked_);
  EXPECT_EQ(record.mode, 0600U);
  EXPECT_EQ(record.nlink, 2U);
  EXPECT_EQ(record.size, 3U);
  EXPECT_EQ(After(), whole_);
}

TEST_F(ScrubTest, AMissingRecordIsMadeAnewToo) {
  Delete(keys::Inode(linked_));
  EXPECT_THAT(Repair(), Contains(HasSubstr("which has no record")));
  EXPECT_EQ(After(), whole_);
}

TEST_F(ScrubTest, ADamagedDirectoryKeepsItsContents) {
  Flip(keys::Inode(directory_));
  EXPECT_THAT(Repair(), Contains(HasSubstr("is damaged")));
  EXPECT_EQ(Stored(directory_).mode, 0700U);
  EXPECT_EQ(After(), whole_);
}

TEST_F(ScrubTest, DirectoriesInEachOtherAreMadeAnewTogether) {
  Delete(keys::Inode(directory_));
  Flip(keys::Inode(below_));
  Flip(keys::Inode(deep_));
  EXPECT_THAT(Repair(), Contains(HasSubstr("has no record")));
  EXPECT_EQ(After(), whole_);
}

TEST_F(ScrubTest, ADamagedSymlinkKeepsItsTarget) {
  Flip(keys::Inode(symlink_));
  EXPECT_THAT(Repair(), SizeIs(1));
  EXPECT_EQ(After(), whole_);
  EXPECT_EQ(*DecodeBytes(keys::Target(symlink_), **engine().Get(keys::Target(symlink_))), "target");
}

TEST_F(ScrubTest, ADamagedTargetLeadsNowhereAndCanBeLookedAt) {
  Flip(keys::Target(symlink_));
  EXPECT_THAT(Repair(), ElementsAre(HasSubstr("target of the symlink")));
  EXPECT_THAT(*DecodeBytes(keys::Target(symlink_), **engine().Get(keys::Target(symlink_))), HasSubstr("damaged: t"));
  EXPECT_EQ(After(), whole_);
}

TEST_F(ScrubTest, AMissingTargetIsMarked) {
  Delete(keys::Target(symlink_));
  EXPECT_THAT(Repair(), ElementsAre(HasSubstr("without a target")));
  EXPECT_EQ(After(), whole_);
}

TEST_F(ScrubTest, ADamagedNameComesBackFromItsHome) {
  Flip(NameKey(file_, directory_));
  EXPECT_THAT(Repair(), Contains(HasSubstr("A name in directory")));
  EXPECT_EQ(After(), whole_);
}

TEST_F(ScrubTest, ADamagedSecondNameIsGivenUp) {
  Flip(NameKey(linked_, directory_));
  EXPECT_THAT(Repair(), Contains(HasSubstr("A name in directory")));
  EXPECT_EQ(Stored(linked_).nlink, 1U);
  Lines expected = whole_;
  std::erase(expected, "d/also=two");
  EXPECT_EQ(After(), expected);
}

// S-FSCK-2: what would have no name is in lost+found.
TEST_F(ScrubTest, WhatLosesItsLastNameIsInLostAndFound) {
  Flip(NameKey(symlink_, kRootInode));
  EXPECT_THAT(Repair(), Contains(HasSubstr("A name in directory")));
  EXPECT_THAT(After(), AllOf(Contains("lost+found/#" + std::to_string(Raw(symlink_)) + "@"), Contains("two=two")));
}

TEST_F(ScrubTest, ANameThatIsGoneWithItsRowsIsFoundAgain) {
  const Slot slot = SlotOf(file_, directory_);
  Delete(keys::NameAt(directory_, slot));
  EXPECT_THAT(Repair(), Contains(HasSubstr("leads to no name")));
  EXPECT_THAT(After(), Contains("lost+found/#" + std::to_string(Raw(file_)) + "=file"));
}

TEST_F(ScrubTest, RowsBackwardsAreAddedAndDeleted) {
  Delete(keys::Link(file_, directory_, SlotOf(file_, directory_)));
  Put(keys::Link(file_, kRootInode, Slot{4096}), "");
  const Lines found = Repair();
  EXPECT_THAT(found, Contains(HasSubstr("has no backward row")));
  EXPECT_THAT(found, Contains(HasSubstr("leads to no name")));
  EXPECT_EQ(After(), whole_);
}

TEST_F(ScrubTest, LinkCountsAreCorrected) {
  Edit(linked_, [](InodeRecord& record) { record.nlink = 17; });
  Edit(directory_, [](InodeRecord& record) { record.nlink = 2; });
  EXPECT_THAT(Repair(), SizeIs(2));
  EXPECT_EQ(Stored(linked_).nlink, 2U);
  EXPECT_EQ(Stored(directory_).nlink, 3U);
  EXPECT_EQ(After(), whole_);
}

// S-FSCK-1: a content is never given up on the word of one row.
TEST_F(ScrubTest, AnOrphanWithANameIsNone) {
  Put(keys::Orphan(file_), "");
  EXPECT_THAT(Repair(), ElementsAre(HasSubstr("is marked as having none")));
  EXPECT_EQ(After(), whole_);
}

TEST_F(ScrubTest, WhatHasNoNameAndIsNoOrphanIsKept) {
  const std::string name = NameKey(file_, directory_);
  Delete(keys::Link(file_, directory_, SlotOf(file_, directory_)));
  Delete(name);
  EXPECT_THAT(Repair(), ElementsAre(HasSubstr("has no name, and was not removed")));
  EXPECT_THAT(After(), Contains("lost+found/#" + std::to_string(Raw(file_)) + "=file"));
}

TEST_F(ScrubTest, ACycleOfDirectoriesIsCutAtOnePlace) {
  // e gets d for a child, and the root loses it.
  const Slot slot = SlotOf(directory_, kRootInode);
  Delete(keys::NameAt(kRootInode, slot));
  Delete(keys::Link(directory_, kRootInode, slot));
  Catalog catalog(engine());
  ASSERT_TRUE(catalog.ReadMeta().ok());
  Transaction transaction(catalog);
  ASSERT_TRUE(transaction.AddName(below_, N("d"), directory_, FileType::kDirectory).ok());
  InodeRecord record = Stored(directory_);
  record.parent = below_;
  transaction.PutInode(directory_, record);
  transaction.PutDetached(directory_);
  ASSERT_TRUE(transaction.Commit().ok());
  EXPECT_THAT(Repair(), Contains(HasSubstr("lies inside itself")));
  const Lines after = After();
  const std::string found = "lost+found/#" + std::to_string(Raw(directory_));
  EXPECT_THAT(after, AllOf(Contains(found + "/file=file"), Contains(found + "/e/deep=deep"), Contains("two=two")));
}

TEST_F(ScrubTest, HomesThatLieInsideEachOtherAreToldOf) {
  Edit(directory_, [&](InodeRecord& record) { record.home = Place{below_, BackingName("d")}; });
  ScrubLog log;
  ASSERT_TRUE(machine_.Scrub(log).ok());
  EXPECT_THAT(log.Damage(), Contains(HasSubstr("lies inside itself")));
}

TEST_F(ScrubTest, AMountOfDirectoriesInEachOtherFailsAndDoesNotHang) {
  Edit(directory_, [&](InodeRecord& record) {
    record.home = Place{below_, BackingName("d")};
    record.parent = below_;
  });
  Open();
  EXPECT_EQ(volume().PrepareDirectory(below_).code(), ELOOP);
  EXPECT_EQ(volume().IsAncestor(file_, below_).code(), EUCLEAN);
  machine_.Kill();
}

TEST_F(ScrubTest, ADirectoryHasOneNameAndOneParent) {
  Catalog catalog(engine());
  ASSERT_TRUE(catalog.ReadMeta().ok());
  Transaction transaction(catalog);
  ASSERT_TRUE(transaction.AddName(kRootInode, N("second"), below_, FileType::kDirectory).ok());
  ASSERT_TRUE(transaction.Commit().ok());
  Edit(directory_, [](InodeRecord& record) { record.parent = InodeId{4711}; });
  const Lines found = Repair();
  EXPECT_THAT(found, Contains(HasSubstr("has 2 names")));
  EXPECT_THAT(found, Contains(HasSubstr("has a wrong parent")));
  EXPECT_EQ(After(), whole_);
}

TEST_F(ScrubTest, ARemovedDirectoryWithNamesComesBack) {
  const Slot slot = SlotOf(below_, directory_);
  Delete(keys::NameAt(directory_, slot));
  Delete(keys::Link(below_, directory_, slot));
  Edit(below_, [](InodeRecord& record) { record.nlink = 0; });
  Put(keys::Orphan(below_), "");
  EXPECT_THAT(Repair(), Contains(HasSubstr("names in the removed directory")));
  EXPECT_THAT(After(), Contains("lost+found/#" + std::to_string(Raw(below_)) + "/deep=deep"));
}

TEST_F(ScrubTest, TheRootIsMadeAnew) {
  Flip(keys::Inode(kRootInode));
  EXPECT_THAT(Repair(), Contains(HasSubstr("record of the root is damaged")));
  EXPECT_EQ(After(), whole_);
  EXPECT_EQ(Stored(kRootInode).mode, 0700U);
}

TEST_F(ScrubTest, HomeRowsAreRestored) {
  Flip(keys::Home(*Stored(file_).home));
  Delete(keys::Home(*Stored(deep_).home));
  Put(keys::Home(*Stored(linked_).home), EncodeInode(keys::Home(*Stored(linked_).home), file_));
  Put(keys::Home({directory_, BackingName("nothing")}), EncodeInode(keys::Home({directory_, BackingName("nothing")}), InodeId{4711}));
  const Lines found = Repair();
  EXPECT_THAT(found, AllOf(Contains(HasSubstr("\"file\" in directory inode 16 is damaged")), Contains(HasSubstr("has no row")),
                           Contains(HasSubstr("is said to be that of inode 18")), Contains(HasSubstr("inode 4711, which does not exist"))));
  EXPECT_EQ(After(), whole_);
}

TEST_F(ScrubTest, ARecordWithoutAHomeFindsIt) {
  Delete(keys::Home(*Stored(file_).home));
  Edit(file_, [](InodeRecord& record) { record.home.reset(); });
  EXPECT_THAT(Repair(), Contains(HasSubstr("has no home")));
  EXPECT_EQ(After(), whole_);
}

TEST_F(ScrubTest, ADetachedHomeIsMarked) {
  Catalog catalog(engine());
  ASSERT_TRUE(catalog.ReadMeta().ok());
  Transaction transaction(catalog);
  ASSERT_TRUE(transaction.RemoveName(directory_, N("file")).ok());
  ASSERT_TRUE(transaction.AddName(kRootInode, N("moved"), file_, FileType::kRegular).ok());
  ASSERT_TRUE(transaction.Commit().ok());
  EXPECT_THAT(Repair(), ElementsAre(HasSubstr("is at none of its names, and not marked")));
  EXPECT_THAT(After(), Contains("moved=file"));
  EXPECT_THAT(Bare(), Contains("moved=file"));
}

TEST_F(ScrubTest, RowsOfWhatDoesNotExistGo) {
  for (const std::string& key : {keys::Orphan(InodeId{4711}), keys::Detached(InodeId{4711})}) Put(key, "");
  Put(keys::Target(InodeId{4711}), EncodeBytes(keys::Target(InodeId{4711}), "x"));
  Put(keys::Target(file_), EncodeBytes(keys::Target(file_), "x"));
  Put(keys::Xattr(InodeId{4711}, "user.x"), EncodeBytes(keys::Xattr(InodeId{4711}, "user.x"), "x"));
  EXPECT_THAT(Repair(), SizeIs(5));
  EXPECT_EQ(After(), whole_);
}

TEST_F(ScrubTest, ADamagedAclTakesTheGroupsRightsWithIt) {
  const std::string acl = keys::Xattr(file_, "system.posix_acl_access");
  Put(acl, EncodeBytes(acl, "not to be read"));
  Edit(file_, [](InodeRecord& record) { record.mode = 0664; });
  Flip(acl);
  EXPECT_THAT(Repair(), ElementsAre(HasSubstr("posix_acl_access\" of inode")));
  EXPECT_EQ(Stored(file_).mode, 0604U);
}

TEST_F(ScrubTest, RowsThatBelongToNoTableGo) {
  Put("Z", "?");
  Put(keys::Inode(file_) + "more", "?");
  Put(keys::Detached(file_), "?");
  EXPECT_THAT(Repair(), SizeIs(3));
  EXPECT_EQ(After(), whole_);
}

TEST_F(ScrubTest, NamesAtWrongSlotsAndGapsInChainsAreMended) {
  const Slot slot = SlotOf(file_, directory_);
  const std::string name = keys::NameAt(directory_, slot);
  const NameRecord row = *DecodeNameRecord(name, **engine().Get(name));
  Delete(name);
  Delete(keys::Link(file_, directory_, slot));
  const Slot gap{Raw(slot) + 2};
  Put(keys::NameAt(directory_, gap), Encode(keys::NameAt(directory_, gap), row));
  Put(keys::Link(file_, directory_, gap), "");
  Put(keys::NameAt(kRootInode, Slot{4096}),
      Encode(keys::NameAt(kRootInode, Slot{4096}), NameRecord{file_, FileType::kRegular, "elsewhere"}));
  Put(keys::Link(file_, kRootInode, Slot{4096}), "");
  const Lines found = Repair();
  EXPECT_THAT(found, Contains(HasSubstr("has a gap")));
  EXPECT_THAT(found, Contains(HasSubstr("lies at a wrong slot")));
  Lines expected = whole_;
  expected.push_back("elsewhere=file");
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(After(), expected);
}

TEST_F(ScrubTest, ANameThatIsThereTwiceIsThereOnceOrGetsAnother) {
  const Slot slot = SlotOf(file_, directory_);
  const Slot next{Raw(slot) + 1};
  Put(keys::NameAt(directory_, next), Encode(keys::NameAt(directory_, next), NameRecord{deep_, FileType::kRegular, "file"}));
  Put(keys::Link(deep_, directory_, next), "");
  EXPECT_THAT(Repair(), Contains(HasSubstr("is there twice")));
  EXPECT_THAT(After(), AllOf(Contains("d/file=file"), Contains("d/file (2)=deep"), Contains("d/e/deep=deep")));
}

TEST_F(ScrubTest, ADamagedIntentFindsTheHome) {
  Put(keys::Intent(file_), "not to be read");
  EXPECT_THAT(Repair(), ElementsAre(HasSubstr("The intent to move")));
  EXPECT_EQ(After(), whole_);
}

TEST_F(ScrubTest, NumbersAreNeverGivenOutTwice) {
  EditMeta([](MetaRecord& meta) {
    meta.next_inode = 17;
    meta.inode_count = 4711;
  });
  EXPECT_THAT(Repair(), ElementsAre(AllOf(HasSubstr("next inode number"), HasSubstr("number of inodes"))));
  EXPECT_EQ(After(), whole_);
}

TEST_F(ScrubTest, TheVolumesRecordIsMadeAnew) {
  std::string damaged = **engine().Get("M");
  damaged[2] = static_cast<char>(damaged[2] ^ 1);
  Put("M", damaged);
  EXPECT_THAT(Repair(), ElementsAre(HasSubstr("The volume's record is damaged")));
  EXPECT_EQ(After(), whole_);
}

TEST_F(ScrubTest, WithTheSeedOfTheSlotsAllNamesMove) {
  Delete("M");
  EXPECT_THAT(Repair(), ElementsAre(HasSubstr("The volume's record is missing")));
  EXPECT_EQ(After(), whole_);
}

TEST_F(ScrubTest, AnotherVolumesCatalogIsLeftAlone) {
  EditMeta([](MetaRecord& meta) { meta.uuid = "another"; });
  const std::string before = Bytes();
  ScrubLog log(Answer::kRepair);
  EXPECT_EQ(machine_.Scrub(log).code(), ESTALE);
  EXPECT_EQ(Bytes(), before);
}

// S-FSCK-3
TEST_F(ScrubTest, WhatLosesItsRecordAndIsTakenOverIsPrivate) {
  Edit(file_, [](InodeRecord& record) { record.mode = 0600; });
  const Slot slot = SlotOf(file_, directory_);
  Delete(keys::NameAt(directory_, slot));
  Delete(keys::Link(file_, directory_, slot));
  Delete(keys::Home(*Stored(file_).home));
  Delete(keys::Inode(file_));
  Edit(linked_, [](InodeRecord& record) { record.nlink = 17; });  // so that there is anything to be seen
  EXPECT_THAT(Repair(), SizeIs(2));
  Open();
  EXPECT_EQ(Content("d/file"), "file");
  EXPECT_EQ(Record("d/file").mode, 0600U);
}

TEST_F(ScrubTest, StopsWhenToldTo) {
  class Stopper final : public ScrubListener {
   public:
    Answer Found(const Finding&) override { return Answer::kLeave; }
    Proceed Progress(unsigned pass, uint64_t, uint64_t) override { return pass == 3 ? Proceed::kStop : Proceed::kGoOn; }
  } stopper;
  const Result<ScrubSummary> summary = machine_.Scrub(stopper);
  ASSERT_TRUE(summary.ok());
  EXPECT_TRUE(summary->stopped);
}

}  // namespace
}  // namespace hardlinkfs
