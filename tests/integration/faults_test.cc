// A disk that fails under a real mount: S-FAULT-* of docs/semantics.md.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"
#include "tests/integration/small_filesystem.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

bool IsRefused(const Errno& error) { return error == EROFS || error == EIO; }

// A directory that is made to fail.
class FailingDisk : public testing::TestWithParam<std::string> {
 protected:
  FailingDisk() : scratch_(TemporaryDirectory()) {
    if (geteuid() != 0) return;
    for (const char* name : {"/disk", "/mnt"}) std::filesystem::create_directory(scratch_.path() + name);
    faulty_.emplace(scratch_.path() + "/disk", scratch_.path() + "/faulty");
    std::filesystem::create_directory(faulty_->path() + "/volume");
    volume_ = std::make_unique<MountedVolume>(faulty_->path() + "/volume", scratch_.path() + "/mnt");
  }
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "not root";
    volume_->Mount(GetParam());
  }
  void TearDown() override {
    if (HasFailure()) GTEST_LOG_(INFO) << volume_->Log();
    volume_.reset();
  }

  Folder top() const { return Folder(volume_->mountpoint()); }
  MountedVolume& volume() { return *volume_; }
  void Fail(const std::string& words) { faulty_->Fail(words); }
  // Ends the server, which has something to complain about.
  void EndFailed() {
    volume().Signal(SIGTERM);
    EXPECT_NE(volume().WaitForServer(), 0) << "it ended as if all were well";
  }
  Errno Synced(const std::string& name) {
    const UniqueFd file = top().Open(name, O_RDWR);
    return file.valid() ? Ended(fsync(file.get())) : Ended(-1);
  }
  // No change is taken any more; what is there can be read.
  void ExpectReadOnly() {
    EXPECT_PRED1(IsRefused, top().Mkdir("refused"));
    EXPECT_PRED1(IsRefused, top().Link("synced", "refused"));
    EXPECT_PRED1(IsRefused, top().Unlink("synced"));
    EXPECT_PRED1(IsRefused, top().Rename("synced", "refused"));
    EXPECT_PRED1(IsRefused, top().Chmod("synced", 0600));
    EXPECT_PRED1(IsRefused, top().SetXattr("synced", "user.x", "x"));
    EXPECT_PRED1(IsRefused, top().Write("refused", "x"));
    EXPECT_PRED1(IsRefused, Synced("synced"));
    EXPECT_EQ(top().Read("synced"), "synced");
    EXPECT_EQ(top().Nlink("synced"), 2U);
  }

 private:
  ScratchDirectory scratch_;
  std::optional<FaultyFilesystem> faulty_;
  std::unique_ptr<MountedVolume> volume_;
};
INSTANTIATE_TEST_SUITE_P(, FailingDisk, testing::Values("commit=100", "commit=100,passthrough=off"),
                         [](const auto& parameter) { return parameter.index == 0 ? "passthrough" : "requests"; });

// S-FAULT-2
TEST_P(FailingDisk, AFailedFsyncIsToldAndFromThenOnNothingIsPromised) {
  ASSERT_EQ(top().Write("synced", "synced"), 0);
  ASSERT_EQ(top().Link("synced", "second name"), 0);
  ASSERT_EQ(Synced("synced"), 0);
  ASSERT_EQ(top().Write("unsynced", "unsynced"), 0);
  Fail("sync");
  EXPECT_EQ(Synced("unsynced"), EIO);
  ExpectReadOnly();
  Fail("");
  ExpectReadOnly();  // also when it would work again: what was lost, nobody knows
  EXPECT_THAT(volume().Log(), HasSubstr("a sync failed"));
  EndFailed();

  volume().Mount(GetParam());
  EXPECT_EQ(top().Read("synced"), "synced");
  EXPECT_EQ(top().Nlink("synced"), 2U);
  EXPECT_EQ(top().Write("new", "new"), 0);
  EXPECT_EQ(Synced("new"), 0);
  volume().Unmount();
}

