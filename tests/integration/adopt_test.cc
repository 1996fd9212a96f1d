// What is on the backing before the first mount, and what changes there between two: S-ADOPT-* of docs/semantics.md.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Adopt : public UnmountedTest {};
INSTANTIATE_TEST_SUITE_P(, Adopt, testing::ValuesIn(TestBackings()), NameOf);

// S-ADOPT-1
TEST_P(Adopt, ATreeFromBeforeTheFirstMountIsThereAtOnce) {
  ASSERT_EQ(bare().Mkdir("d"), 0);
  ASSERT_EQ(bare().Mkdir("d/e"), 0);
  ASSERT_EQ(bare().Mkdir("empty"), 0);
  ASSERT_EQ(bare().Write("d/e/deep", "deep"), 0);
  ASSERT_EQ(bare().Write("d/f", "f"), 0);
  ASSERT_EQ(bare().Write("f", std::string(100000, 'f')), 0);
  const Stat under = bare().Status("f");
  Mount();
  EXPECT_THAT(top().Tree(), ElementsAre("d/", "d/e/", "d/e/deep", "d/f", "empty/", "f"));
  EXPECT_EQ(top().Read("d/e/deep"), "deep");
  EXPECT_EQ(top().Status("f").size, 100000U);
  EXPECT_EQ(top().Status("f").mtime.tv_sec, under.mtime.tv_sec);
  EXPECT_EQ(top().Nlink("d"), 3U);
  EXPECT_EQ(top().Nlink("."), 4U);
  ASSERT_EQ(top().Link("d/e/deep", "link"), 0);
  EXPECT_EQ(top().Nlink("d/e/deep"), 2U);
  Remount();
  EXPECT_EQ(top().Read("link"), "deep");
  EXPECT_EQ(top().Nlink("link"), 2U);
}

// S-ADOPT-1
TEST_P(Adopt, AFileIsFoundByItsPathWithoutAListing) {
  std::filesystem::create_directories(bare().Path("a/b/c"));
  ASSERT_EQ(bare().Write("a/b/c/f", "text"), 0);
  Mount();
  EXPECT_EQ(top().Read("a/b/c/f"), "text");
  EXPECT_EQ(top().Status("a/b/c/missing").error, ENOENT);
}

// S-ADOPT-2
TEST_P(Adopt, OwnersAndModesComeFromTheOptionsWhereTheBackingHasNone) {
  ASSERT_EQ(bare().Write("f", "x"), 0);
  ASSERT_EQ(bare().Mkdir("d"), 0);
  if (!on_fat()) {
    ASSERT_EQ(bare().Chmod("f", 0640), 0);
    ASSERT_EQ(bare().Chown("f", 61001, 61002), 0);
  }
  Mount("uid=61001,gid=61002,fmask=0137,dmask=0027");
  EXPECT_EQ(top().Status("f").uid, 61001U);
  EXPECT_EQ(top().Status("f").gid, 61002U);
  EXPECT_EQ(top().Status("f").permissions(), 0640U);
  if (on_fat()) {
    EXPECT_EQ(top().Status("d").permissions(), 0750U);
  }
  // What was said once stays: these are files now, with an owner.
  ASSERT_EQ(top().Chown("f", 5, 6), 0);
  Remount("uid=7");
  EXPECT_EQ(top().Status("f").uid, 5U);
}

// S-ADOPT-2
TEST_P(Adopt, UmaskIsForFilesAndDirectories) {
  ASSERT_EQ(bare().Write("f", "x"), 0);
  ASSERT_EQ(bare().Mkdir("d"), 0);
  Mount("umask=026");
  EXPECT_EQ(top().Status("f").permissions(), on_fat() ? 0751U : 0644U);
  EXPECT_EQ(top().Status("d").permissions(), on_fat() ? 0751U : 0755U);
}

// S-ADOPT-3
TEST_P(Adopt, WhatWasAddedBetweenMountsAppears) {
  Mount();
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("d/old", "old"), 0);
  Unmount();
  ASSERT_EQ(bare().Write("d/new", "new"), 0);
  ASSERT_EQ(bare().Mkdir("d/sub"), 0);
  ASSERT_EQ(bare().Write("d/sub/f", "f"), 0);
  Mount();
  EXPECT_THAT(top().Tree(), ElementsAre("d/", "d/new", "d/old", "d/sub/", "d/sub/f"));
  EXPECT_EQ(top().Read("d/new"), "new");
  EXPECT_EQ(top().Read("d/sub/f"), "f");
}

