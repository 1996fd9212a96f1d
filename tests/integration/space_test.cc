// A backing that is full: S-SPACE-* of docs/semantics.md. Each test has a small filesystem of its own.
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

class FullBacking : public testing::TestWithParam<std::string> {
 protected:
  FullBacking() : scratch_(TemporaryDirectory()), backing_(scratch_.path() + "/backing"), mountpoint_(scratch_.path() + "/mnt") {
    std::filesystem::create_directory(backing_);
    std::filesystem::create_directory(mountpoint_);
  }

  void SetUp() override {
    const std::string image = scratch_.path() + "/image";
    if (GetParam() == "tmpfs") {
      ASSERT_EQ(Ended(mount("small", backing_.c_str(), "tmpfs", 0, "size=48m")), 0);
    } else {
      ASSERT_EQ(RunCommand({"truncate", "-s", "64M", image}).status, 0);
      ASSERT_EQ(RunCommand({"mkfs." + GetParam(), image}).status, 0);
      const CommandResult attached = RunCommand({"losetup", "-f", "--show", image});
      ASSERT_EQ(attached.status, 0) << attached.err;
      loop_ = attached.out.substr(0, attached.out.find('\n'));
      const CommandResult mounted =
          GetParam() == "exfat" ? RunCommand({"mount.exfat-fuse", loop_, backing_}) : RunCommand({"mount", loop_, backing_});
      ASSERT_EQ(mounted.status, 0) << mounted.err;
    }
    std::filesystem::create_directory(backing_ + "/volume");
    volume_ = std::make_unique<MountedVolume>(backing_ + "/volume", mountpoint_);
    volume_->Mount();
  }

  void TearDown() override {
    if (volume_ != nullptr && volume_->mounted()) volume_->Unmount();
    volume_.reset();
    // exfat-fuse lets go of the device a moment later.
    EXPECT_TRUE(Eventually([&] { return umount2(backing_.c_str(), 0) == 0 || errno == EINVAL; }));
    if (!loop_.empty()) {
      EXPECT_TRUE(Eventually([&] { return RunCommand({"losetup", "-d", loop_}).status == 0; }));
    }
  }

  // RETURNS: how it ended, which is ENOSPC unless something is wrong.
  Errno Fill(const std::string& name) {
    const std::string chunk(1U << 20U, 'f');
    const UniqueFd file = top().Open(name, O_CREAT | O_WRONLY | O_APPEND);
    if (!file.valid()) return Ended(-1);
    for (int i = 0; i < 100; ++i) {
      const Errno written = WriteAll(file.get(), chunk);
      if (!(written == 0)) return written;
    }
    return {};
  }
  Folder top() const { return Folder(mountpoint_); }
  MountedVolume& volume() { return *volume_; }

 private:
  ScratchDirectory scratch_;
  std::string backing_;
  std::string mountpoint_;
  std::string loop_;
  std::unique_ptr<MountedVolume> volume_;
};

std::vector<std::string> SmallFilesystems() {
  std::vector<std::string> names;
  for (const TestBacking& backing : TestBackings()) {
    if (backing.name == "exfat" || backing.name == "ext4" || backing.name == "tmpfs") names.push_back(backing.name);
  }
  return names;
}
INSTANTIATE_TEST_SUITE_P(, FullBacking, testing::ValuesIn(SmallFilesystems()), [](const auto& parameter) { return parameter.param; });

// S-SPACE-1
TEST_P(FullBacking, WritingMoreThanFitsIsEnospcAndLosesNothing) {
  ASSERT_EQ(top().Write("kept", "kept"), 0);
  EXPECT_EQ(Fill("filler"), ENOSPC);
  EXPECT_EQ(top().Read("kept"), "kept");
  volume().Remount();
  EXPECT_EQ(top().Read("kept"), "kept");
  EXPECT_THAT(top().Names(), testing::ElementsAre("filler", "kept"));
}

// S-SPACE-2, S-LINK-3
TEST_P(FullBacking, LinksMadeWhenFullAreThereOrWereRefusedWithEnospc) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(Fill("filler"), ENOSPC);
  uint32_t made = 0;
  Errno last;
  for (int i = 0; i < 5000 && last == 0; ++i) {
    last = top().Link("a", "link " + std::to_string(i) + std::string(200, 'x'));
    if (last == 0) ++made;
  }
  EXPECT_EQ(last, ENOSPC) << made << " links";
  EXPECT_EQ(top().Nlink("a"), made + 1);
  volume().Remount();
  EXPECT_EQ(top().Nlink("a"), made + 1);
  EXPECT_EQ(top().Names().size(), made + 2);
}

// S-SPACE-3
TEST_P(FullBacking, CanBeEmptiedAgain) {
  for (int i = 0; i < 200; ++i) ASSERT_EQ(top().Write("small " + std::to_string(i), "x"), 0);
  ASSERT_EQ(Fill("filler"), ENOSPC);
  // Also the last block, as far as it can be had.
  for (int i = 0; i < 2000; ++i) {
    if (!(top().Write("more " + std::to_string(i), std::string(4096, 'm')) == 0)) break;
  }
  for (const std::string& name : top().Names()) EXPECT_EQ(top().Unlink(name), 0) << name;
  EXPECT_THAT(top().Names(), testing::IsEmpty());
  EXPECT_TRUE(Eventually([&] { return top().Write("new", std::string(8U << 20U, 'n')) == 0; })) << "the space does not come back";
  volume().Remount();
  EXPECT_EQ(top().Status("new").size, 8U << 20U);
  EXPECT_THAT(top().Names(), testing::ElementsAre("new"));
}

// S-SPACE-4
TEST_P(FullBacking, ACreationThatFailsLeavesNoName) {
  ASSERT_EQ(Fill("filler"), ENOSPC);
  std::vector<std::string> made{"filler"};
  for (int i = 0; i < 3000; ++i) {
    const std::string name = "d" + std::to_string(i) + std::string(100, 'x');
    const Errno error = top().Mkdir(name);
    if (!(error == 0)) {
      EXPECT_EQ(error, ENOSPC);
      break;
    }
    made.push_back(name);
  }
  std::sort(made.begin(), made.end());
  EXPECT_TRUE(top().Names() == made);
  volume().Remount();
  EXPECT_TRUE(top().Names() == made) << made.size() << " were made, " << top().Names().size() << " are there";
}

}  // namespace
}  // namespace hardlinkfs
