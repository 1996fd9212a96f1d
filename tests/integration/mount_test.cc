// Mounting itself: S-MOUNT-* of docs/semantics.md.
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kMountFailed = 32;
constexpr int kUsage = 1;

// A refusal is one line, with the name of the program before it.
void ExpectRefused(const CommandResult& result, int status) {
  EXPECT_EQ(result.status, status);
  EXPECT_THAT(result.err, testing::StartsWith("hardlinkfs: "));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

class Mounting : public UnmountedTest {
 protected:
  std::string Directory(const std::string& name) {
    std::filesystem::create_directory(Outside(name));
    return Outside(name);
  }
};
INSTANTIATE_TEST_SUITE_P(, Mounting, testing::ValuesIn(TestBackings()), NameOf);

// S-MOUNT-1
TEST_P(Mounting, TheMountWorksAsSoonAsTheCommandReturns) {
  for (int i = 0; i < 5; ++i) {
    Mount();
    ASSERT_EQ(top().Append("a", "x"), i == 0 ? ENOENT : 0);
    ASSERT_EQ(top().Opens("a", O_CREAT | O_WRONLY), 0);
    Unmount();
    EXPECT_TRUE(bare().Exists("a"));
  }
}

// S-MOUNT-1
TEST_P(Mounting, EndsCleanlyWhileTheLastClosesAreOnTheirWay) {
  for (int i = 0; i < 10; ++i) {
    Mount();
    std::vector<UniqueFd> open;
    for (const char* const name : {"a", "b", "c", "d"}) {
      open.push_back(top().Open(name, O_CREAT | O_WRONLY | O_TRUNC));
      ASSERT_EQ(WriteAll(open.back().get(), std::to_string(i)), 0);
    }
    // The kernel sends a RELEASE and does not wait for the answer.
    open.clear();
    Unmount();
    EXPECT_EQ(bare().Read("d"), std::to_string(i));
  }
}

// S-MOUNT-2
TEST_P(Mounting, OverTheSourceItselfIsTheUsualWay) {
  ASSERT_EQ(bare().Write("before", "text"), 0);
  {
    MountedVolume over(bare().path(), bare().path());
    const CommandResult mounted = RunCommand({Command(), "mount", bare().path(), bare().path()});
    ASSERT_EQ(mounted.status, 0) << mounted.err;
    EXPECT_THAT(bare().Names(), ElementsAre("before"));
    EXPECT_EQ(bare().Link("before", "after"), 0);
    ASSERT_EQ(Ended(umount2(bare().path().c_str(), 0)), 0);
  }
  Mount();  // waits for the server to end
  EXPECT_EQ(top().Nlink("before"), 2U);
}

// S-MOUNT-3
TEST_P(Mounting, ASecondMountOfTheSourceIsRefusedAndTheFirstGoesOn) {
  Mount();
  ASSERT_EQ(top().Write("a", "text"), 0);
  MountedVolume second(bare().path(), Directory("second"));
  const CommandResult refused = second.TryMount();
  ExpectRefused(refused, kMountFailed);
  EXPECT_THAT(refused.err, HasSubstr(volume().mountpoint()));
  EXPECT_FALSE(second.mounted());
  ExpectRefused(RunCommand({Command(), "mount", volume().mountpoint(), Outside("second")}), kMountFailed);
  ExpectRefused(RunCommand({Command(), "mount", Outside("second"), volume().mountpoint()}), kMountFailed);
  EXPECT_THAT(Folder(Outside("second")).Names(), IsEmpty());
  EXPECT_EQ(top().Read("a"), "text");
  EXPECT_EQ(top().Link("a", "b"), 0);
}

// S-MOUNT-4
TEST_P(Mounting, MistakesAreOneClearLineAndChangeNothing) {
  ASSERT_EQ(bare().Write("file", "x"), 0);
  const auto mount = [&](const std::string& source, const std::string& mountpoint, const std::string& options = "ro") {
    return RunCommand({Command(), "mount", "-o", options, source, mountpoint});
  };
  ExpectRefused(mount(bare().Path("missing"), volume().mountpoint()), kMountFailed);
  ExpectRefused(mount(bare().Path("file"), volume().mountpoint()), kMountFailed);
  ExpectRefused(mount(bare().path(), Outside("missing")), kMountFailed);
  ExpectRefused(mount(bare().path(), bare().Path("file")), kMountFailed);
  ExpectRefused(mount(bare().path(), volume().mountpoint(), "no_such_option"), kUsage);
  ExpectRefused(mount(bare().path(), volume().mountpoint(), "commit=soon"), kUsage);
  ExpectRefused(mount(bare().path(), volume().mountpoint(), "names=backing"), kMountFailed);
  EXPECT_EQ(RunCommand({Command(), "mount"}).status, kUsage);
  EXPECT_THAT(bare().Names(), ElementsAre("file"));
}

// S-MOUNT-5
TEST_P(Mounting, ADeadMountIsCleanedUpByTheNext) {
  Mount();
  ASSERT_EQ(top().Write("a", "text"), 0);
  volume().KillServer();
  EXPECT_PRED1(IsOfDeadServer, top().Status("b").error);
  Mount();
  EXPECT_EQ(top().Read("a"), "text");
  Unmount();
  EXPECT_THAT(top().Names(), IsEmpty());  // only one mount was there
}

// S-MOUNT-6
TEST_P(Mounting, EndsCleanlyOnSignals) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Mount();
    ASSERT_EQ(top().Write("a", "text"), 0);
    volume().Signal(signal);
    EXPECT_EQ(volume().WaitForServer(), 0);
    EXPECT_THAT(top().Names(), IsEmpty());
    EXPECT_EQ(bare().Read("a"), "text");
  }
}

