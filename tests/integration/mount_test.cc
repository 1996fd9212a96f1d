// Mounting itself: S-MOUNT-* of docs/semantics.md.
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

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

// S-MOUNT-1
TEST_P(Mounting, TheServerKeepsNothingOpenThatItsCallerHas) {
  UniqueFd theirs(memfd_create("theirs", 0));
  ASSERT_TRUE(theirs.valid());
  Mount();
  const std::string descriptors = "/proc/" + std::to_string(volume().server()) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator(descriptors)) {
    EXPECT_THAT(std::filesystem::read_symlink(entry.path()).string(), testing::Not(HasSubstr("theirs")));
  }
}

// S-MOUNT-2
TEST_P(Mounting, OverTheSourceItselfIsTheUsualWay) {
  ASSERT_EQ(bare().Write("before", "text"), 0);
  {
    MountedVolume over(bare().path(), bare().path());
    const CommandResult mounted = RunCommand({Command(), "mount", "-o", kCatalogRegime, bare().path(), bare().path()});
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
  ExpectRefused(RunCommand({Command(), "mount", "-o", kCatalogRegime, volume().mountpoint(), Outside("second")}), kMountFailed);
  ExpectRefused(RunCommand({Command(), "mount", "-o", kCatalogRegime, Outside("second"), volume().mountpoint()}), kMountFailed);
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
  ExpectRefused(mount(bare().path(), volume().mountpoint(), "names=both"), kUsage);
  ExpectRefused(mount(bare().path(), volume().mountpoint(), "attr_timeout=never"), kUsage);
  ExpectRefused(mount(bare().path(), volume().mountpoint(), "names=catalog,map=1:2"), kMountFailed);
  ExpectRefused(mount(bare().path(), volume().mountpoint(), "names=catalog,submounts=follow"), kMountFailed);
  ExpectRefused(mount(bare().path(), volume().mountpoint(), "names=catalog,locks=backing"), kMountFailed);
  ExpectRefused(mount(bare().path(), volume().mountpoint(), "names=catalog,force_user=1"), kMountFailed);
  ExpectRefused(mount(bare().path(), volume().mountpoint(), "locks=remote"), kUsage);
  EXPECT_EQ(RunCommand({Command(), "mount"}).status, kUsage);
  EXPECT_THAT(bare().Names(), ElementsAre("file"));
}

// S-MOUNT-4
TEST_P(Mounting, ACatalogOfAnotherVolumeIsRefusedAndBothVolumesAreAsBefore) {
  const std::string store = Outside("store");
  MountedVolume other(Directory("other"), Directory("other-mnt"));
  other.Mount("store=" + store);
  ASSERT_EQ(Folder(other.mountpoint()).Write("theirs", "theirs"), 0);
  ASSERT_EQ(Folder(other.mountpoint()).Link("theirs", "theirs2"), 0);
  other.Unmount();
  Mount();
  ASSERT_EQ(top().Write("ours", "ours"), 0);
  ASSERT_EQ(top().Link("ours", "ours2"), 0);
  Unmount();
  const std::vector<std::string> below = bare().Tree();
  const CommandResult refused = volume().TryMount("store=" + store);
  ExpectRefused(refused, kMountFailed);
  EXPECT_THAT(refused.err, HasSubstr("another volume"));
  EXPECT_EQ(bare().Tree(), below);
  EXPECT_THAT(Folder(other.source()).Names(), ElementsAre(".hardlinkfs", "theirs"));
  Mount();
  EXPECT_THAT(top().Names(), ElementsAre("ours", "ours2"));
  EXPECT_EQ(top().Nlink("ours2"), 2U);
  other.Mount("store=" + store);
  EXPECT_THAT(Folder(other.mountpoint()).Names(), ElementsAre("theirs", "theirs2"));
  EXPECT_EQ(Folder(other.mountpoint()).Nlink("theirs2"), 2U);
  other.Unmount();
}

// S-MOUNT-4
TEST_P(Mounting, ANewerFormatIsRefusedAndLeftAsItIs) {
  Mount();
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Link("a", "b"), 0);
  Unmount();
  const std::string ours = bare().Read(".hardlinkfs/volume");
  const std::string version = "format_version = 1";
  ASSERT_NE(ours.find(version), std::string::npos) << ours;
  std::string newer = ours;
  ASSERT_EQ(bare().Write(".hardlinkfs/volume", newer.replace(ours.find(version), version.size(), "format_version = 2")), 0);
  const auto picture = [&] {
    std::map<std::string, std::string> contents;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(bare().path())) {
      const std::string name = std::filesystem::relative(entry.path(), bare().path()).string();
      contents[name] = entry.is_regular_file() ? bare().Read(name) : "";
    }
    return contents;
  };
  const auto before = picture();
  const CommandResult refused = volume().TryMount();
  ExpectRefused(refused, kMountFailed);
  EXPECT_THAT(refused.err, HasSubstr("newer"));
  EXPECT_TRUE(picture() == before);
  ASSERT_EQ(bare().Write(".hardlinkfs/volume", ours), 0);
  Mount();
  EXPECT_EQ(top().Nlink("b"), 2U);
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

