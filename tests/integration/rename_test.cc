// rename(2) and renameat2(2): S-RENAME-* of docs/semantics.md.
#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Rename : public MountTest {};
INSTANTIATE_TEST_SUITE_P(, Rename, testing::ValuesIn(BackingsAndMirrors()), NameOf);

// S-RENAME-1
TEST_P(Rename, MovesOneNameAndLeavesTheOthers) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Link("a", "b"), 0);
  const uint64_t ino = top().Ino("a");
  ASSERT_EQ(top().Rename("a", "d/c"), 0);
  EXPECT_THAT(top().Tree(), ElementsAre("b", "d/", "d/c"));
  EXPECT_EQ(top().Ino("d/c"), ino);
  EXPECT_EQ(top().Ino("b"), ino);
  EXPECT_EQ(top().Nlink("b"), 2U);
  EXPECT_EQ(top().Read("d/c"), "text");
}

// S-RENAME-1
TEST_P(Rename, ChangesTimesOfBothDirectoriesAndCtimeOfTheFile) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Mkdir("e"), 0);
  ASSERT_EQ(top().Write("d/a", ""), 0);
  const timespec old{.tv_sec = 1000, .tv_nsec = 5};
  for (const char* const name : {"d", "e", "d/a"}) ASSERT_EQ(top().SetTimes(name, old, old), 0);
  const timespec changed = top().Status("d/a").ctime;
  AwaitNextTick();
  ASSERT_EQ(top().Rename("d/a", "e/a"), 0);
  EXPECT_GT(top().Status("d").mtime.tv_sec, 1000);
  EXPECT_GT(top().Status("e").mtime.tv_sec, 1000);
  EXPECT_EQ(top().Status("e/a").mtime.tv_sec, 1000);
  EXPECT_TRUE(Later(top().Status("e/a").ctime, changed));
}

// S-RENAME-2
TEST_P(Rename, OverAFileReplacesIt) {
  ASSERT_EQ(top().Write("a", "new"), 0);
  ASSERT_EQ(top().Write("b", "old"), 0);
  const UniqueFd old = top().Open("b", O_RDONLY);
  ASSERT_EQ(top().Rename("a", "b"), 0);
  EXPECT_THAT(top().Names(), ElementsAre("b"));
  EXPECT_EQ(top().Read("b"), "new");
  EXPECT_EQ(ReadAll(old.get()), "old");
  EXPECT_EQ(StatOf(old.get()).nlink, 0U);
}

// S-RENAME-2
TEST_P(Rename, OverAnEmptyDirectoryReplacesIt) {
  ASSERT_EQ(top().Mkdir("a"), 0);
  ASSERT_EQ(top().Write("a/f", "text"), 0);
  ASSERT_EQ(top().Mkdir("b"), 0);
  ASSERT_EQ(top().Rename("a", "b"), 0);
  EXPECT_THAT(top().Tree(), ElementsAre("b/", "b/f"));
  EXPECT_EQ(top().Nlink("."), DirectoryNlink(3));
  Remount();
  EXPECT_EQ(top().Read("b/f"), "text");
}

// S-RENAME-3
TEST_P(Rename, OntoAnotherNameOfTheSameFileDoesNothing) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Link("a", "b"), 0);
  ASSERT_EQ(top().Rename("a", "b"), 0);
  EXPECT_THAT(top().Names(), ElementsAre("a", "b"));
  EXPECT_EQ(top().Nlink("a"), 2U);
  EXPECT_EQ(top().Rename("a", "a"), 0);
  EXPECT_EQ(top().Rename("a", "b", RENAME_EXCHANGE), 0);
  EXPECT_EQ(top().Rename("a", "b", RENAME_NOREPLACE), EEXIST);
  EXPECT_THAT(top().Names(), ElementsAre("a", "b"));
}

