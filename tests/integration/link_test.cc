// link(2) and linkat(2): S-LINK-* and S-TMP-* of docs/semantics.md.
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "gmock/gmock.h"
#include "tests/integration/catalog_surgery.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Link : public MountTest {};
INSTANTIATE_TEST_SUITE_P(, Link, testing::ValuesIn(BackingsAndMirrors()), NameOf);

// What a mirror has otherwise: as its backing.
class LinkOfACatalog : public Link {};
INSTANTIATE_TEST_SUITE_P(, LinkOfACatalog, testing::ValuesIn(TestBackings()), NameOf);

// S-LINK-1
TEST_P(Link, MakesTwoNamesOfOneFile) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Link("a", "b"), 0);
  EXPECT_EQ(top().Read("b"), "text");
  EXPECT_EQ(Description(top().Status("a")), Description(top().Status("b")));
  ASSERT_EQ(top().Append("b", " more"), 0);
  EXPECT_EQ(top().Read("a"), "text more");
  ASSERT_EQ(top().Chmod("a", 0600), 0);
  EXPECT_EQ(top().Status("b").permissions(), 0600U);
}

// S-LINK-1
TEST_P(Link, CountsExactlyThroughEveryNameAtOnce) {
  ASSERT_EQ(top().Write("a", ""), 0);
  ASSERT_EQ(top().Mkdir("d"), 0);
  const UniqueFd open = top().Open("a", O_RDONLY);
  const auto count = [&] { return std::vector<uint32_t>{top().Nlink("a"), StatOf(open.get()).nlink}; };
  EXPECT_THAT(count(), ElementsAre(1, 1));
  ASSERT_EQ(top().Link("a", "d/b"), 0);
  EXPECT_THAT(count(), ElementsAre(2, 2));
  EXPECT_EQ(top().Nlink("d/b"), 2U);
  ASSERT_EQ(top().Link("d/b", "c"), 0);
  EXPECT_THAT(count(), ElementsAre(3, 3));
  EXPECT_EQ(top().Nlink("d/b"), 3U);
  EXPECT_EQ(top().Nlink("c"), 3U);
  ASSERT_EQ(top().Unlink("d/b"), 0);
  EXPECT_THAT(count(), ElementsAre(2, 2));
  EXPECT_EQ(top().Nlink("c"), 2U);
  ASSERT_EQ(top().Write("e", ""), 0);
  ASSERT_EQ(top().Rename("e", "c"), 0);
  EXPECT_THAT(count(), ElementsAre(1, 1));
}

// S-LINK-1
TEST_P(Link, CountsNamesNotSeenSinceTheMount) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("a", ""), 0);
  ASSERT_EQ(top().Link("a", "d/b"), 0);
  ASSERT_EQ(top().Link("a", "d/c"), 0);
  Remount();
  EXPECT_EQ(top().Nlink("a"), 3U);
}

// S-LINK-2
TEST_P(Link, WorksOnSymlinksThemselves) {
  ASSERT_EQ(top().Symlink("nowhere", "s"), 0);
  ASSERT_EQ(top().Link("s", "t"), 0);
  EXPECT_EQ(top().Readlink("t"), "nowhere");
  EXPECT_EQ(top().Nlink("s"), 2U);
  EXPECT_EQ(top().Ino("s"), top().Ino("t"));
}

// S-LINK-2
TEST_P(Link, WorksOnFifosSocketsAndDevices) {
  ASSERT_EQ(top().Mknod("fifo", S_IFIFO | 0600), 0);
  ASSERT_EQ(top().Mknod("socket", S_IFSOCK | 0600), 0);
  ASSERT_EQ(top().Mknod("char", S_IFCHR | 0600, makedev(1, 3)), 0);
  ASSERT_EQ(top().Mknod("block", S_IFBLK | 0600, makedev(7, 200)), 0);
  for (const std::string name : {"fifo", "socket", "char", "block"}) {
    SCOPED_TRACE(name);
    ASSERT_EQ(top().Link(name, name + "2"), 0);
    EXPECT_EQ(top().Nlink(name), 2U);
    EXPECT_EQ(Description(top().Status(name)), Description(top().Status(name + "2")));
    ASSERT_EQ(top().Unlink(name), 0);
    EXPECT_EQ(top().Nlink(name + "2"), 1U);
  }
}