// S-MOUNT-7
TEST_P(Mounting, TheStoreCanLieElsewhere) {
  const std::string store = Outside("store");
  Mount("store=" + store);
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Link("a", "b"), 0);
  Remount("store=" + store);
  EXPECT_EQ(top().Nlink("a"), 2U);
  Unmount();
  EXPECT_FALSE(bare().Exists(".hardlinkfs/catalog"));
  EXPECT_FALSE(Folder(store).Names().empty());
  // Without it there is a volume whose catalog is missing, which must not be begun anew.
  const CommandResult refused = volume().TryMount();
  ExpectRefused(refused, kMountFailed);
  Mount("store=" + store);
  EXPECT_EQ(top().Nlink("b"), 2U);
}

// S-MOUNT-8
TEST_P(Mounting, ReadOnlyChangesNothing) {
  Mount();
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Link("a", "b"), 0);
  Remount("ro");
  EXPECT_EQ(top().Read("b"), "text");
  EXPECT_EQ(top().Opens("c", O_CREAT | O_WRONLY), EROFS);
  EXPECT_EQ(top().Opens("a", O_RDWR), EROFS);
  EXPECT_EQ(top().Mkdir("d"), EROFS);
  EXPECT_EQ(top().Symlink("x", "s"), EROFS);
  EXPECT_EQ(top().Truncate("a", 0), EROFS);
  EXPECT_EQ(top().SetXattr("a", "user.x", ""), EROFS);
  EXPECT_EQ(top().SetTimes("a", {1, 1}, {1, 1}), EROFS);
  Unmount();
  EXPECT_EQ(bare().Read("a"), "text");
}

// S-MOUNT-9
TEST_P(Mounting, ProbeTellsWhatWillBeStored) {
  const CommandResult probed = RunCommand({Command(), "probe", bare().path()});
  EXPECT_EQ(probed.status, 0) << probed.err;
  EXPECT_THAT(probed.out, HasSubstr("hard links"));
  EXPECT_THAT(bare().Names(), IsEmpty());
  EXPECT_EQ(RunCommand({Command(), "--version"}).status, 0);
  EXPECT_THAT(RunCommand({Command(), "--help"}).out, HasSubstr("mount"));
}

// --- As an ordinary user -----------------------------------------------------------------------------------------------------------------