// S-RENAME-4
TEST_P(Rename, RefusesWhatRename2Says) {
  ASSERT_EQ(top().Write("f", ""), 0);
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Mkdir("d/sub"), 0);
  ASSERT_EQ(top().Mkdir("e"), 0);
  ASSERT_EQ(top().Mkdir("full"), 0);
  ASSERT_EQ(top().Write("full/f", ""), 0);
  EXPECT_EQ(top().Rename("missing", "x"), ENOENT);
  EXPECT_EQ(top().Rename("f", "missing/x"), ENOENT);
  EXPECT_EQ(top().Rename("f", "f/x"), ENOTDIR);
  EXPECT_EQ(top().Rename("f", "d"), EISDIR);
  EXPECT_EQ(top().Rename("d", "f"), ENOTDIR);
  EXPECT_EQ(top().Rename("e", "full"), on_xfs() ? EEXIST : ENOTEMPTY);  // rename(2) has both
  EXPECT_EQ(top().Rename("d", "d/x"), EINVAL);
  EXPECT_EQ(top().Rename("d", "d/sub/x"), EINVAL);
  EXPECT_EQ(top().Rename("d/sub", "d"), ENOTEMPTY);
  EXPECT_EQ(top().Rename("f", std::string(256, 'n')), ENAMETOOLONG);
  EXPECT_EQ(Ended(rename(top().Path("f").c_str(), Outside("f").c_str())), EXDEV);
  EXPECT_THAT(top().Tree(), ElementsAre("d/", "d/sub/", "e/", "f", "full/", "full/f"));
}

// S-RENAME-5
TEST_P(Rename, WithNoreplaceKeepsWhatIsThere) {
  ASSERT_EQ(top().Write("a", "a"), 0);
  ASSERT_EQ(top().Write("b", "b"), 0);
  EXPECT_EQ(top().Rename("a", "b", RENAME_NOREPLACE), EEXIST);
  EXPECT_EQ(top().Read("b"), "b");
  EXPECT_EQ(top().Rename("a", "c", RENAME_NOREPLACE), 0);
  EXPECT_EQ(top().Read("c"), "a");
  EXPECT_THAT(top().Names(), ElementsAre("b", "c"));
}

// S-RENAME-6
TEST_P(Rename, WithExchangeSwapsFilesAndDirectories) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Mkdir("e"), 0);
  ASSERT_EQ(top().Mkdir("e/dir"), 0);
  ASSERT_EQ(top().Write("e/dir/inner", "inner"), 0);
  ASSERT_EQ(top().Write("d/file", "file"), 0);
  EXPECT_EQ(top().Rename("d/file", "missing", RENAME_EXCHANGE), ENOENT);
  EXPECT_EQ(top().Rename("e", "e/dir", RENAME_EXCHANGE), EINVAL);
  EXPECT_EQ(top().Rename("e/dir", "e", RENAME_EXCHANGE), EINVAL);
  ASSERT_EQ(top().Rename("d/file", "e/dir", RENAME_EXCHANGE), 0);
  EXPECT_THAT(top().Tree(), ElementsAre("d/", "d/file/", "d/file/inner", "e/", "e/dir"));
  EXPECT_EQ(top().Nlink("d"), DirectoryNlink(3));
  EXPECT_EQ(top().Nlink("e"), DirectoryNlink(2));
  EXPECT_EQ(top().Ino("d/file/.."), top().Ino("d"));
  Unmount();
  EXPECT_EQ(bare().Read("e/dir"), "file");
  EXPECT_EQ(bare().Read("d/file/inner"), "inner");
  Mount();
  EXPECT_THAT(top().Tree(), ElementsAre("d/", "d/file/", "d/file/inner", "e/", "e/dir"));
}

// S-RENAME-6
TEST_P(Rename, WithExchangeKeepsOtherNamesOfBoth) {
  ASSERT_EQ(top().Write("a", "a"), 0);
  ASSERT_EQ(top().Write("b", "b"), 0);
  ASSERT_EQ(top().Link("a", "a2"), 0);
  ASSERT_EQ(top().Link("b", "b2"), 0);
  ASSERT_EQ(top().Rename("a", "b", RENAME_EXCHANGE), 0);
  EXPECT_EQ(top().Ino("a"), top().Ino("b2"));
  EXPECT_EQ(top().Ino("b"), top().Ino("a2"));
  EXPECT_EQ(top().Nlink("a"), 2U);
  EXPECT_EQ(top().Nlink("b"), 2U);
  Remount();
  EXPECT_EQ(top().Read("a"), "b");
  EXPECT_EQ(top().Read("a2"), "a");
}

