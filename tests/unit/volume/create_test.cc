// Creation: where homes come to lie, and that a failure at any step leaves nothing.
#include <cerrno>

#include "tests/unit/volume/volume_fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class CreateTest : public VolumeTest {};

TEST_F(CreateTest, HomeIsAtTheNaturalPlace) {
  Directory("d");
  File("d/a", "1");
  EXPECT_THAT(Bare(), ElementsAre("d/", "d/a=1"));
  EXPECT_FALSE(volume().NeedsSettling());
}

TEST_F(CreateTest, NameThatTheBackingRefusesIsEscaped) {
  File("a:b", "1");
  EXPECT_THAT(Bare(), ElementsAre("a%3Ab=1"));
  EXPECT_THAT(Names(), ElementsAre("a:b=1"));
}

TEST_F(CreateTest, SymlinkAndSpecialFileHaveNoHome) {
  Symlink("s");
  EXPECT_EQ(Create("f", {.type = FileType::kFifo}).code(), 0);
  EXPECT_THAT(Bare(), IsEmpty());
  EXPECT_THAT(Names(), ElementsAre("f@", "s@"));
}

TEST_F(CreateTest, HomeIsInHomesWhenThePlaceIsTaken) {
  File("a", "old");
  Rename("a", "b");
  File("a", "new");
  EXPECT_THAT(Bare(), ElementsAre("a=old"));
  EXPECT_THAT(InHomes(), SizeIs(1));
  EXPECT_THAT(Names(), ElementsAre("a=new", "b=old"));
  Reopen();
  EXPECT_THAT(Bare(), ElementsAre("a=new", "b=old"));
  EXPECT_THAT(InHomes(), IsEmpty());
}

TEST_F(CreateTest, PlaceOfAnUnlinkedFileIsNotUsedAgainBeforeItIsReclaimed) {
  File("a", "old");
  const auto old = volume().OpenContent(Find("a"));
  Remove("a");
  File("a", "new");
  EXPECT_THAT(Bare(), ElementsAre("a=old"));
  EXPECT_EQ(*volume().ReclaimSome(10), 1U);
  EXPECT_EQ(*volume().SettleSome(10), 1U);
  EXPECT_THAT(Bare(), ElementsAre("a=new"));
}

TEST_F(CreateTest, ClashOfCaseGetsTheAlternateSpelling) {
  File("readme", "1");
  File("README", "2");
  EXPECT_THAT(Names(), ElementsAre("README=2", "readme=1"));
  EXPECT_FALSE(volume().NeedsSettling());
  const Lines bare = Bare();
  ASSERT_THAT(bare, SizeIs(2));
  EXPECT_TRUE(bare[0].starts_with("README%+")) << bare[0];
  Reopen();
  EXPECT_EQ(Bare(), bare);
  EXPECT_THAT(Names(), ElementsAre("README=2", "readme=1"));
}

TEST_F(CreateTest, ExistingNameIsEEXISTAndTakesNothing) {
  File("a", "1");
  backing().ForgetCalls();
  EXPECT_EQ(TryFile("a"), EEXIST);
  EXPECT_EQ(backing().changes(), 0U);
}

TEST_F(CreateTest, UnnamedFileGetsItsPlaceWithItsName) {
  const auto created = volume().CreateUnnamed(kRootInode, {.type = FileType::kRegular, .mode = 0600, .linkable = true});
  ASSERT_TRUE(created.ok());
  EXPECT_TRUE(created->content->Write(std::string("1"), 0).ok());
  EXPECT_EQ(created->attributes.nlink, 0U);
  ExpectSound();
  {
    const auto held = volume().locks().Exclusive(std::array{created->attributes.inode, kRootInode});
    EXPECT_EQ(volume().Link({}, created->attributes.inode, kRootInode, N("a")).code(), 0);
  }
  Reopen();
  EXPECT_THAT(Bare(), ElementsAre("a=1"));
}

TEST_F(CreateTest, UnnamedFileIsGoneAfterTheSession) {
  ASSERT_TRUE(volume().CreateUnnamed(kRootInode, {.type = FileType::kRegular}).ok());
  Reopen();
  EXPECT_THAT(InHomes(), IsEmpty());
  EXPECT_EQ(volume().inode_count(), 1U);
}