// S-ADOPT-3
TEST_P(Adopt, WhatWasEditedHasItsNewContentUnderAllItsNames) {
  Mount();
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Link("a", "b"), 0);
  ASSERT_EQ(top().Chmod("a", 0604), 0);
  ASSERT_EQ(top().SetXattr("a", "user.x", "1"), 0);
  const uint64_t ino = top().Ino("a");
  Unmount();
  const std::string home = bare().Exists("a") ? "a" : "b";
  ASSERT_EQ(bare().Write(home, "edited elsewhere"), 0);
  const Stat edited = bare().Status(home);
  Mount();
  EXPECT_EQ(top().Read("a"), "edited elsewhere");
  EXPECT_EQ(top().Read("b"), "edited elsewhere");
  EXPECT_EQ(top().Status("b").size, 16U);
  EXPECT_EQ(top().Ino("b"), ino);
  EXPECT_EQ(top().Nlink("b"), 2U);
  EXPECT_EQ(top().Status("b").permissions(), 0604U);
  EXPECT_EQ(top().Xattr("b", "user.x"), "1");
  EXPECT_EQ(top().Status("b").mtime.tv_sec, edited.mtime.tv_sec);
}

// S-ADOPT-4
TEST_P(Adopt, WhatWasDeletedIsGoneUnderAllItsNames) {
  Mount();
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Link("a", "d/b"), 0);
  ASSERT_EQ(top().Write("keep", "keep"), 0);
  Unmount();
  ASSERT_EQ(bare().Unlink(bare().Exists("a") ? "a" : "d/b"), 0);
  Mount();
  EXPECT_EQ(top().Opens("d/b", O_RDONLY), ENOENT);
  EXPECT_EQ(top().Opens("a", O_RDONLY), ENOENT);
  EXPECT_THAT(top().Tree(), ElementsAre("d/", "keep"));
}

// S-ADOPT-4
TEST_P(Adopt, ADeletedTreeIsGoneWithAllThatWasInIt) {
  Mount();
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Mkdir("d/e"), 0);
  for (const char* const name : {"d/1", "d/2", "d/e/3"}) ASSERT_EQ(top().Write(name, name), 0);
  ASSERT_EQ(top().Symlink("x", "d/s"), 0);
  ASSERT_EQ(top().Mknod("d/e/p", S_IFIFO | 0600), 0);
  ASSERT_EQ(top().Write("keep", "keep"), 0);
  Unmount();
  std::filesystem::remove_all(bare().Path("d"));
  Mount();
  EXPECT_EQ(top().Status("d/e/3").error, ENOENT);
  EXPECT_FALSE(top().Exists("d"));
  EXPECT_EQ(top().Read("keep"), "keep");
  EXPECT_EQ(top().Mkdir("d"), 0);
  EXPECT_THAT(top().Names("d"), IsEmpty());
}

// S-ADOPT-10
TEST_P(Adopt, WhatADeletedTreeHeldInTheCatalogAloneIsInLostAndFound) {
  Mount();
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("d/file", "deleted with d"), 0);
  ASSERT_EQ(top().Symlink("target", "d/symlink"), 0);
  ASSERT_EQ(top().Mknod("d/fifo", S_IFIFO | 0640), 0);
  ASSERT_EQ(top().Symlink("elsewhere", "d/two"), 0);
  ASSERT_EQ(top().Link("d/two", "names"), 0);
  const std::string symlink = "#" + std::to_string(top().Ino("d/symlink"));
  const std::string fifo = "#" + std::to_string(top().Ino("d/fifo"));
  Unmount();
  std::filesystem::remove_all(bare().Path("d"));
  Mount();
  EXPECT_FALSE(top().Exists("d"));
  EXPECT_THAT(top().Names(), ElementsAre("lost+found", "names"));
  EXPECT_EQ(top().Nlink("names"), 1U);
  EXPECT_THAT(top().Names("lost+found"), testing::UnorderedElementsAre(symlink, fifo));
  EXPECT_EQ(top().Readlink("lost+found/" + symlink), "target");
  EXPECT_EQ(top().Status("lost+found/" + fifo).mode, S_IFIFO | 0640U);
  EXPECT_EQ(top().Status("lost+found").permissions(), 0700U);
  ASSERT_EQ(top().Rename("lost+found/" + fifo, "fifo"), 0);
  ASSERT_EQ(top().Unlink("lost+found/" + symlink), 0);
  ASSERT_EQ(top().Rmdir("lost+found"), 0);
  Remount();
  EXPECT_THAT(top().Names(), ElementsAre("fifo", "names"));
}

// S-ADOPT-4
TEST_P(Adopt, ADeletedTreeDoesNotTakeAlongWhatHasItsHomeElsewhere) {
  Mount();
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("outside", "text"), 0);
  ASSERT_EQ(top().Link("outside", "d/inside"), 0);
  Unmount();
  ASSERT_TRUE(bare().Exists("outside"));
  std::filesystem::remove_all(bare().Path("d"));
  Mount();
  EXPECT_FALSE(top().Exists("d"));
  EXPECT_EQ(top().Read("outside"), "text");
  EXPECT_EQ(top().Nlink("outside"), 1U);
}

