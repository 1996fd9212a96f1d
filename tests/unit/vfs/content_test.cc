// Open contents: one for all handles of an inode; sizes and times while it is written; O_TMPFILE.
#include "tests/unit/vfs/vfs_fixture.h"

namespace hardlinkfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;

class ContentTest : public VfsTest {};

TEST_F(ContentTest, HandlesOfOneInodeShareOneOpenFile) {
  const InodeId file = File("a");
  ASSERT_EQ(vfs().Link(root_, file, kRootInode, "b").code(), 0);
  machine_.backing().ForgetCalls();
  ASSERT_EQ(vfs().Open({}, file, O_RDWR).code(), 0);
  ASSERT_EQ(vfs().Open({}, file, O_RDONLY).code(), 0);
  ASSERT_EQ(vfs().Open({}, file, O_WRONLY).code(), 0);
  EXPECT_EQ(machine_.backing().calls(BackingCall::kOpenFile), 1U);
  ASSERT_EQ(Write(file, "1"), 0);
  EXPECT_EQ(Content(file), "1");
  vfs().Release(file, O_RDWR);
  vfs().Release(file, O_WRONLY);
  EXPECT_EQ(Content(file), "1");
  vfs().Release(file, O_RDONLY);
  EXPECT_EQ(Content(file), "error " + std::to_string(EBADF));
}

TEST_F(ContentTest, OpenOfSomethingElseIsAnError) {
  EXPECT_FALSE(vfs().Open({}, Directory("d"), O_RDONLY).ok());
  EXPECT_EQ(vfs().Open({}, InodeId{9999}, O_RDONLY).code(), ENOENT);
}

TEST_F(ContentTest, OpenForWritingOnAReadOnlyBackingIsRefused) {
  const InodeId file = File("a");
  machine_.backing().SetReadOnly(true);
  EXPECT_EQ(vfs().Open({}, file, O_RDONLY).code(), 0);
  EXPECT_NE(vfs().Open({}, file, O_RDWR).code(), 0);
  vfs().Release(file, O_RDONLY);
  machine_.backing().SetReadOnly(false);
}

TEST_F(ContentTest, WhatWasWrittenShowsEverywhereAtOnce) {
  const InodeId file = File("a");
  ASSERT_EQ(vfs().Open({}, file, O_RDWR).code(), 0);
  clock().Advance(milliseconds(3));
  const Timestamp written = clock().Now();
  ASSERT_EQ(Write(file, "12345"), 0);
  clock().Advance(seconds(5));
  EXPECT_EQ(vfs().Lookup(kRootInode, "a")->size, 5U);
  EXPECT_EQ(Look(file).mtime, written);
  EXPECT_EQ(vfs().Link(root_, file, kRootInode, "b")->size, 5U);
  ASSERT_EQ(Write(file, "6", 5), 0);
  EXPECT_EQ(vfs().Link(root_, file, kRootInode, "c")->size, 6U);
  ASSERT_EQ(Write(file, "7", 6), 0);
  EXPECT_EQ(vfs().Lookup(file, ".")->size, 7U);
  ASSERT_EQ(Write(file, "8", 7), 0);
  DirectoryStream stream;
  EXPECT_TRUE(vfs()
                  .ReadDirectory(kRootInode, stream, 2, ListingMode::kNamesAndAttributes,
                                 [&](const DirectoryEntry& entry) {
                                   // Or nothing is said of it.
                                   EXPECT_TRUE(!entry.attributes.has_value() || entry.attributes->size == 8U);
                                   return true;
                                 })
                  .ok());
}

TEST_F(ContentTest, TimeOfAWriteIsExactAndStaysAfterRelease) {
  const InodeId file = File("a");
  ASSERT_EQ(vfs().Open({}, file, O_RDWR).code(), 0);
  clock().Advance(milliseconds(7));
  const Timestamp written = clock().Now();
  ASSERT_EQ(Write(file, "1"), 0);
  clock().Advance(seconds(9));
  vfs().Release(file, O_RDWR);
  EXPECT_EQ(Look(file).mtime, written);
  EXPECT_EQ(Look(file).ctime, written);
  Remount();
  EXPECT_EQ(Look(file).mtime, written);
}

TEST_F(ContentTest, TimeThatIsSetAfterAWriteStays) {
  const InodeId file = File("a");
  ASSERT_EQ(vfs().Open({}, file, O_RDWR).code(), 0);
  ASSERT_EQ(Write(file, "1"), 0);
  const Timestamp set{1'000'000, 123};
  ASSERT_TRUE(vfs().SetAttributes(root_, file, {.mtime = set}).ok());
  vfs().Release(file, O_RDWR);
  EXPECT_EQ(Look(file).mtime, set);
  Remount();
  EXPECT_EQ(Look(file).mtime, set);
}