// S-LINK-3
TEST_P(Link, RefusesWhatLink2Says) {
  ASSERT_EQ(top().Write("a", ""), 0);
  ASSERT_EQ(top().Write("b", ""), 0);
  ASSERT_EQ(top().Mkdir("d"), 0);
  EXPECT_EQ(top().Link("missing", "x"), ENOENT);
  EXPECT_EQ(top().Link("a", "missing/x"), ENOENT);
  EXPECT_EQ(top().Link("a", "b"), EEXIST);
  EXPECT_EQ(top().Link("a", "a"), EEXIST);
  EXPECT_EQ(top().Link("a", "d"), EEXIST);
  EXPECT_EQ(top().Link("d", "x"), EPERM);
  EXPECT_EQ(top().Link("a", "b/x"), ENOTDIR);
  EXPECT_EQ(top().Link("a", std::string(256, 'n')), ENAMETOOLONG);
  EXPECT_EQ(top().Nlink("a"), 1U);
  EXPECT_THAT(top().Names(), ElementsAre("a", "b", "d"));
}

// S-LINK-3
TEST_P(Link, AcrossTheEdgeOfTheMountIsExdev) {
  ASSERT_EQ(top().Write("a", ""), 0);
  EXPECT_EQ(Ended(link(top().Path("a").c_str(), Outside("x").c_str())), EXDEV);
  ASSERT_EQ(Folder(Outside("")).Write("y", ""), 0);
  EXPECT_EQ(Ended(link(Outside("y").c_str(), top().Path("y").c_str())), EXDEV);
}

// S-LINK-3
TEST_P(Link, OnAReadOnlyMountIsErofs) {
  ASSERT_EQ(top().Write("a", ""), 0);
  Remount("ro");
  EXPECT_EQ(top().Link("a", "b"), EROFS);
  EXPECT_EQ(top().Unlink("a"), EROFS);
  EXPECT_EQ(top().Rename("a", "b"), EROFS);
  EXPECT_EQ(top().Write("a", "x"), EROFS);
  EXPECT_EQ(top().Chmod("a", 0600), EROFS);
  EXPECT_EQ(top().Nlink("a"), 1U);
}

// S-LINK-3
TEST_P(Link, NeedsWritePermissionInTheDirectory) {
  ASSERT_EQ(top().Mkdir("d", 0755), 0);
  ASSERT_EQ(top().Mkdir("open"), 0);
  ASSERT_EQ(top().Chmod("open", 0777), 0);
  ASSERT_EQ(top().Write("open/a", ""), 0);
  ASSERT_EQ(top().Chown("open/a", kAlice.uid, kAlice.gid), 0);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Link("open/a", "d/b").code; }), EACCES);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Link("open/a", "open/b").code; }), 0);
  EXPECT_EQ(top().Nlink("open/a"), 2U);
}

// S-LINK-4
TEST_P(Link, ChangesCtimeOfTheFileAndTimesOfTheDirectory) {
  ASSERT_EQ(top().Write("a", ""), 0);
  ASSERT_EQ(top().Mkdir("d"), 0);
  const Stat file = top().Status("a");
  const Stat directory = top().Status("d");
  AwaitNextTick();
  ASSERT_EQ(top().Link("a", "d/b"), 0);
  EXPECT_TRUE(Later(top().Status("a").ctime, file.ctime));
  EXPECT_FALSE(Later(top().Status("a").mtime, file.mtime));
  EXPECT_TRUE(Later(top().Status("d").mtime, directory.mtime));
  EXPECT_TRUE(Later(top().Status("d").ctime, directory.ctime));
}

