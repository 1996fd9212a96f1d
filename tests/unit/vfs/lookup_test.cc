// Lookups, forgets, and when an inode without a name goes.
#include "tests/unit/vfs/vfs_fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class LookupTest : public VfsTest {};

TEST_F(LookupTest, AllNamesOfAFileShareOneInode) {
  const InodeId file = File("a");
  ASSERT_EQ(vfs().Link(root_, file, kRootInode, "b").code(), 0);
  EXPECT_EQ(vfs().Lookup(kRootInode, "a")->inode, file);
  EXPECT_EQ(vfs().Lookup(kRootInode, "b")->inode, file);
  EXPECT_EQ(vfs().Lookup(kRootInode, "b")->nlink, 2U);
}

TEST_F(LookupTest, MissingIsENOENT) { EXPECT_EQ(vfs().Lookup(kRootInode, "a").code(), ENOENT); }

// ENOENT would be remembered, and the directory may be back.
TEST_F(LookupTest, InADirectoryThatVanishedIsESTALE) {
  Directory("d");
  Remount();
  const auto found = vfs().Lookup(kRootInode, "d");
  ASSERT_TRUE(found.ok());
  MemoryBacking& backing = machine_.backing();
  ASSERT_TRUE(backing.Rename(backing.root(), BackingName("d"), backing.root(), BackingName("away")).ok());
  EXPECT_EQ(vfs().Lookup(found->inode, "a").code(), ESTALE);
  ASSERT_TRUE(backing.Rename(backing.root(), BackingName("away"), backing.root(), BackingName("d")).ok());
  EXPECT_EQ(vfs().Lookup(found->inode, "a").code(), ENOENT);
}

TEST_F(LookupTest, InAFileIsENOTDIR) { EXPECT_EQ(vfs().Lookup(File("a"), "b").code(), ENOTDIR); }

TEST_F(LookupTest, OfDotAndDotDotWorksForHandles) {
  const InodeId directory = Directory("d");
  const InodeId file = File("a", directory);
  EXPECT_EQ(vfs().Lookup(file, ".")->inode, file);
  EXPECT_EQ(vfs().Lookup(directory, "..")->inode, kRootInode);
  Remount();
  EXPECT_EQ(vfs().Lookup(file, ".")->inode, file);
  EXPECT_EQ(vfs().Lookup(directory, "..")->inode, kRootInode);
}

TEST_F(LookupTest, OfTheDeadIsAnError) {
  const InodeId file = File("a");
  ASSERT_EQ(vfs().Unlink(root_, kRootInode, "a").code(), 0);
  vfs().Forget(file, 1);
  EXPECT_FALSE(OutlivesReclaim(file));
  EXPECT_FALSE(vfs().Lookup(file, ".").ok());
}

TEST_F(LookupTest, UnlinkedFileLivesUntilItIsForgotten) {
  const InodeId file = File("a");
  ASSERT_TRUE(vfs().Lookup(kRootInode, "a").ok());
  ASSERT_EQ(vfs().Unlink(root_, kRootInode, "a").code(), 0);
  EXPECT_TRUE(OutlivesReclaim(file));
  EXPECT_EQ(Look(file).nlink, 0U);
  vfs().Forget(file, 1);
  EXPECT_TRUE(OutlivesReclaim(file));
  vfs().Forget(file, 1);
  EXPECT_FALSE(OutlivesReclaim(file));
}

TEST_F(LookupTest, UnlinkedFileLivesUntilItsLastHandleIsReleasedWhichever) {
  for (const bool forget_first : {true, false}) {
    const auto created = vfs().Create(root_, kRootInode, "a", 0644, O_RDWR);
    ASSERT_TRUE(created.ok());
    const InodeId file = created->attributes.inode;
    ASSERT_EQ(vfs().Open({}, file, O_RDONLY).code(), 0);
    ASSERT_EQ(Write(file, "1"), 0);
    ASSERT_EQ(vfs().Unlink(root_, kRootInode, "a").code(), 0);
    if (forget_first) vfs().Forget(file, 1);
    EXPECT_TRUE(OutlivesReclaim(file));
    EXPECT_EQ(Content(file), "1");
    vfs().Release(file, O_RDWR);
    EXPECT_TRUE(OutlivesReclaim(file));
    EXPECT_EQ(Content(file), "1");
    vfs().Release(file, O_RDONLY);
    if (!forget_first) {
      EXPECT_TRUE(OutlivesReclaim(file));
      vfs().Forget(file, 1);
    }
    EXPECT_FALSE(OutlivesReclaim(file));
  }
}