class UserMounting : public UnmountedTest {
 protected:
  void SetUp() override {
    // In containers and small guests without udev the device is root's alone; elsewhere it is everybody's anyway.
    device_mode_ = Folder("/dev").Status("fuse").permissions();
    ASSERT_EQ(Folder("/dev").Chmod("fuse", 0666), 0);
    ASSERT_EQ(Ended(chown(volume().mountpoint().c_str(), kNobody.uid, kNobody.gid)), 0);
    if (!on_exfat()) {
      ASSERT_EQ(Ended(chown(bare().path().c_str(), kNobody.uid, kNobody.gid)), 0);
    }
  }
  void TearDown() override {
    UnmountedTest::TearDown();
    EXPECT_EQ(Folder("/dev").Chmod("fuse", device_mode_), 0);
  }

 private:
  uint32_t device_mode_ = 0;
};
INSTANTIATE_TEST_SUITE_P(, UserMounting, testing::ValuesIn(TestBackings()), NameOf);

// S-MOUNT-10
TEST_P(UserMounting, WorksWithoutRoot) {
  volume().Mount("", kNobody);
  const auto use = [&]() -> int {
    EXPECT_EQ(top().Write("a", "text"), 0);
    EXPECT_EQ(top().Link("a", "b"), 0);
    EXPECT_EQ(top().Nlink("a"), 2U);
    EXPECT_EQ(top().Chmod("a", 0640), 0);
    EXPECT_EQ(top().Symlink("a", "s"), 0);
    EXPECT_EQ(top().Mknod("p", S_IFIFO | 0600), 0);
    EXPECT_EQ(top().SetXattr("a", "user.x", "1"), 0);
    EXPECT_EQ(top().Mkdir("d"), 0);
    EXPECT_EQ(top().Rename("b", "d/c"), 0);
    EXPECT_EQ(top().Status("a").uid, kNobody.uid);
    EXPECT_EQ(top().Chown("a", 0, 0), EPERM);
    const UniqueFd open = top().Open("gone", O_CREAT | O_RDWR);
    EXPECT_EQ(top().Unlink("gone"), 0);
    EXPECT_EQ(WriteAll(open.get(), "x"), 0);
    return testing::Test::HasFailure() ? 1 : 0;
  };
  EXPECT_EQ(AsUser(kNobody, use), 0);
  Unmount();
  volume().Mount("", kNobody);
  const auto look = [&]() -> int {
    EXPECT_THAT(top().Tree(), ElementsAre("a", "d/", "d/c", "p", "s"));
    EXPECT_EQ(top().Read("d/c"), "text");
    EXPECT_EQ(top().Nlink("a"), 2U);
    EXPECT_EQ(top().Status("a").permissions(), 0640U);
    EXPECT_EQ(top().Readlink("s"), "a");
    EXPECT_EQ(top().Xattr("a", "user.x"), "1");
    return testing::Test::HasFailure() ? 1 : 0;
  };
  EXPECT_EQ(AsUser(kNobody, look), 0);
}

// S-MOUNT-10
TEST_P(UserMounting, IsSeenByThatUserOnly) {
  volume().Mount("", kNobody);
  EXPECT_EQ(AsUser(kNobody, [&] { return top().Write("a", "text").code; }), 0);
  EXPECT_EQ(AsUser(kBob, [&] { return top().Status("a").error.code; }), EACCES);
  EXPECT_EQ(top().Status("a").error, EACCES);  // not even by root
}

// S-MOUNT-10
TEST_P(UserMounting, UnmountsByFusermount) {
  volume().Mount("", kNobody);
  EXPECT_EQ(AsUser(kNobody, [&] { return top().Write("a", "text").code; }), 0);
  const CommandResult unmounted = RunCommand({"fusermount3", "-u", volume().mountpoint()}, kNobody);
  EXPECT_EQ(unmounted.status, 0) << unmounted.err;
  EXPECT_EQ(volume().WaitForServer(), 0);
  EXPECT_EQ(bare().Read("a"), "text");
}

}  // namespace
}  // namespace hardlinkfs
