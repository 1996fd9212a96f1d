// After a fallback to a snapshot: what an old record says is only believed of what it was made for, and destroys nothing.
#include <cerrno>
#include <map>

#include "store/volume/fallback.h"
#include "tests/unit/volume/volume_fixture.h"

namespace hardlinkfs {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;

MachineOptions WithKeeper() {
  MachineOptions options = OnExfat();
  options.volume.keeper_uid = 77;
  options.volume.keeper_gid = 78;
  return options;
}

class ConfirmTest : public VolumeTest {
 protected:
  ConfirmTest() : VolumeTest(WithKeeper()) {}

  void TakeSnapshot() {
    snapshot_.clear();
    const auto rows = engine().Scan("", "");
    for (; rows->Valid(); rows->Next()) snapshot_[std::string(rows->key())] = rows->value();
    machine_.clock().Advance(std::chrono::seconds(10));
  }
  // Ends the session cleanly, and begins the next with the snapshot.
  void FallBack() {
    ASSERT_TRUE(machine_.Stop().ok());
    KillAndFallBack();
  }
  void KillAndFallBack() {
    machine_.Kill();
    Batch batch;
    {
      const auto rows = engine().Scan("", "");
      for (; rows->Valid(); rows->Next()) batch.Delete(std::string(rows->key()));
    }
    for (const auto& [key, value] : snapshot_) batch.Put(key, *RowFromSnapshot(key, value));
    ASSERT_TRUE(engine().Commit(batch).ok());
    machine_.clock().Advance(std::chrono::seconds(10));
    Open();
  }
  // A clean end, after which the backing may hold what nobody knows yet: the next session takes it over.
  void ReopenWithStrangers() {
    ASSERT_TRUE(machine_.Stop().ok());
    machine_.Kill();
    Open();
  }
  void ExpectStrict(const std::string& at) {
    const InodeRecord record = Record(at);
    EXPECT_EQ(record.mode, record.type == FileType::kDirectory ? 0700U : 0600U) << at;
    EXPECT_EQ(record.uid, 77U) << at;
    EXPECT_EQ(record.gid, 78U) << at;
  }
  void SettleAll() {
    while (*volume().SettleSome(100) > 0) {
    }
  }
  void ReclaimAll() {
    while (volume().NeedsReclaim() && *volume().ReclaimSome(100) > 0) {
    }
  }

