// What the bare backing shows after a clean unmount: S-BARE-* of docs/semantics.md.
#include <sys/stat.h>

#include <csignal>
#include <map>
#include <random>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;

class Settle : public MountTest {
 protected:
  // All of this is about files with one name, where there is only one right picture.
  void ExpectBareLike(const std::vector<std::string>& tree) {
    EXPECT_THAT(top().Tree(), ElementsAreArray(tree));
    Unmount();
    EXPECT_THAT(bare().Tree(), ElementsAreArray(tree));
    EXPECT_THAT(bare().Names(".hardlinkfs/homes"), IsEmpty());
    for (const std::string& path : tree) {
      if (!path.ends_with("/")) contents_[path] = bare().Read(path);
    }
    Mount();
    EXPECT_THAT(top().Tree(), ElementsAreArray(tree));
    for (const auto& [path, content] : contents_) EXPECT_EQ(top().Read(path), content) << path;
  }
  std::map<std::string, std::string> contents_;  // on the bare backing
};
INSTANTIATE_TEST_SUITE_P(, Settle, testing::ValuesIn(TestBackings()), NameOf);

// S-BARE-1
TEST_P(Settle, RenamedFilesLieAtTheirNewNames) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("a", "1"), 0);
  ASSERT_EQ(top().Write("d/b", "2"), 0);
  ASSERT_EQ(top().Rename("a", "d/a"), 0);
  ASSERT_EQ(top().Rename("d/b", "b"), 0);
  ExpectBareLike({"b", "d/", "d/a"});
  EXPECT_EQ(contents_["b"], "2");
  EXPECT_EQ(contents_["d/a"], "1");
}

// S-BARE-4
TEST_P(Settle, WhatWasRenamedIsBroughtToItsPlaceInAPause) {
  Remount("commit=1");
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Rename("a", "d/b"), 0);
  EXPECT_TRUE(Eventually([&] { return bare().Exists("d/b") && !bare().Exists("a"); }));
  EXPECT_EQ(bare().Read("d/b"), "text");
  EXPECT_EQ(top().Read("d/b"), "text");
}

// S-BARE-1
TEST_P(Settle, ExchangedFilesAndDirectoriesHaveChangedPlaces) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("d/in", "in d"), 0);
  ASSERT_EQ(top().Write("f", "file"), 0);
  ASSERT_EQ(top().Write("g", "other"), 0);
  ASSERT_EQ(top().Rename("f", "g", RENAME_EXCHANGE), 0);
  ASSERT_EQ(top().Rename("d", "f", RENAME_EXCHANGE), 0);
  ExpectBareLike({"d", "f/", "f/in", "g"});
  EXPECT_EQ(contents_["g"], "file");
  EXPECT_EQ(contents_["d"], "other");
  EXPECT_EQ(contents_["f/in"], "in d");
}

// S-BARE-1
TEST_P(Settle, CyclesOfRenamesAreUntied) {
  for (const char* const name : {"a", "b", "c"}) ASSERT_EQ(top().Write(name, name), 0);
  for (const auto& [from, to] : std::vector<std::pair<const char*, const char*>>{{"a", "x"}, {"c", "a"}, {"b", "c"}, {"x", "b"}}) {
    ASSERT_EQ(top().Rename(from, to), 0);
  }
  ExpectBareLike({"a", "b", "c"});
  EXPECT_EQ(contents_["a"], "c");
  EXPECT_EQ(contents_["b"], "a");
  EXPECT_EQ(contents_["c"], "b");
}

// S-BARE-1
TEST_P(Settle, CyclesOfDirectoriesAreUntied) {
  for (const std::string name : {"a", "b", "c"}) {
    ASSERT_EQ(top().Mkdir(name), 0);
    ASSERT_EQ(top().Write(name + "/f", name), 0);
  }
  ASSERT_EQ(top().Rename("a", "b", RENAME_EXCHANGE), 0);
  ASSERT_EQ(top().Rename("b", "c", RENAME_EXCHANGE), 0);
  ExpectBareLike({"a/", "a/f", "b/", "b/f", "c/", "c/f"});
  EXPECT_EQ(contents_["a/f"], "b");
  EXPECT_EQ(contents_["b/f"], "c");
  EXPECT_EQ(contents_["c/f"], "a");
}