// S-FAULT-3
TEST_P(FailingDisk, AfterErrorsWithoutASyncItGoesOn) {
  ASSERT_EQ(top().Write("synced", "synced"), 0);
  ASSERT_EQ(top().Link("synced", "second name"), 0);
  for (int round = 0; round < 3; ++round) {
    Fail("write");
    // Passthrough writes to the disk by itself.
    EXPECT_EQ(top().Write("refused", "x"), EIO);
    EXPECT_EQ(top().Mkdir("refused too"), EIO);
    EXPECT_EQ(top().Link("synced", "refused link"), EIO);
    EXPECT_EQ(top().Unlink("second name"), EIO);
    EXPECT_EQ(top().Rename("synced", "refused name"), EIO);
    EXPECT_EQ(top().Chmod("synced", 0600), EIO);
    EXPECT_EQ(top().Read("synced"), "synced");
    EXPECT_THAT(top().Names(), ElementsAre("second name", "synced"));
    Fail("");
    EXPECT_TRUE(Eventually([&] { return top().Mkdir("works") == 0; })) << "it does not go on";
    EXPECT_EQ(top().Rmdir("works"), 0);
    EXPECT_EQ(top().Link("synced", "third name"), 0);
    EXPECT_EQ(top().Nlink("synced"), 3U);
    EXPECT_EQ(top().Unlink("third name"), 0);
  }
  volume().Unmount();
  volume().Mount(GetParam());
  EXPECT_THAT(top().Names(), ElementsAre("second name", "synced"));
  EXPECT_EQ(top().Nlink("synced"), 2U);
  volume().Unmount();
}

// S-FAULT-4
TEST_P(FailingDisk, ADiskThatVanishesCostsNothingThatWasSynced) {
  ASSERT_EQ(top().Write("synced", "synced"), 0);
  ASSERT_EQ(top().Link("synced", "second name"), 0);
  ASSERT_EQ(top().Rename("synced", "renamed"), 0);
  ASSERT_EQ(top().Rename("renamed", "synced"), 0);
  ASSERT_EQ(Synced("synced"), 0);
  ASSERT_EQ(top().Write("unsynced", "unsynced"), 0);
  Fail("all");
  EXPECT_PRED1(IsRefused, top().Write("refused", "x"));
  EXPECT_PRED1(IsRefused, top().Unlink("second name"));
  EndFailed();
  EXPECT_NE(volume().TryMount(GetParam()).status, 0);
  Fail("");
  volume().Mount(GetParam());
  EXPECT_EQ(top().Read("synced"), "synced");
  EXPECT_EQ(top().Read("second name"), "synced");
  EXPECT_EQ(top().Nlink("synced"), 2U);
  EXPECT_FALSE(top().Exists("refused"));
  volume().Unmount();
}

// A real one: ext4 in a loop device over a file that cannot grow, so that what the kernel writes back fails.
// S-FAULT-2
TEST(FailingDevice, WhatCannotBeWrittenBackIsToldByFsync) {
  const std::vector<std::string> kinds = KindsOfSmallFilesystems();
  if (std::ranges::find(kinds, "ext4") == kinds.end()) GTEST_SKIP() << "no ext4";
  const ScratchDirectory scratch(TemporaryDirectory());
  const SmallFilesystem memory("tmpfs", scratch.path() + "/memory", 40);
  SmallFilesystem disk("ext4", memory.path() + "/disk", 200, {"-q", "-O", "^has_journal"});
  std::filesystem::create_directory(disk.path() + "/volume");
  std::filesystem::create_directory(scratch.path() + "/mnt");
  MountedVolume volume(disk.path() + "/volume", scratch.path() + "/mnt");
  volume.Mount("commit=100");
  const Folder top(volume.mountpoint());
  ASSERT_EQ(top.Write("synced", "synced"), 0);
  ASSERT_EQ(top.Link("synced", "second name"), 0);
  UniqueFd synced = top.Open("synced", O_RDWR);
  ASSERT_EQ(Ended(fsync(synced.get())), 0);

  // The device's file cannot grow from here on.
  UniqueFd big = top.Open("big", O_CREAT | O_RDWR);
  ASSERT_EQ(WriteAll(big.get(), std::string(60U << 20U, 'b')), 0) << "it only goes into the kernel's memory";
  EXPECT_EQ(Ended(fsync(big.get())), EIO);
  EXPECT_EQ(top.Mkdir("refused"), EROFS);
  EXPECT_EQ(top.Unlink("second name"), EROFS);
  EXPECT_EQ(Ended(fsync(synced.get())), EIO);
  EXPECT_EQ(top.Read("synced"), "synced");
  EXPECT_THAT(volume.Log(), HasSubstr("a sync failed"));
  synced = UniqueFd();
  big = UniqueFd();
  volume.KillServer();
  umount2(volume.mountpoint().c_str(), MNT_DETACH);

  // The device works again.
  ASSERT_EQ(Ended(mount("small", memory.path().c_str(), "tmpfs", MS_REMOUNT, "size=300m")), 0);
  disk.MountAgain();
  volume.Mount("commit=100");
  EXPECT_EQ(top.Read("synced"), "synced");
  EXPECT_EQ(top.Nlink("synced"), 2U);
  EXPECT_EQ(top.Write("new", "new"), 0);
  volume.Unmount();
}

}  // namespace
}  // namespace hardlinkfs
