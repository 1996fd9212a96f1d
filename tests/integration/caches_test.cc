// What the kernel keeps of names and attributes must not outlive what a first look at the backing finds out: S-LIST-5 and S-LIST-6 of
// docs/semantics.md. Looks are by stat(2), which the kernel answers from its caches.
#include <sys/stat.h>

#include <filesystem>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

class Caches : public MountTest {
 protected:
  // RETURNS: 0 when it cannot be found.
  nlink_t CachedNlink(const std::string& name) const {
    struct stat found {};
    return stat(top().Path(name).c_str(), &found) == 0 ? found.st_nlink : 0;
  }
  // What comes with another mount has never been looked at.
  void WhileUnmounted(const std::function<void()>& edit) {
    Unmount();
    edit();
    Mount();
  }
};
INSTANTIATE_TEST_SUITE_P(, Caches, testing::ValuesIn(TestBackings()), NameOf);

// S-LIST-5
TEST_P(Caches, ANameGoesWithItsContentFromEveryDirectory) {
  for (const char* const directory : {"d1", "d2"}) ASSERT_EQ(top().Mkdir(directory), 0);
  ASSERT_EQ(top().Write("d1/a", "text"), 0);
  ASSERT_EQ(top().Link("d1/a", "d2/b"), 0);
  ASSERT_EQ(top().Write("d2/other", "text"), 0);
  WhileUnmounted([&] { ASSERT_EQ(bare().Unlink("d1/a"), 0); });
  top().Names("d2");  // whatever it shows
  EXPECT_THAT(top().Names("d1"), IsEmpty());
  EXPECT_THAT(top().Names("d2"), ElementsAre("other"));
  EXPECT_EQ(CachedNlink("d2/b"), 0U);
  EXPECT_EQ(top().Opens("d2/b", O_RDONLY), ENOENT);
}

// S-LIST-5
TEST_P(Caches, LostAndFoundIsSeenAsSoonAsThereIsSomethingInIt) {
  for (const char* const directory : {"d", "d/sub"}) ASSERT_EQ(top().Mkdir(directory), 0);
  ASSERT_EQ(top().Symlink("target", "d/sub/link"), 0);
  const std::string name = "lost+found/#" + std::to_string(top().Ino("d/sub/link"));
  WhileUnmounted([&] { std::filesystem::remove_all(bare().Path("d/sub")); });
  EXPECT_EQ(CachedNlink("lost+found"), 0U);
  EXPECT_THAT(top().Names(), ElementsAre("d"));
  EXPECT_EQ(CachedNlink("."), 3U);
  EXPECT_THAT(top().Names("d"), IsEmpty());  // the first look inside
  EXPECT_TRUE(Eventually([&] { return CachedNlink("lost+found") == 2; }));
  EXPECT_TRUE(Eventually([&] { return CachedNlink(".") == 4; }));
  EXPECT_EQ(top().Readlink(name), "target");
  EXPECT_THAT(top().Names(), ElementsAre("d", "lost+found"));
}

// S-LIST-5
TEST_P(Caches, WhatIsPutIntoLostAndFoundIsListedThere) {
  for (const char* const directory : {"d", "d/one", "d/two", "d/two/deep"}) ASSERT_EQ(top().Mkdir(directory), 0);
  ASSERT_EQ(top().Symlink("1", "d/one/link"), 0);
  ASSERT_EQ(top().Symlink("2", "d/two/deep/link"), 0);
  const std::string second = "lost+found/#" + std::to_string(top().Ino("d/two/deep/link"));
  WhileUnmounted([&] {
    std::filesystem::remove_all(bare().Path("d/one"));
    std::filesystem::remove_all(bare().Path("d/two/deep"));
  });
  EXPECT_THAT(top().Names("d"), ElementsAre("two"));
  ASSERT_TRUE(Eventually([&] { return CachedNlink("lost+found") == 2; }));
  EXPECT_EQ(top().Names("lost+found").size(), 1U);
  struct stat absent {};
  EXPECT_EQ(Ended(lstat(top().Path(second).c_str(), &absent)), ENOENT);
  EXPECT_THAT(top().Names("d/two"), IsEmpty());
  EXPECT_TRUE(Eventually([&] { return top().Names("lost+found").size() == 2; }));
  EXPECT_TRUE(Eventually([&] { return lstat(top().Path(second).c_str(), &absent) == 0; }));
}

// S-LIST-5
TEST_P(Caches, ALinkCountFallsWithTheNamesInADirectoryThatVanished) {
  for (const char* const directory : {"d", "d/sub"}) ASSERT_EQ(top().Mkdir(directory), 0);
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Link("a", "d/sub/b"), 0);
  WhileUnmounted([&] { std::filesystem::remove_all(bare().Path("d/sub")); });
  EXPECT_EQ(CachedNlink("a"), 2U);
  EXPECT_THAT(top().Names("d"), IsEmpty());
  EXPECT_TRUE(Eventually([&] { return CachedNlink("a") == 1; }));
  EXPECT_EQ(top().Link("a", "c"), 0);
  EXPECT_EQ(CachedNlink("a"), 2U);
}

// S-LIST-6
TEST_P(Caches, TheSubdirectoriesOfADirectoryCountAsSoonAsItIsListed) {
  WhileUnmounted([&] { std::filesystem::create_directories(bare().Path("d/one")); });
  EXPECT_EQ(CachedNlink("d"), 1U);
  EXPECT_THAT(top().Names("d"), ElementsAre("one"));
  EXPECT_TRUE(Eventually([&] { return CachedNlink("d") == 3; }));
}

// S-LIST-5: that a directory is not there for a moment says nothing of the names in it.
TEST_P(Caches, AnErrorOnTheWayToANameIsNotRememberedAsItsAbsence) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("d/a", "text"), 0);
  Remount();
  EXPECT_NE(CachedNlink("d"), 0U);
  ASSERT_EQ(bare().Rename("d", "away"), 0);
  EXPECT_EQ(CachedNlink("d/a"), 0U);
  ASSERT_EQ(bare().Rename("away", "d"), 0);
  EXPECT_EQ(CachedNlink("d/a"), 1U);
}

}  // namespace
}  // namespace hardlinkfs