TEST_F(LookupTest, UnlinkedDirectoryLivesUntilItIsForgotten) {
  const InodeId directory = Directory("d");
  ASSERT_EQ(vfs().RemoveDirectory(root_, kRootInode, "d").code(), 0);
  EXPECT_TRUE(OutlivesReclaim(directory));
  EXPECT_THAT(List(directory), IsEmpty());
  EXPECT_EQ(vfs().MakeNode(root_, directory, "x", {}).code(), ENOENT);
  vfs().Forget(directory, 1);
  EXPECT_FALSE(OutlivesReclaim(directory));
}

TEST_F(LookupTest, ReplacedFileThatIsOpenKeepsItsContent) {
  const auto old = vfs().Create(root_, kRootInode, "a", 0644, O_RDWR);
  ASSERT_EQ(Write(old->attributes.inode, "old"), 0);
  const auto fresh = vfs().Create(root_, kRootInode, "b", 0644, O_RDWR);
  ASSERT_EQ(Write(fresh->attributes.inode, "new"), 0);
  EXPECT_EQ(Rename("b", "a"), 0);
  EXPECT_TRUE(OutlivesReclaim(old->attributes.inode));
  while (*volume().SettleSome(10) > 0) {
  }
  EXPECT_EQ(Content(old->attributes.inode), "old");
  EXPECT_EQ(Content(fresh->attributes.inode), "new");
  EXPECT_EQ(Look(old->attributes.inode).nlink, 0U);
  EXPECT_EQ(vfs().Lookup(kRootInode, "a")->inode, fresh->attributes.inode);
}

TEST_F(LookupTest, FileWithOneNameLeftIsNoOrphan) {
  const InodeId file = File("a");
  ASSERT_EQ(vfs().Link(root_, file, kRootInode, "b").code(), 0);
  ASSERT_EQ(vfs().Unlink(root_, kRootInode, "a").code(), 0);
  vfs().Forget(file, 2);
  EXPECT_TRUE(OutlivesReclaim(file));
  EXPECT_THAT(List(kRootInode), ElementsAre(".", "..", "b"));
}

TEST_F(LookupTest, LookupsTakenByAListingCount) {
  const InodeId file = File("a");
  vfs().Forget(file, 1);
  const auto list = [&](bool take) {
    DirectoryStream stream;
    return vfs().ReadDirectory(kRootInode, stream, 2, ListingMode::kNamesAndAttributes, [&](const DirectoryEntry& entry) {
      EXPECT_TRUE(entry.attributes.has_value());
      return take;
    });
  };
  ASSERT_TRUE(list(true).ok());
  ASSERT_TRUE(list(false).ok());  // not taken, not counted
  ASSERT_EQ(vfs().Unlink(root_, kRootInode, "a").code(), 0);
  EXPECT_TRUE(OutlivesReclaim(file));
  vfs().Forget(file, 1);
  EXPECT_FALSE(OutlivesReclaim(file));
}

TEST_F(LookupTest, PrivateAreaIsInvisibleAndItsNameReserved) {
  EXPECT_EQ(vfs().Lookup(kRootInode, ".hardlinkfs").code(), ENOENT);
  EXPECT_EQ(vfs().Unlink(root_, kRootInode, ".hardlinkfs").code(), ENOENT);
  EXPECT_EQ(vfs().RemoveDirectory(root_, kRootInode, ".hardlinkfs").code(), ENOENT);
  EXPECT_EQ(vfs().MakeNode(root_, kRootInode, ".hardlinkfs", {.type = FileType::kDirectory}).code(), EPERM);
  EXPECT_EQ(vfs().Create(root_, kRootInode, ".hardlinkfs", 0644, O_RDWR).code(), EPERM);
  const InodeId file = File("a");
  EXPECT_EQ(vfs().Link(root_, file, kRootInode, ".hardlinkfs").code(), EPERM);
  EXPECT_EQ(Rename("a", ".hardlinkfs"), EPERM);
  EXPECT_EQ(Rename(".hardlinkfs", "b"), ENOENT);
  EXPECT_THAT(List(kRootInode), ElementsAre(".", "..", "a"));
}

TEST_F(LookupTest, NameOfThePrivateAreaIsFreeElsewhereAndInOtherCase) {
  const InodeId directory = Directory("d");
  File(".hardlinkfs", directory);
  File(".HardLinkFS");
  Remount();
  EXPECT_THAT(List(kRootInode), ElementsAre(".", "..", ".HardLinkFS", "d"));
  EXPECT_THAT(List(directory), ElementsAre(".", "..", ".hardlinkfs"));
}

TEST_F(LookupTest, BadNamesAreRefused) {
  EXPECT_EQ(vfs().Lookup(kRootInode, std::string(256, 'x')).code(), ENAMETOOLONG);
  EXPECT_EQ(vfs().MakeNode(root_, kRootInode, std::string(256, 'x'), {}).code(), ENAMETOOLONG);
  EXPECT_EQ(vfs().MakeNode(root_, kRootInode, "a/b", {}).code(), EINVAL);
}

}  // namespace
}  // namespace hardlinkfs