// S-BARE-1
TEST_P(Settle, DirectoriesMovedIntoEachOtherLieSo) {
  // a/b becomes b/a: what was above is below.
  ASSERT_EQ(top().Mkdir("a"), 0);
  ASSERT_EQ(top().Mkdir("a/b"), 0);
  ASSERT_EQ(top().Mkdir("a/b/c"), 0);
  ASSERT_EQ(top().Write("a/in a", "in a"), 0);
  ASSERT_EQ(top().Write("a/b/in b", "in b"), 0);
  ASSERT_EQ(top().Write("a/b/c/in c", "in c"), 0);
  ASSERT_EQ(top().Rename("a/b/c", "c"), 0);
  ASSERT_EQ(top().Rename("a/b", "c/b"), 0);
  ASSERT_EQ(top().Rename("a", "c/b/a"), 0);
  ExpectBareLike({"c/", "c/b/", "c/b/a/", "c/b/a/in a", "c/b/in b", "c/in c"});
  EXPECT_EQ(contents_["c/b/a/in a"], "in a");
}

// S-BARE-1
TEST_P(Settle, WhatWasReplacedIsGone) {
  ASSERT_EQ(top().Write("a", "new"), 0);
  ASSERT_EQ(top().Write("b", "old"), 0);
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Mkdir("e"), 0);
  ASSERT_EQ(top().Write("d/f", "f"), 0);
  ASSERT_EQ(top().Rename("a", "b"), 0);
  ASSERT_EQ(top().Rename("d", "e"), 0);
  ExpectBareLike({"b", "e/", "e/f"});
  EXPECT_EQ(contents_["b"], "new");
}

// S-BARE-2
TEST_P(Settle, AFileOfManyNamesLiesOnceUnderOneOfThem) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Link("a", "d/b"), 0);
  ASSERT_EQ(top().Link("a", "c"), 0);
  ASSERT_EQ(top().Unlink("a"), 0);
  Unmount();
  EXPECT_THAT(bare().Tree(), AnyOf(ElementsAre("c", "d/"), ElementsAre("d/", "d/b")));
  EXPECT_EQ(bare().Read(bare().Exists("c") ? "c" : "d/b"), "text");
}

// S-BARE-3
TEST_P(Settle, HappensOnSigtermToo) {
  ASSERT_EQ(top().Write("a", "1"), 0);
  ASSERT_EQ(top().Write("b", "2"), 0);
  ASSERT_EQ(top().Rename("a", "b", RENAME_EXCHANGE), 0);
  volume().Signal(SIGTERM);
  EXPECT_EQ(volume().WaitForServer(), 0);
  EXPECT_EQ(bare().Read("a"), "2");
  EXPECT_EQ(bare().Read("b"), "1");
  EXPECT_THAT(top().Names(), IsEmpty());  // unmounted
  Mount();
  EXPECT_EQ(top().Read("a"), "2");
}

// S-BARE-1, S-BARE-2
TEST_P(Settle, AnyMixOfMovesComesOutRight) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto some_path = [&] {
    std::string path;
    for (auto depth = random() % 3; depth > 0; --depth) path += std::string(1, static_cast<char>('A' + random() % 3)) + "/";
    return path + static_cast<char>((random() % 2 == 0 ? 'A' : 'a') + random() % 3);
  };
  int number = 0;
  for (int step = 0; step < 600; ++step) {
    const std::string path = some_path();
    switch (random() % 7) {
      case 0:
        if (!top().Exists(path)) top().Write(path, "content " + std::to_string(++number));
        break;
      case 1:
        top().Mkdir(path);
        break;
      case 2:
        top().Unlink(path);
        break;
      case 3:
        top().Link(some_path(), path);
        break;
      case 4:
        top().Rename(some_path(), path, RENAME_EXCHANGE);
        break;
      default:
        top().Rename(some_path(), path);
    }
  }
  std::map<uint64_t, std::pair<std::string, int>> files;  // content and count of each inode
  std::map<std::string, std::string> by_path;
  for (const std::string& path : top().Tree()) {
    if (path.ends_with("/")) continue;
    by_path[path] = top().Read(path);
    files[top().Ino(path)].first = by_path[path];
    ++files[top().Ino(path)].second;
    EXPECT_EQ(top().Nlink(path) > 0, true);
  }
  for (const auto& [path, content] : by_path) EXPECT_EQ(top().Nlink(path), static_cast<uint32_t>(files[top().Ino(path)].second)) << path;
  const std::vector<std::string> tree = top().Tree();
  Unmount();
  EXPECT_THAT(bare().Names(".hardlinkfs/homes"), IsEmpty());
  if (!on_fat()) {  // there the spelling of a name may have to differ
    size_t seen = 0;
    for (const std::string& path : bare().Tree()) {
      if (path.ends_with("/")) continue;
      ++seen;
      ASSERT_TRUE(by_path.contains(path)) << path;
      EXPECT_EQ(bare().Read(path), by_path[path]) << path;
    }
    EXPECT_EQ(seen, files.size());
  }
  Mount();
  EXPECT_THAT(top().Tree(), ElementsAreArray(tree));
  for (const auto& [path, content] : by_path) EXPECT_EQ(top().Read(path), content) << path;
}

}  // namespace
}  // namespace hardlinkfs