TEST_F(ContentTest, TimeBeforeTheEpochsOfFatIsKept) {
  const InodeId file = File("a");
  const Timestamp set{-5, 1};
  ASSERT_TRUE(vfs().SetAttributes(root_, file, {.atime = set, .mtime = set}).ok());
  Remount();
  EXPECT_EQ(Look(file).mtime, set);
  EXPECT_EQ(Look(file).atime, set);
}

TEST_F(ContentTest, WriteAfterATimeThatWasSetIsSeen) {
  const InodeId file = File("a");
  ASSERT_EQ(vfs().Open({}, file, O_RDWR).code(), 0);
  ASSERT_TRUE(vfs().SetAttributes(root_, file, {.mtime = Timestamp{1'000'000, 123}}).ok());
  const Timestamp written = clock().Now();
  ASSERT_EQ(Write(file, "1"), 0);
  EXPECT_EQ(Look(file).mtime, written);
}

// A truncation is younger than the writes before it.
TEST_F(ContentTest, TruncationAfterAWriteHasTheLaterTime) {
  const InodeId file = File("a");
  ASSERT_EQ(vfs().Open({}, file, O_RDWR).code(), 0);
  ASSERT_EQ(Write(file, "12345"), 0);
  clock().Advance(seconds(3));
  EXPECT_EQ(vfs().SetAttributes(root_, file, {.size = 2})->mtime, clock().Now());
  EXPECT_EQ(Look(file).mtime, clock().Now());
  EXPECT_EQ(Look(file).size, 2U);
  EXPECT_EQ(Content(file), "12");
}

TEST_F(ContentTest, TruncationWithoutAnOpenFileWorks) {
  const InodeId file = File("a");
  EXPECT_EQ(vfs().SetAttributes(root_, file, {.size = 100})->size, 100U);
  EXPECT_FALSE(vfs().SetAttributes(root_, Directory("d"), {.size = 0}).ok());
}

TEST_F(ContentTest, WriteTakesSuidSgidAndCapabilitiesAway) {
  const InodeId file = File("a", kRootInode, 06775);
  ASSERT_TRUE(vfs().SetXattr(root_, file, "security.capability", "cap", XattrMode::kAny).ok());
  ASSERT_EQ(vfs().Open({}, file, O_RDWR).code(), 0);
  ASSERT_EQ(vfs().Write(file, std::string("1"), 0, false).code(), 0);
  EXPECT_EQ(Look(file).mode, 06775U);
  EXPECT_EQ(vfs().GetXattr(file, "security.capability").code(), ENODATA);
  ASSERT_EQ(vfs().Write(file, std::string("1"), 0, true).code(), 0);
  EXPECT_EQ(Look(file).mode, 0775U);
}

TEST_F(ContentTest, SgidOfAFileThatItsGroupCannotExecuteStays) {
  const InodeId file = File("a", kRootInode, 06705);
  ASSERT_EQ(vfs().Open({}, file, O_RDWR).code(), 0);
  ASSERT_EQ(vfs().Write(file, std::string("1"), 0, true).code(), 0);
  EXPECT_EQ(Look(file).mode, 02705U);
}

TEST_F(ContentTest, TemporaryFileGetsItsFirstNameByLink) {
  const auto made = vfs().MakeTemporary(root_, kRootInode, 0600, O_RDWR);
  ASSERT_TRUE(made.ok());
  const InodeId file = made->attributes.inode;
  EXPECT_EQ(made->attributes.nlink, 0U);
  ASSERT_EQ(Write(file, "1"), 0);
  EXPECT_TRUE(OutlivesReclaim(file));
  const auto linked = vfs().Link(root_, file, kRootInode, "a");
  ASSERT_TRUE(linked.ok());
  EXPECT_EQ(linked->nlink, 1U);
  vfs().Release(file, O_RDWR);
  vfs().Forget(file, 2);
  EXPECT_TRUE(OutlivesReclaim(file));
  Remount();
  EXPECT_EQ(vfs().Lookup(kRootInode, "a")->inode, file);
  ASSERT_EQ(vfs().Open({}, file, O_RDONLY).code(), 0);
  EXPECT_EQ(Content(file), "1");
}

TEST_F(ContentTest, TemporaryFileWithoutANameGoesWithItsLastHandle) {
  const auto made = vfs().MakeTemporary(root_, kRootInode, 0600, O_RDWR);
  const InodeId file = made->attributes.inode;
  vfs().Forget(file, 1);
  EXPECT_TRUE(OutlivesReclaim(file));
  vfs().Release(file, O_RDWR);
  EXPECT_FALSE(OutlivesReclaim(file));
}