// S-RENAME-7
TEST_P(Rename, WithWhiteoutLeavesADeviceZero) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Rename("a", "d/a", RENAME_WHITEOUT), 0);
  const Stat left = top().Status("a");
  EXPECT_TRUE(S_ISCHR(left.mode));
  EXPECT_EQ(left.rdev, makedev(0, 0));
  EXPECT_EQ(top().Read("d/a"), "text");
  Remount();
  EXPECT_TRUE(S_ISCHR(top().Status("a").mode));
  ASSERT_EQ(top().Write("b", "b"), 0);
  EXPECT_EQ(top().Rename("b", "d/a", RENAME_WHITEOUT | RENAME_NOREPLACE), EEXIST);
}

// S-RENAME-8
TEST_P(Rename, ThatOnlyChangesCaseChangesTheName) {
  ASSERT_EQ(top().Write("Readme", "text"), 0);
  ASSERT_EQ(top().Mkdir("Dir"), 0);
  ASSERT_EQ(top().Write("Dir/f", "f"), 0);
  ASSERT_EQ(top().Rename("Readme", "README"), 0);
  ASSERT_EQ(top().Rename("Dir", "dir"), 0);
  EXPECT_THAT(top().Tree(), ElementsAre("README", "dir/", "dir/f"));
  EXPECT_FALSE(top().Exists("Readme"));
  Unmount();
  EXPECT_THAT(bare().Tree(), ElementsAre("README", "dir/", "dir/f"));
  Mount();
  EXPECT_THAT(top().Tree(), ElementsAre("README", "dir/", "dir/f"));
  EXPECT_EQ(top().Read("README"), "text");
}

// S-RENAME-9
TEST_P(Rename, OfAnOpenDirectoryAndOpenFilesInItKeepsThemUsable) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Mkdir("e"), 0);
  ASSERT_EQ(top().Write("d/f", "text"), 0);
  const UniqueFd directory = top().Open("d", O_RDONLY | O_DIRECTORY);
  const UniqueFd file = top().Open("d/f", O_RDWR);
  ASSERT_EQ(top().Rename("d", "e/moved"), 0);
  EXPECT_EQ(ReadEntries(directory.get()).size(), 3U);
  EXPECT_TRUE(UniqueFd(openat(directory.get(), "new", O_CREAT | O_WRONLY | O_CLOEXEC, 0600)).valid());
  EXPECT_EQ(ReadAll(file.get()), "text");
  ASSERT_EQ(WriteAll(file.get(), "TEXT"), 0);
  EXPECT_EQ(top().Read("e/moved/f"), "TEXT");
  EXPECT_THAT(top().Names("e/moved"), ElementsAre("f", "new"));
}

// S-RENAME-10
TEST_P(Rename, NeedsOwnershipInAStickyDirectory) {
  ASSERT_EQ(top().Mkdir("tmp"), 0);
  ASSERT_EQ(top().Chmod("tmp", 01777), 0);
  ASSERT_EQ(AsUser(kAlice, [&] { return top().Write("tmp/a", "").code; }), 0);
  EXPECT_EQ(AsUser(kBob, [&] { return top().Rename("tmp/a", "tmp/b").code; }), EPERM);
  EXPECT_EQ(AsUser(kBob, [&] { return top().Unlink("tmp/a").code; }), EPERM);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Rename("tmp/a", "tmp/b").code; }), 0);
}

// S-RENAME-11
TEST_P(Rename, InTheMiddleOfAWriteGoesOnAtTheNewName) {
  const UniqueFd file = top().Open("a", O_CREAT | O_RDWR);
  ASSERT_EQ(WriteAll(file.get(), "one "), 0);
  ASSERT_EQ(top().Rename("a", "b"), 0);
  ASSERT_EQ(WriteAll(file.get(), "two"), 0);
  EXPECT_EQ(top().Read("b"), "one two");
  EXPECT_EQ(top().Status("b").size, 7U);
}

}  // namespace
}  // namespace hardlinkfs