TEST_F(CreateTest, InodeNumbersAreNeverGivenAgain) {
  const InodeId before = File("a");
  Remove("a");
  Reopen();
  const InodeId after = File("a");
  EXPECT_GT(Raw(after), Raw(before));
  KillAndOpen();
  EXPECT_GT(Raw(File("b")), Raw(after));
}

// Owner and mode are mirrored, so that there are most steps that can fail.
class CreateOnExt4Test : public VolumeTest {
 protected:
  CreateOnExt4Test() : VolumeTest(MachineOptions{}) {}
};

TEST_F(CreateOnExt4Test, FailureOfAnyStepLeavesNothing) {
  Directory("d");
  const Lines before = Names();
  for (const FileType type : {FileType::kRegular, FileType::kDirectory}) {
    for (uint64_t step = 1;; ++step) {
      ASSERT_LT(step, 100U);
      backing().FailNth(std::nullopt, step, EIO);
      const int code = Create("d/new", {.type = type, .mode = 0640, .uid = 5, .gid = 6}).code();
      backing().FailNth(std::nullopt, 0, 0);
      if (code == 0) break;
      EXPECT_EQ(code, EIO);
      EXPECT_EQ(Names(), before) << "step " << step;
      ExpectSound();
    }
    EXPECT_EQ(Remove("d/new"), 0);
    EXPECT_EQ(*volume().ReclaimSome(10), 1U);
  }
}

TEST_F(CreateOnExt4Test, OwnerAndModeAreMirroredFromTheStart) {
  ASSERT_EQ(Create("a", {.type = FileType::kRegular, .mode = 04640, .uid = 5, .gid = 6}).code(), 0);
  const auto seen = backing().Stat(backing().root(), BackingName("a"));
  EXPECT_EQ(seen->mode, 04640U);
  EXPECT_EQ(seen->uid, 5U);
  EXPECT_EQ(seen->gid, 6U);
}

TEST_F(CreateOnExt4Test, FullBackingIsENOSPCAndLeavesNothing) {
  File("a", "1");
  backing().SetCapacity(0);
  EXPECT_EQ(Create("d", {.type = FileType::kDirectory}).code(), ENOSPC);
  EXPECT_THAT(Names(), ElementsAre("a=1"));
  EXPECT_EQ(Remove("a"), 0);
  EXPECT_EQ(*volume().ReclaimSome(10), 1U);
  EXPECT_THAT(Bare(), IsEmpty());
}

// Truncation that fails on the backing changes nothing above it.
TEST_F(CreateOnExt4Test, FailedTruncationLeavesTheRecordAsItWas) {
  const InodeId inode = File("a", "123");
  const InodeRecord before = Record("a");
  const auto content = volume().OpenContent(inode);
  backing().FailNth(BackingCall::kTruncate, 1, EIO);
  const auto held = volume().locks().Exclusive(inode);
  EXPECT_EQ(volume().Truncate(inode, **content, 1).code(), EIO);
  EXPECT_EQ(*volume().Read(inode), before);
}

TEST_F(CreateOnExt4Test, FailedChangeOfModeLeavesTheRecordAsItWas) {
  const InodeId inode = File("a", "123");
  const InodeRecord before = Record("a");
  for (const BackingCall call : {BackingCall::kSetMode, BackingCall::kSetOwner}) {
    backing().FailNth(call, 1, EIO);
    const auto held = volume().locks().Exclusive(inode);
    EXPECT_EQ(volume().ChangeAttributes({}, inode, {.mode = 0700, .uid = 7}, {}).code(), EIO);
    EXPECT_EQ(*volume().Read(inode), before);
  }
}

// vfat writes the entries of a directory that somebody else has just made only with those of the directory above.
TEST_F(CreateTest, FirstSyncOfADirectoryIncludesTheOneAbove) {
  Close();
  BareMakeDirectory("d");
  Open();
  ASSERT_EQ(Raw(Find("d/none")), 0U);  // its listing is taken over, and durable with the next sync
  ASSERT_EQ(volume().SyncCatalog().code(), 0);
  for (const auto& [name, syncs] : {std::pair("d/first", 2U), std::pair("d/second", 1U)}) {
    backing().ForgetCalls();
    File(name);
    ASSERT_EQ(volume().SyncCatalog().code(), 0);
    EXPECT_EQ(backing().calls(BackingCall::kSyncDirectory), syncs) << name;
  }
}

}  // namespace
}  // namespace hardlinkfs