// S-ADOPT-5
TEST_P(Adopt, WhatWasRenamedIsGoneAndThereUnderItsNewName) {
  Mount();
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("d/f", "in d"), 0);
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Link("a", "link"), 0);
  ASSERT_EQ(top().SetXattr("a", "user.x", "1"), 0);
  const uint64_t ino = top().Ino("a");
  Unmount();
  ASSERT_EQ(bare().Rename(bare().Exists("a") ? "a" : "link", "b"), 0);
  ASSERT_EQ(bare().Rename("d", "e"), 0);
  Mount();
  EXPECT_THAT(top().Tree(), ElementsAre("b", "e/", "e/f"));
  EXPECT_EQ(top().Read("b"), "text");
  EXPECT_NE(top().Ino("b"), ino);
  EXPECT_EQ(top().Nlink("b"), 1U);
  EXPECT_EQ(top().Xattr("b", "user.x"), std::nullopt);
  EXPECT_EQ(top().Read("e/f"), "in d");
}

// S-ADOPT-6
TEST_P(Adopt, AFileReplacedByADirectoryIsADirectory) {
  Mount();
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Mkdir("b"), 0);
  ASSERT_EQ(top().Write("b/f", "f"), 0);
  Unmount();
  ASSERT_EQ(bare().Unlink("a"), 0);
  ASSERT_EQ(bare().Mkdir("a"), 0);
  ASSERT_EQ(bare().Write("a/inner", "inner"), 0);
  std::filesystem::remove_all(bare().Path("b"));
  ASSERT_EQ(bare().Write("b", "now a file"), 0);
  Mount();
  EXPECT_THAT(top().Tree(), ElementsAre("a/", "a/inner", "b"));
  EXPECT_EQ(top().Read("a/inner"), "inner");
  EXPECT_EQ(top().Read("b"), "now a file");
  EXPECT_EQ(top().Nlink("."), 3U);
}

// S-ADOPT-6
TEST_P(Adopt, AFileReplacedByAnotherHasTheOthersContent) {
  Mount();
  ASSERT_EQ(top().Write("a", "mine"), 0);
  Unmount();
  ASSERT_EQ(bare().Unlink("a"), 0);
  ASSERT_EQ(bare().Write("a", "theirs, longer"), 0);
  Mount();
  EXPECT_EQ(top().Read("a"), "theirs, longer");
  EXPECT_EQ(top().Status("a").size, 14U);
}

// S-ADOPT-7
TEST_P(Adopt, AnAddedEntryUnderANameThatIsTakenShowsBeside) {
  Mount();
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Link("a", "b"), 0);
  Unmount();
  const bool at_a = bare().Exists("a");
  ASSERT_EQ(bare().Write(at_a ? "b" : "a", "foreign"), 0);
  Mount();
  EXPECT_EQ(top().Read("a"), "text");
  EXPECT_EQ(top().Read("b"), "text");
  EXPECT_EQ(top().Names().size(), 3U);
  bool found = false;
  for (const std::string& name : top().Names()) found = found || top().Read(name) == "foreign";
  EXPECT_TRUE(found);
}

// S-ADOPT-8
TEST_P(Adopt, AWrongOrEmptyBackingNeverEmptiesACatalog) {
  const std::string store = Outside("store");
  Mount("store=" + store);
  ASSERT_EQ(top().Write("a", "text"), 0);
  Unmount();
  const std::string parked = bare().path() + ".parked";
  ASSERT_EQ(Ended(rename(bare().path().c_str(), parked.c_str())), 0);
  std::filesystem::create_directory(bare().path());
  const CommandResult refused = volume().TryMount("store=" + store);
  EXPECT_EQ(refused.status, 32);
  EXPECT_NE(refused.err, "");
  EXPECT_EQ(std::count(refused.err.begin(), refused.err.end(), '\n'), 1) << refused.err;
  EXPECT_THAT(bare().Names(), IsEmpty());
  std::filesystem::remove_all(bare().path());
  ASSERT_EQ(Ended(rename(parked.c_str(), bare().path().c_str())), 0);
  Mount("store=" + store);
  EXPECT_EQ(top().Read("a"), "text");
}

// S-ADOPT-9
TEST_P(Adopt, SpellingsMadeByTheBareHandAreNamesToo) {
  for (const char* const name : {"100%", "a%2Fb", "%zz", "p%(41)", "%41"}) ASSERT_EQ(bare().Write(name, name), 0);
  Mount();
  EXPECT_EQ(top().Names().size(), 5U);
  std::multiset<std::string> contents;
  for (const std::string& name : top().Names()) contents.insert(top().Read(name));
  EXPECT_THAT(contents, testing::UnorderedElementsAre("100%", "a%2Fb", "%zz", "p%(41)", "%41"));
}

}  // namespace
}  // namespace hardlinkfs