// S-LINK-5
TEST_P(Link, FromAnOpenFileByEmptyPath) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  const UniqueFd open = top().Open("a", O_RDONLY);
  ASSERT_EQ(Ended(linkat(open.get(), "", AT_FDCWD, top().Path("b").c_str(), AT_EMPTY_PATH)), 0);
  EXPECT_EQ(top().Ino("a"), top().Ino("b"));
  EXPECT_EQ(top().Nlink("a"), 2U);
}

// S-LINK-5
TEST_P(Link, FromAnOpenFileByProcWhenSymlinksAreFollowed) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  const UniqueFd open = top().Open("a", O_RDONLY);
  const std::string proc = "/proc/self/fd/" + std::to_string(open.get());
  EXPECT_EQ(Ended(linkat(AT_FDCWD, proc.c_str(), AT_FDCWD, top().Path("b").c_str(), 0)), EXDEV);
  ASSERT_EQ(Ended(linkat(AT_FDCWD, proc.c_str(), AT_FDCWD, top().Path("b").c_str(), AT_SYMLINK_FOLLOW)), 0);
  EXPECT_EQ(top().Nlink("b"), 2U);
}

// S-LINK-5
TEST_P(Link, FollowsASymlinkWhenAsked) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Symlink("a", "s"), 0);
  ASSERT_EQ(Ended(linkat(AT_FDCWD, top().Path("s").c_str(), AT_FDCWD, top().Path("b").c_str(), AT_SYMLINK_FOLLOW)), 0);
  EXPECT_EQ(top().Ino("a"), top().Ino("b"));
}

// S-LINK-6
TEST_P(Link, SurvivesARemountWithEveryNameInItsPlace) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Link("a", "d/b"), 0);
  ASSERT_EQ(top().Link("a", "c"), 0);
  ASSERT_EQ(top().Unlink("a"), 0);
  const std::string before = Description(top().Status("c"));
  Remount();
  EXPECT_EQ(Description(top().Status("d/b")), before);
  EXPECT_EQ(Description(top().Status("c")), before);
  EXPECT_EQ(top().Read("d/b"), "text");
  EXPECT_FALSE(top().Exists("a"));
  ASSERT_EQ(top().Unlink("c"), 0);
  EXPECT_EQ(top().Read("d/b"), "text");
  EXPECT_EQ(top().Nlink("d/b"), 1U);
}

// S-LINK-7
TEST_P(Link, OfAnotherUsersFileObeysProtectedHardlinks) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Chmod("d", 0777), 0);
  ASSERT_EQ(top().Write("d/secret", ""), 0);
  ASSERT_EQ(top().Chmod("d/secret", 0600), 0);
  const std::string setting = Folder("/proc/sys/fs").Read("protected_hardlinks");
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Link("d/secret", "d/mine").code; }), setting.starts_with("1") ? EPERM : 0);
}

// --- O_TMPFILE -----------------------------------------------------------------------------------------------------------------------

// S-TMP-1
TEST_P(Link, GivesATemporaryFileItsFirstName) {
  const UniqueFd open = top().Open(".", O_TMPFILE | O_RDWR, 0640);
  ASSERT_TRUE(open.valid()) << Ended(-1);
  EXPECT_EQ(StatOf(open.get()).nlink, 0U);
  ASSERT_EQ(WriteAll(open.get(), "text"), 0);
  EXPECT_THAT(top().Names(), IsEmpty());
  ASSERT_EQ(Ended(linkat(open.get(), "", AT_FDCWD, top().Path("a").c_str(), AT_EMPTY_PATH)), 0);
  EXPECT_EQ(StatOf(open.get()).nlink, 1U);
  EXPECT_EQ(top().Read("a"), "text");
  EXPECT_EQ(top().Ino("a"), StatOf(open.get()).ino);
  EXPECT_EQ(top().Status("a").permissions(), 0640U);
  const std::string proc = "/proc/self/fd/" + std::to_string(open.get());
  ASSERT_EQ(Ended(linkat(AT_FDCWD, proc.c_str(), AT_FDCWD, top().Path("b").c_str(), AT_SYMLINK_FOLLOW)), 0);
  EXPECT_EQ(top().Nlink("a"), 2U);
}