TEST_F(ContentTest, TemporaryFileThatLostItsNameGetsNone) {
  const auto made = vfs().MakeTemporary(root_, kRootInode, 0600, O_RDWR);
  const InodeId file = made->attributes.inode;
  ASSERT_TRUE(vfs().Link(root_, file, kRootInode, "a").ok());
  ASSERT_TRUE(vfs().Unlink(root_, kRootInode, "a").ok());
  EXPECT_EQ(vfs().Link(root_, file, kRootInode, "b").code(), ENOENT);
}

TEST_F(ContentTest, SeekOnABackingWithoutHolesSeesDataEverywhere) {
  const InodeId file = File("a");
  ASSERT_EQ(vfs().Open({}, file, O_RDWR).code(), 0);
  ASSERT_EQ(Write(file, "12345"), 0);
  EXPECT_EQ(*vfs().Seek(file, 2, SEEK_DATA), 2U);
  EXPECT_EQ(*vfs().Seek(file, 2, SEEK_HOLE), 5U);
  EXPECT_EQ(vfs().Seek(file, 5, SEEK_DATA).code(), ENXIO);
  EXPECT_EQ(vfs().Seek(file, 0, SEEK_SET).code(), EINVAL);
}

TEST_F(ContentTest, FullBackingIsENOSPCAndTheFileShowsWhatIsThere) {
  const InodeId file = File("a");
  ASSERT_EQ(vfs().Open({}, file, O_RDWR).code(), 0);
  ASSERT_EQ(Write(file, "123"), 0);
  machine_.backing().SetCapacity(0);
  EXPECT_EQ(Write(file, std::string(100'000, 'x'), 3), ENOSPC);
  EXPECT_EQ(Look(file).size, 3U);
  EXPECT_EQ(Content(file), "123");
}

TEST_F(ContentTest, FsyncMakesTheCatalogDurable) {
  const auto made = vfs().Create(root_, kRootInode, "a", 0644, O_RDWR);
  ASSERT_EQ(Write(made->attributes.inode, "1"), 0);
  machine_.backing().ForgetCalls();
  EXPECT_GT(machine_.engine().UnsyncedCommits(), 0U);
  ASSERT_EQ(vfs().Sync(made->attributes.inode, SyncMode::kData).code(), 0);
  EXPECT_EQ(machine_.engine().UnsyncedCommits(), 0U);
  EXPECT_GE(machine_.backing().calls(BackingCall::kSyncFile), 1U);
  EXPECT_GE(machine_.backing().calls(BackingCall::kSyncDirectory), 1U);
}

TEST_F(ContentTest, FsyncOfADirectoryMakesItsNamesDurable) {
  const InodeId directory = Directory("d");
  File("a", directory);
  ASSERT_EQ(vfs().SyncDirectory(directory).code(), 0);
  EXPECT_EQ(machine_.engine().UnsyncedCommits(), 0U);
}

TEST_F(ContentTest, FailedFsyncIsReported) {
  const auto made = vfs().Create(root_, kRootInode, "a", 0644, O_RDWR);
  machine_.engine().FailSyncs(EIO, 1);
  EXPECT_NE(vfs().Sync(made->attributes.inode, SyncMode::kAll).code(), 0);
  EXPECT_NE(vfs().Sync(made->attributes.inode, SyncMode::kAll).code(), 0);  // never as if it had succeeded
  EXPECT_EQ(vfs().MakeNode(root_, kRootInode, "b", {.type = FileType::kRegular}).code(), EROFS);
}

TEST_F(ContentTest, AfterAFailedSyncWhatIsThereCanStillBeSeen) {
  const auto made = vfs().Create(root_, kRootInode, "a", 0644, O_RDWR);
  ASSERT_TRUE(made.ok());
  const InodeId file = made->attributes.inode;
  machine_.engine().FailSyncs(EIO, 1);
  ASSERT_NE(vfs().Sync(file, SyncMode::kAll).code(), 0);
  clock().Advance(std::chrono::seconds(3));
  EXPECT_EQ(Write(file, "123"), 0);
  EXPECT_EQ(Content(file), "123");
  EXPECT_EQ(Look(file).size, 3U);
  EXPECT_EQ(vfs().Lookup(kRootInode, "a").code(), 0);
  EXPECT_THAT(List(kRootInode), ElementsAre(".", "..", "a"));
}

}  // namespace
}  // namespace hardlinkfs