  std::map<std::string, std::string> snapshot_;
};

TEST_F(ConfirmTest, WhatIsAsItWasKeepsEverything) {
  File("a", "1");
  Link("a", "b");
  Directory("d");
  File("d/c", "2");
  Symlink("s");
  const Lines names = Names();
  const InodeId inode = Find("a");
  TakeSnapshot();
  FallBack();
  EXPECT_EQ(Names(), names);
  EXPECT_EQ(Find("a"), inode);
  EXPECT_EQ(Record("a").mode, 0644U);
  EXPECT_EQ(Record("d").mode, 0755U);
  EXPECT_EQ(Record("a").nlink, 2U);
  ExpectSound();
  Reopen();
  EXPECT_EQ(Names(), names);
}

TEST_F(ConfirmTest, NumbersAreNeverUsedAgain) {
  File("a");
  TakeSnapshot();
  const InodeId later = File("later");
  const uint64_t generation = Record("later").generation;
  FallBack();
  EXPECT_GT(File("new"), later);
  EXPECT_GT(Record("new").generation, generation);
}

TEST_F(ConfirmTest, AnEditedFileKeepsItsNamesAndBecomesPrivate) {
  File("a", "old");
  Link("a", "b");
  TakeSnapshot();
  BareFile("a", "edited");
  FallBack();
  EXPECT_THAT(Names(), ElementsAre("a=edited", "b=edited"));
  ExpectStrict("a");
}

TEST_F(ConfirmTest, ASecretInThePlaceOfAPublicFileStaysSecret) {
  File("a", "public");
  TakeSnapshot();
  File("secret", "a secret");
  ASSERT_EQ(Rename("secret", "a"), 0);
  FallBack();
  EXPECT_EQ(Content("a"), "a secret");
  ExpectStrict("a");
}

TEST_F(ConfirmTest, ThatIsStillSoInALaterSession) {
  File("a", "public");
  Directory("d");
  File("d/x", "x");
  TakeSnapshot();
  File("secret", "a secret");
  ASSERT_EQ(Rename("secret", "a"), 0);
  FallBack();
  Close();  // nobody has looked
  Open();
  ExpectStrict("a");
  EXPECT_EQ(Record("d/x").mode, 0644U);
}

// Its home waits to be moved to "b", and meanwhile another took the place.
TEST_F(ConfirmTest, ASecretInThePlaceOfADetachedHomeIsNotMovedToItsName) {
  File("a", "old");
  ASSERT_EQ(Rename("a", "b"), 0);
  TakeSnapshot();
  SettleAll();
  File("a", "a secret");
  FallBack();
  SettleAll();
  EXPECT_THAT(Names(), Contains("a=a secret"));
  ExpectStrict("a");
  EXPECT_THAT(Names(), Contains("b=old"));
  EXPECT_THAT(Bare(), IsSupersetOf({std::string("a=a secret"), std::string("b=old")}));
  Reopen();
  EXPECT_THAT(Bare(), IsSupersetOf({std::string("a=a secret"), std::string("b=old")}));
}

TEST_F(ConfirmTest, OrphansOfThatTimeTakeNothingAlong) {
  File("a", "gone");
  File("b", "gone too");
  ASSERT_EQ(Remove("a"), 0);
  ASSERT_EQ(Remove("b"), 0);
  TakeSnapshot();
  ReclaimAll();
  File("a", "new1");  // as long as the old one
  FallBack();
  ReclaimAll();
  EXPECT_THAT(Bare(), ElementsAre("a=new1"));
  ReopenWithStrangers();
  EXPECT_THAT(Names(), ElementsAre("a=new1"));
  ExpectStrict("a");
}

TEST_F(ConfirmTest, AFileThatGotItsFirstNameSinceIsNotReclaimed) {
  const auto created = volume().CreateUnnamed(kRootInode, {.type = FileType::kRegular, .mode = 0600, .linkable = true});
  ASSERT_TRUE(created.ok());
  ASSERT_TRUE(created->content->Write(std::string("content"), 0).ok());
  TakeSnapshot();
  {
    const auto held = volume().locks().Exclusive(std::array{created->attributes.inode, kRootInode});
    ASSERT_TRUE(volume().Link({}, created->attributes.inode, kRootInode, N("named")).ok());
  }
  // It still lies where it was made.
  KillAndFallBack();
  ReclaimAll();
  ReopenWithStrangers();
  const Lines names = Names();
  EXPECT_TRUE(std::ranges::any_of(names, [](const std::string& line) { return line.ends_with("=content"); }))
      << testing::PrintToString(names);
}

TEST_F(ConfirmTest, AnotherDirectoryInThePlaceOfOneIsPrivate) {
  Directory("d");
  File("d/a", "1");
  TakeSnapshot();
  ASSERT_EQ(Rename("d", "moved"), 0);
  ASSERT_EQ(Create("d", {.type = FileType::kDirectory, .mode = 0700}).code(), 0);
  File("d/secret", "s");
  FallBack();
  ExpectStrict("d");
  ExpectStrict("d/secret");
  EXPECT_EQ(Content("moved/a"), "1") << "found again";
  ExpectStrict("moved/a");
}

TEST_F(ConfirmTest, IntentsOfThatTimeMoveNoOtherContent) {
  File("a", "old");
  ASSERT_EQ(Rename("a", "b"), 0);
  // The settler dies after it has announced the move.
  backing().SetFaultHook([](BackingCall call, const std::string&) { return call == BackingCall::kRename ? EIO : 0; });
  static_cast<void>(volume().SettleSome(10));
  backing().SetFaultHook(nullptr);
  TakeSnapshot();
  SettleAll();
  ASSERT_EQ(Remove("b"), 0);
  ReclaimAll();
  File("b", "another's");
  FallBack();
  // The old one's name is still there when the new one is found.
  EXPECT_THAT(Names(), ElementsAre("b (2)=another's"));
  ExpectStrict("b (2)");
  EXPECT_THAT(Bare(), ElementsAre("b=another's"));
}

TEST_F(ConfirmTest, XattrsOfAnotherContentGo) {
  const InodeId inode = File("a", "old");
  {
    const auto held = volume().locks().Exclusive(inode);
    ASSERT_TRUE(volume().ChangeAttributes({}, inode, {}, {{"system.posix_acl_access", "acl"}}).ok());
  }
  TakeSnapshot();
  BareFile("a", "another one");
  FallBack();
  ExpectStrict("a");
  EXPECT_THAT(*volume().catalog().ListXattrs(Find("a")), IsEmpty());
}

}  // namespace
}  // namespace hardlinkfs