// S-TMP-1
TEST_P(Link, OfATemporaryFileSurvivesTheCloseAndTheRemount) {
  {
    const UniqueFd open = top().Open(".", O_TMPFILE | O_WRONLY, 0600);
    ASSERT_EQ(WriteAll(open.get(), "text"), 0);
    ASSERT_EQ(Ended(linkat(open.get(), "", AT_FDCWD, top().Path("a").c_str(), AT_EMPTY_PATH)), 0);
  }
  EXPECT_EQ(top().Read("a"), "text");
  Unmount();
  EXPECT_EQ(bare().Read("a"), "text");
  Mount();
  EXPECT_EQ(top().Read("a"), "text");
}

// S-TMP-2
TEST_P(Link, OfAnExclusiveTemporaryFileIsRefused) {
  const UniqueFd open = top().Open(".", O_TMPFILE | O_EXCL | O_RDWR, 0600);
  ASSERT_TRUE(open.valid()) << Ended(-1);
  EXPECT_EQ(Ended(linkat(open.get(), "", AT_FDCWD, top().Path("a").c_str(), AT_EMPTY_PATH)), ENOENT);
  EXPECT_THAT(top().Names(), IsEmpty());
  EXPECT_EQ(StatOf(open.get()).nlink, 0U);
}

// S-TMP-3
TEST_P(LinkOfACatalog, LeavesNothingOfTemporaryFilesWithoutName) {
  {
    const UniqueFd open = top().Open(".", O_TMPFILE | O_RDWR, 0600);
    ASSERT_EQ(WriteAll(open.get(), "text"), 0);
    EXPECT_EQ(ReadAll(open.get()), "text");
  }
  Unmount();
  EXPECT_THAT(bare().Names(".hardlinkfs/homes"), IsEmpty());
  EXPECT_THAT(bare().Tree(), IsEmpty());
}

// --- The limit -----------------------------------------------------------------------------------------------------------------------

// S-LINK-8
TEST_P(LinkOfACatalog, IsEmlinkBeyond65000) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  const uint64_t ino = top().Ino("a");
  Unmount();
  ASSERT_EQ(SetStoredNlink(bare().path(), ino, 64999), 0);  // to make them all takes half a minute
  Mount();
  ASSERT_EQ(top().Link("a", "b"), 0);
  EXPECT_EQ(top().Nlink("a"), 65000U);
  EXPECT_EQ(top().Link("a", "c"), EMLINK);
  EXPECT_EQ(top().Nlink("a"), 65000U);
  EXPECT_THAT(top().Names(), ElementsAre("a", "b"));
  ASSERT_EQ(top().Unlink("b"), 0);
  EXPECT_EQ(top().Link("a", "c"), 0);
}

// S-LINK-8
TEST_P(Link, IsEmlinkBeyondMaxLinks) {
  Remount("max_links=3");
  ASSERT_EQ(top().Write("a", "text"), 0);
  EXPECT_EQ(top().Link("a", "b"), 0);
  EXPECT_EQ(top().Link("a", "c"), 0);
  EXPECT_EQ(top().Link("a", "d"), EMLINK);
  Remount("max_links=2");
  EXPECT_EQ(top().Nlink("c"), 3U);
  EXPECT_EQ(top().Link("a", "d"), EMLINK);
  EXPECT_THAT(top().Names(), ElementsAre("a", "b", "c"));
  Remount("max_links=200000");
  EXPECT_EQ(top().Link("a", "d"), 0);
  EXPECT_EQ(top().Nlink("d"), 4U);
}

}  // namespace
}  // namespace hardlinkfs
