// The parts of a volume that stand by themselves: the cache of open directories, the lock table, the set of inodes.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "store/catalog/catalog.h"
#include "store/engine/memory_engine.h"
#include "store/volume/home_directories.h"
#include "store/volume/inode_set.h"
#include "store/volume/lock_table.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/memory_backing.h"

namespace hardlinkfs {
namespace {

class HomeDirectoriesTest : public testing::Test {
 protected:
  static constexpr size_t kCapacity = 4;

  HomeDirectoriesTest() : directories_(backing_, catalog_, backing_.root(), kCapacity) {}

  // A directory `name` in `parent`, on both sides.
  InodeId Add(InodeId inode, InodeId parent, const std::string& name) {
    EXPECT_TRUE(backing_.MakeDirectory(*directories_.Open(parent), BackingName(name), 0777).ok());
    Put(inode, parent, name);
    return inode;
  }
  void Put(InodeId inode, InodeId parent, const std::string& name) {
    InodeRecord record;
    record.type = FileType::kDirectory;
    record.home = Place{parent, BackingName(name)};
    Transaction transaction(catalog_);
    transaction.PutInode(inode, record);
    EXPECT_TRUE(transaction.Commit().ok());
  }
  uint64_t Opens(InodeId inode) {
    const uint64_t before = backing_.calls(BackingCall::kOpenDirectory);
    EXPECT_TRUE(directories_.Open(inode).ok());
    return backing_.calls(BackingCall::kOpenDirectory) - before;
  }

  ManualClock clock_;
  MemoryBacking backing_{MemoryBackingOptions{}, clock_};
  MemoryEngine engine_;
  Catalog catalog_{engine_};
  HomeDirectories directories_;
};

TEST_F(HomeDirectoriesTest, OpenOneIsNotOpenedAgain) {
  const InodeId a = Add(InodeId{100}, kRootInode, "a");
  EXPECT_EQ(Opens(a), 1U);
  EXPECT_EQ(Opens(a), 0U);
  EXPECT_EQ(Opens(kRootInode), 0U);
}

TEST_F(HomeDirectoriesTest, KeepsNoMoreThanItsCapacity) {
  for (uint64_t i = 0; i < 10; ++i) Add(InodeId{100 + i}, kRootInode, std::to_string(i));
  for (uint64_t i = 0; i < 10; ++i) Opens(InodeId{100 + i});
  uint64_t reopened = 0;
  for (uint64_t i = 10; i-- > 0;) reopened += Opens(InodeId{100 + i});
  EXPECT_EQ(reopened, 10 - kCapacity);
}

TEST_F(HomeDirectoriesTest, KeepsTheMostRecentlyUsed) {
  for (uint64_t i = 0; i < kCapacity + 1; ++i) Add(InodeId{100 + i}, kRootInode, std::to_string(i));
  for (uint64_t i = 0; i < kCapacity; ++i) Opens(InodeId{100 + i});
  EXPECT_EQ(Opens(InodeId{100}), 0U);
  EXPECT_EQ(Opens(InodeId{100 + kCapacity}), 1U);
  EXPECT_EQ(Opens(InodeId{100}), 0U);
  EXPECT_EQ(Opens(InodeId{101}), 1U);
}

TEST_F(HomeDirectoriesTest, DeepOneIsOpenedWithoutRecursion) {
  InodeId above = kRootInode;
  for (uint64_t i = 0; i < 3'000; ++i) above = Add(InodeId{100 + i}, above, "d");
  EXPECT_EQ(Opens(InodeId{100 + 2'999}), 1U);
  EXPECT_EQ(Opens(InodeId{100 + 1'499}), 1'500U);
}

TEST_F(HomeDirectoriesTest, PinnedOneIsFoundWhileTheCatalogIsBehind) {
  const InodeId a = Add(InodeId{100}, kRootInode, "a");
  ASSERT_TRUE(directories_.Pin(a).ok());
  directories_.Forget(a);
  ASSERT_TRUE(backing_.Rename(backing_.root(), BackingName("a"), backing_.root(), BackingName("b")).ok());
  EXPECT_EQ(Opens(a), 0U);
  directories_.Unpin(a);
  EXPECT_EQ(directories_.Open(a).code(), ENOENT);
  Put(a, kRootInode, "b");
  EXPECT_EQ(Opens(a), 1U);
}

TEST_F(HomeDirectoriesTest, UnknownIsENOENT) { EXPECT_EQ(directories_.Open(InodeId{77}).code(), ENOENT); }

TEST(LockTable, SharedDoesNotExcludeShared) {
  LockTable locks;
  const auto first = locks.Shared(InodeId{20});
  std::atomic<bool> held{false};
  std::thread([&] {
    const auto second = locks.Shared(InodeId{20});
    held = true;
  }).join();
  EXPECT_TRUE(held);
}

TEST(LockTable, InodesOfOneStripeAreLockedOnce) {
  LockTable locks;
  const InodeId inodes[] = {InodeId{20}, InodeId{20}, InodeId{20 + 1024}, InodeId{21}};
  const auto held = locks.Exclusive(inodes);
}

TEST(LockTable, ExclusiveExcludes) {
  LockTable locks;
  int unguarded = 0;
  const auto count = [&](InodeId first, InodeId second) {
    for (int i = 0; i < 2'000; ++i) {
      const InodeId inodes[] = {first, second};
      const auto held = locks.Exclusive(inodes);
      ++unguarded;
    }
  };
  // Opposite orders, which must not wait for each other for ever.
  std::thread one([&] { count(InodeId{20}, InodeId{30}); });
  std::thread other([&] { count(InodeId{30}, InodeId{20}); });
  one.join();
  other.join();
  EXPECT_EQ(unguarded, 4'000);
}

TEST(LockTable, HeldIsGivenBackOnce) {
  LockTable locks;
  {
    auto held = locks.Exclusive(InodeId{20});
    const auto moved = std::move(held);
  }
  const auto again = locks.Exclusive(InodeId{20});
}

TEST(InodeSet, ContainsWhatWasInserted) {
  InodeSet set;
  EXPECT_FALSE(set.Contains(InodeId{1}));
  for (const uint64_t inode : {uint64_t{1}, uint64_t{4'095}, uint64_t{4'096}, uint64_t{1} << 40}) {
    set.Insert(InodeId{inode});
    EXPECT_TRUE(set.Contains(InodeId{inode}));
    EXPECT_FALSE(set.Contains(InodeId{inode + 1}) && inode != 4'095);
  }
}

}  // namespace
}  // namespace hardlinkfs