// S-MOUNT-6, S-BARE-3
TEST_P(Mounting, EndsCleanlyOnSignals) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Mount();
    ASSERT_EQ(top().Write("a", "text"), 0);
    ASSERT_EQ(top().Write("b", "text"), 0);
    ASSERT_EQ(top().Unlink("b"), 0);
    ASSERT_EQ(top().Rename("a", "c"), 0);
    volume().Signal(signal);
    EXPECT_EQ(volume().WaitForServer(), 0);
    EXPECT_THAT(top().Names(), IsEmpty());
    EXPECT_THAT(bare().Tree(), ElementsAre("c"));
    EXPECT_EQ(bare().Read("c"), "text");
    EXPECT_THAT(bare().Names(".hardlinkfs/homes"), IsEmpty());
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
TEST_P(Mounting, ReadOnlyNothingCanBeChangedFromAbove) {
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

// S-MOUNT-1
TEST_P(Mounting, DebugLogsTheRequests) {
  Mount("debug");
  ASSERT_EQ(top().Mkdir("d"), 0);
  Remount();
  EXPECT_THAT(volume().Log(), HasSubstr("MKDIR"));
  ASSERT_EQ(top().Rmdir("d"), 0);
  Unmount();
  EXPECT_THAT(volume().Log(), testing::Not(HasSubstr("RMDIR")));
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

class MountFlags : public Mounting {
 protected:
  static constexpr unsigned long kAll = ST_NOSUID | ST_NODEV | ST_NOEXEC;
  static unsigned long FlagsAt(const std::string& path) {
    struct statvfs found {};
    EXPECT_EQ(Ended(statvfs(path.c_str(), &found)), 0);
    return found.f_flag & kAll;
  }
  unsigned long Flags() { return FlagsAt(volume().mountpoint()); }
};
INSTANTIATE_TEST_SUITE_P(, MountFlags, testing::ValuesIn(TestBackings()), NameOf);

// S-MOUNT-11
TEST_P(MountFlags, AreThoseOfTheBackingUnlessOthersAreAskedFor) {
  const std::string bound = Directory("bound");
  ASSERT_EQ(Ended(mount(bare().path().c_str(), bound.c_str(), nullptr, MS_BIND, nullptr)), 0);
  ASSERT_EQ(Ended(mount(nullptr, bound.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr)), 0);
  MountedVolume over(bound, volume().mountpoint());
  over.Mount();
  EXPECT_EQ(Flags(), kAll);
  over.Remount("suid,dev,exec");
  EXPECT_EQ(Flags(), 0U);
  over.Remount("dev");
  EXPECT_EQ(Flags(), static_cast<unsigned long>(ST_NOSUID | ST_NOEXEC));
}

// S-MOUNT-11
TEST_P(MountFlags, AreNosuidAndNodevWhereOthersCanChangeTheBacking) {
  if (on_fat()) GTEST_SKIP() << "exFAT has no owners and modes";
  constexpr unsigned long kUntrusted = ST_NOSUID | ST_NODEV;
  const unsigned long backings = FlagsAt(bare().path());
  Mount();
  EXPECT_EQ(Flags(), backings);
  const auto remounted = [&] {
    Remount();
    return Flags();
  };
  for (const char* const name : {".", ".hardlinkfs"}) {
    ASSERT_EQ(bare().Chown(name, kAlice.uid, kAlice.gid), 0);
    EXPECT_EQ(remounted(), backings | kUntrusted) << name;
    ASSERT_EQ(bare().Chown(name, 0, 0), 0);
    EXPECT_EQ(remounted(), backings) << name;
  }
  Unmount();
  ASSERT_EQ(bare().Chmod(".", 0777), 0);
  Mount();
  EXPECT_EQ(Flags(), backings | kUntrusted);
  Remount("suid,dev");
  EXPECT_EQ(Flags(), backings & ~kUntrusted);
}

}  // namespace
}  // namespace hardlinkfs
