// The background thread: what was acknowledged is durable, what was unlinked is removed, and what was moved is in its place, by itself.
#include <chrono>
#include <functional>
#include <thread>

#include "tests/unit/vfs/vfs_fixture.h"

namespace hardlinkfs {
namespace {

bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

class BackgroundTest : public VfsTest {
 protected:
  static MachineOptions EachSecond() {
    MachineOptions options = OnExfat();
    options.vfs.commit = std::chrono::seconds(1);
    return options;
  }
  BackgroundTest() : VfsTest(EachSecond()) {}

  void SetUp() override {
    VfsTest::SetUp();
    vfs().Start();
  }
  void TearDown() override {
    EXPECT_EQ(machine_.Stop().code(), 0);
    EXPECT_THAT(BrokenInvariants(machine_, Moment::kStopped), testing::IsEmpty());
  }

  bool LiesBelow(const std::string& name) { return machine_.backing().Stat(machine_.backing().root(), BackingName(name)).ok(); }
};

TEST_F(BackgroundTest, SyncsWhatWasAcknowledged) {
  File("a");
  EXPECT_TRUE(Eventually([&] { return machine_.engine().UnsyncedCommits() == 0 && !volume().NeedsSync(); }));
}

TEST_F(BackgroundTest, BringsWhatWasRenamedToItsPlace) {
  File("a");
  ASSERT_EQ(Rename("a", "b"), 0);
  EXPECT_TRUE(Eventually([&] { return LiesBelow("b"); }));
  EXPECT_FALSE(LiesBelow("a"));
}

TEST_F(BackgroundTest, RemovesWhatWasUnlinked) {
  const InodeId file = File("a");
  vfs().Forget(file, 1);
  ASSERT_EQ(vfs().Unlink(root_, kRootInode, "a").code(), 0);
  EXPECT_TRUE(Eventually([&] { return !LiesBelow("a"); }));
}

}  // namespace
}  // namespace hardlinkfs
