// names=backing: S-MIRROR-* of docs/semantics.md. What a mirror has in common with a catalog the other suites test on both.
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Mirror : public MountTest {
 protected:
  // So that the kernel believes nothing by itself for as long as the test runs, or everything.
  static constexpr char kAskAlways[] = "attr_timeout=0,entry_timeout=0";
  static constexpr char kBelieve[] = "attr_timeout=1000,entry_timeout=1000";
  static constexpr char kBelieveUntold[] = "attr_timeout=1000,entry_timeout=1000,watch=off";

  // The test itself acts as a user, without capabilities, until destroyed.
  class Acting {
   public:
    explicit Acting(const User& user) {
      EXPECT_EQ(setegid(user.gid), 0);
      EXPECT_EQ(seteuid(user.uid), 0);
    }
    ~Acting() {
      EXPECT_EQ(seteuid(0), 0);
      EXPECT_EQ(setegid(0), 0);
    }
  };

  size_t DescriptorsOfTheServer() {
    const std::filesystem::directory_iterator open("/proc/" + std::to_string(volume().server()) + "/fd");
    return static_cast<size_t>(std::distance(begin(open), end(open)));
  }
};
INSTANTIATE_TEST_SUITE_P(, Mirror, testing::ValuesIn(Mirrors()), NameOf);

// S-MIRROR-1
TEST_P(Mirror, ShowsWhatTheBackingShows) {
  ASSERT_EQ(top().Mkdir("d", 0750), 0);
  ASSERT_EQ(top().Write("d/a", "text", 0640), 0);
  ASSERT_EQ(top().Link("d/a", "b"), 0);
  ASSERT_EQ(bare().Link("b", "c"), 0);
  ASSERT_EQ(top().Symlink("d/a", "s"), 0);
  ASSERT_EQ(top().Mknod("p", S_IFIFO | 0600), 0);
  ASSERT_EQ(bare().Chown("d", kAlice.uid, kBob.gid), 0);
  Remount();
  for (const char* const name : {".", "d", "d/a", "b", "c", "s", "p"}) {
    EXPECT_EQ(Description(top().Status(name)), Description(bare().Status(name))) << name;
  }
  EXPECT_EQ(top().Nlink("b"), 3U);
  EXPECT_EQ(top().Tree(), bare().Tree());
  for (const DirEntry& entry : top().Entries()) EXPECT_EQ(entry.ino, bare().Ino(entry.name)) << entry.name;
}

// S-MIRROR-1
TEST_P(Mirror, LeavesEvenTheTimesOfTheSourceAlone) {
  Unmount();
  const std::string before = Description(bare().Status("."));
  Mount();
  EXPECT_EQ(Description(bare().Status(".")), before);
}

// S-MIRROR-1
TEST_P(Mirror, WritesNothingOfItsOwnToTheBacking) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Link("a", "b"), 0);
  ASSERT_EQ(top().Unlink("a"), 0);
  Unmount();
  EXPECT_THAT(RunCommand({"ls", "-A", bare().path()}).out, testing::StrEq("b\n"));
}

// S-MIRROR-2
TEST_P(Mirror, WhatOthersDoIsSeenAtOnceWithoutTimeouts) {
  Remount(kAskAlways);
  EXPECT_EQ(top().Status("a").error, ENOENT);
  ASSERT_EQ(bare().Write("a", "text"), 0);
  EXPECT_EQ(top().Read("a"), "text");
  ASSERT_EQ(bare().Append("a", " more"), 0);
  EXPECT_EQ(top().Status("a").size, 9U);
  EXPECT_EQ(top().Read("a"), "text more");
  ASSERT_EQ(bare().Link("a", "b"), 0);
  EXPECT_EQ(top().Nlink("a"), 2U);
  EXPECT_THAT(top().Names(), ElementsAre("a", "b"));
  ASSERT_EQ(bare().Rename("a", "c"), 0);
  EXPECT_EQ(top().Status("a").error, ENOENT);
  EXPECT_EQ(top().Read("c"), "text more");
  ASSERT_EQ(bare().Chmod("c", 0600), 0);
  EXPECT_EQ(top().Status("b").permissions(), 0600U);
  ASSERT_EQ(bare().Truncate("c", 2), 0);
  EXPECT_EQ(top().Read("b"), "te");
  ASSERT_EQ(bare().Unlink("b"), 0);
  ASSERT_EQ(bare().Unlink("c"), 0);
  EXPECT_EQ(top().Status("c").error, ENOENT);
  EXPECT_THAT(top().Names(), IsEmpty());
}

// S-MIRROR-2
TEST_P(Mirror, WhatOthersDoIsSeenWithinASecondByDefault) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  EXPECT_EQ(top().Status("b").error, ENOENT);
  ASSERT_EQ(bare().Rename("a", "b"), 0);
  ASSERT_EQ(bare().Write("b", "other text"), 0);
  EXPECT_TRUE(Eventually([&] { return top().Read("b") == "other text" && !top().Exists("a"); }, milliseconds(1500)));
}

// S-MIRROR-2
TEST_P(Mirror, OfAFileThatIsOpenTheContentIsAlwaysTheBackings) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  const UniqueFd open = top().Open("a", O_RDWR);
  EXPECT_EQ(ReadAll(open.get()), "text");
  ASSERT_EQ(bare().Write("a", "next"), 0);
  EXPECT_TRUE(Eventually([&] { return ReadAll(open.get()) == "next"; }, milliseconds(1500)));
}

// S-MIRROR-2
TEST_P(Mirror, WhatTheKernelTellsIsSeenWhateverTheTimeouts) {
  Remount(kBelieve);
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("d/a", "text"), 0);
  ASSERT_EQ(top().Link("d/a", "b"), 0);
  EXPECT_EQ(top().Status("c").error, ENOENT);
  EXPECT_THAT(top().Names("d"), ElementsAre("a"));
  ASSERT_EQ(bare().Write("c", "new"), 0);
  EXPECT_TRUE(Eventually([&] { return top().Read("c") == "new"; }));
  ASSERT_EQ(bare().Chmod("b", 0600), 0);
  EXPECT_TRUE(Eventually([&] { return top().Status("d/a").permissions() == 0600U; }));
  ASSERT_EQ(bare().Append("d/a", " more"), 0);
  EXPECT_TRUE(Eventually([&] { return top().Read("b") == "text more"; }));
  ASSERT_EQ(bare().Unlink("b"), 0);
  EXPECT_TRUE(Eventually([&] { return top().Nlink("d/a") == 1U && !top().Exists("b"); }));
  ASSERT_EQ(bare().Rename("d/a", "d/e"), 0);
  EXPECT_TRUE(Eventually([&] { return !top().Exists("d/a") && top().Exists("d/e") && top().Names("d") == std::vector<std::string>{"e"}; }));
  ASSERT_EQ(bare().Rename("d", "f"), 0);
  EXPECT_TRUE(Eventually([&] { return !top().Exists("d") && top().Read("f/e") == "text more"; }));
}

// S-MIRROR-3
TEST_P(Mirror, WhatIsMadeIsTheCallersWithHisGroupsAndUmask) {
  ASSERT_EQ(bare().Mkdir("shared"), 0);
  ASSERT_EQ(bare().Chown("shared", 0, 7777), 0);
  ASSERT_EQ(bare().Chmod("shared", 02770), 0);
  const User member{kAlice.uid, kAlice.gid, {7777}};
  const auto make = [&](const Folder& in) {
    umask(027);
    if (in.Write("shared/file", "x", 0666).code != 0) return 1;
    if (in.Mkdir("shared/directory", 0777).code != 0) return 2;
    if (in.Symlink("x", "shared/symlink").code != 0) return 3;
    if (in.Mknod("shared/fifo", S_IFIFO | 0666).code != 0) return 4;
    return 0;
  };
  ASSERT_EQ(AsUser(member, [&] { return make(top()); }), 0);
  for (const char* const name : {"shared/file", "shared/directory", "shared/symlink", "shared/fifo"}) {
    EXPECT_EQ(bare().Status(name).uid, kAlice.uid) << name;
    EXPECT_EQ(bare().Status(name).gid, 7777U) << name;
  }
  EXPECT_EQ(bare().Status("shared/file").permissions(), 0640U);
  EXPECT_EQ(bare().Status("shared/directory").permissions(), 02750U);
  EXPECT_EQ(AsUser(kBob, [&] { return top().Write("shared/his", "").code; }), EACCES);
  // And nobody's rights stay with the server.
  ASSERT_EQ(top().Write("roots", ""), 0);
  EXPECT_EQ(bare().Status("roots").uid, 0U);
}

// S-MIRROR-3
TEST_P(Mirror, DefaultAclsAreTheBackings) {
  ASSERT_EQ(bare().Mkdir("d"), 0);
  if (RunCommand({"setfacl", "-m", "d:u:61002:rwx", bare().Path("d")}).status != 0) {
    EXPECT_EQ(bare().XattrError("d", "system.posix_acl_default"), EOPNOTSUPP);
    return;
  }
  ASSERT_EQ(top().Write("d/a", "", 0666), 0);
  ASSERT_EQ(bare().Write("d/b", "", 0666), 0);
  EXPECT_EQ(bare().Xattr("d/a", "system.posix_acl_access"), bare().Xattr("d/b", "system.posix_acl_access"));
  EXPECT_EQ(top().Xattr("d/a", "system.posix_acl_access"), bare().Xattr("d/b", "system.posix_acl_access"));
}

// S-MIRROR-4
TEST_P(Mirror, ReadingDoesNotKeepOthersFromExecuting) {
  std::filesystem::copy_file("/bin/true", bare().Path("program"));
  ASSERT_EQ(bare().Chmod("program", 0755), 0);
  const UniqueFd reader = top().Open("program", O_RDONLY);
  ASSERT_TRUE(reader.valid());
  EXPECT_EQ(RunCommand({bare().Path("program")}).status, 0);
  EXPECT_EQ(RunCommand({top().Path("program")}).status, 0);
}

// S-MIRROR-5
TEST_P(Mirror, WhatIsMountedBelowTheSourceDoesNotShow) {
  Unmount();
  ASSERT_EQ(bare().Mkdir("below"), 0);
  ASSERT_EQ(bare().Write("below/covered", "text"), 0);
  ASSERT_EQ(Ended(mount("tmpfs", bare().Path("below").c_str(), "tmpfs", 0, nullptr)), 0);
  ASSERT_EQ(bare().Write("below/covering", ""), 0);
  Mount();
  EXPECT_THAT(top().Names("below"), ElementsAre("covered"));
  EXPECT_EQ(top().Read("below/covered"), "text");
  EXPECT_EQ(Ended(umount2(bare().Path("below").c_str(), 0)), 0);
}

// S-MIRROR-5
TEST_P(Mirror, WhatIsMountedBelowTheSourceShowsWhenItIsToBeFollowed) {
  ASSERT_EQ(bare().Mkdir("below"), 0);
  ASSERT_EQ(bare().Write("here", ""), 0);
  Remount("submounts=follow");
  ASSERT_EQ(Ended(mount("tmpfs", bare().Path("below").c_str(), "tmpfs", 0, nullptr)), 0);
  ASSERT_EQ(bare().Write("below/there", "text"), 0);
  ASSERT_EQ(bare().Link("below/there", "below/too"), 0);
  EXPECT_TRUE(Eventually([&] { return top().Read("below/there") == "text"; }, milliseconds(1500)));
  EXPECT_THAT(top().Names("below"), ElementsAre("there", "too"));
  EXPECT_EQ(top().Ino("below/there"), top().Ino("below/too"));
  EXPECT_EQ(top().Ino("below/there"), top().Entries("below")[0].ino);
  EXPECT_EQ(top().Link("below/there", "x"), EXDEV);
  EXPECT_EQ(top().Link("here", "below/x"), EXDEV);
  EXPECT_EQ(top().Rename("below/there", "x"), EXDEV);
  ASSERT_EQ(top().Write("below/made", "here"), 0);
  EXPECT_EQ(bare().Read("below/made"), "here");
  Unmount();
  EXPECT_EQ(Ended(umount2(bare().Path("below").c_str(), 0)), 0);
}

// S-MIRROR-5
TEST_P(Mirror, FilesOfTwoFilesystemsAreNeverOneFile) {
  ASSERT_EQ(bare().Mkdir("one"), 0);
  ASSERT_EQ(bare().Mkdir("two"), 0);
  for (const char* const at : {"one", "two"}) ASSERT_EQ(Ended(mount("tmpfs", bare().Path(at).c_str(), "tmpfs", 0, nullptr)), 0);
  for (const char* const name : {"one/a", "two/a"}) ASSERT_EQ(bare().Write(name, name), 0);
  ASSERT_EQ(bare().Ino("one/a"), bare().Ino("two/a"));
  Remount("submounts=follow");
  EXPECT_NE(top().Ino("one/a"), top().Ino("two/a"));
  EXPECT_EQ(top().Read("one/a"), "one/a");
  EXPECT_EQ(top().Read("two/a"), "two/a");
  Unmount();
  for (const char* const at : {"one", "two"}) EXPECT_EQ(Ended(umount2(bare().Path(at).c_str(), 0)), 0);
}

// S-MIRROR-6
TEST_P(Mirror, ADirectoryWithAVolumeIsNotMirrored) {
  Unmount();
  MountedVolume catalog(bare().path(), Outside("catalog"));
  ASSERT_TRUE(std::filesystem::create_directory(Outside("catalog")));
  catalog.Mount();
  catalog.Unmount();
  ExpectRefused(volume().TryMount(), kMountFailed);
  EXPECT_THAT(volume().TryMount().err, HasSubstr("names=catalog"));
  // And without a word it is what it was.
  MountedVolume either(bare().path(), Outside("catalog"), "");
  either.Mount();
  EXPECT_THAT(RunCommand({Command(), "status", "--json", either.mountpoint()}).out, HasSubstr(R"("names": "catalog")"));
}

// S-MIRROR-6
TEST_P(Mirror, IsTheDefault) {
  Unmount();
  ASSERT_TRUE(std::filesystem::create_directory(Outside("mnt2")));
  MountedVolume either(bare().path(), Outside("mnt2"), "");
  either.Mount();
  EXPECT_EQ(Folder(Outside("mnt2")).Write("a", ""), 0);
  EXPECT_THAT(RunCommand({Command(), "status", "--json", either.mountpoint()}).out, HasSubstr(R"("names": "backing")"));
  either.Unmount();
  EXPECT_THAT(bare().Names(), ElementsAre("a"));
}

// S-MIRROR-7
TEST_P(Mirror, ASourceMayHaveSeveral) {
  ASSERT_TRUE(std::filesystem::create_directory(Outside("second")));
  MountedVolume second(bare().path(), Outside("second"), kMirrorRegime);
  second.Mount(kAskAlways);
  ASSERT_EQ(top().Write("a", "text"), 0);
  EXPECT_EQ(Folder(second.mountpoint()).Read("a"), "text");
  EXPECT_EQ(Folder(second.mountpoint()).Ino("a"), top().Ino("a"));
}

// S-MIRROR-8
TEST_P(Mirror, WhatIsKnownTakesNoDescriptors) {
  const size_t before = DescriptorsOfTheServer();
  for (int i = 0; i < 500; ++i) ASSERT_EQ(bare().Write(std::to_string(i), ""), 0);
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(top().Exists(std::to_string(i)));
  EXPECT_LT(DescriptorsOfTheServer(), before + 50);
}

// S-MIRROR-9
TEST_P(Mirror, WhatTheKernelBelievesWronglyEndsAsOnTheBacking) {
  Remount(kBelieveUntold);
  EXPECT_EQ(top().Status("a").error, ENOENT);
  ASSERT_EQ(bare().Write("a", "others'"), 0);
  // The kernel takes it for absent, and so asks to make it.
  EXPECT_EQ(top().Opens("a", O_RDWR | O_CREAT), 0);
  EXPECT_EQ(top().Read("a"), "others'");
  ASSERT_EQ(bare().Mkdir("d"), 0);
  EXPECT_EQ(top().Status("e").error, ENOENT);
  ASSERT_EQ(bare().Write("e", ""), 0);
  EXPECT_EQ(top().Opens("e", O_RDWR | O_CREAT | O_EXCL), EEXIST);
  // It takes these for present. None of them is open here.
  for (const char* const name : {"gone", "gone too", "replaced"}) {
    ASSERT_EQ(bare().Write(name, "text"), 0);
    ASSERT_EQ(top().Status(name).error, 0);
  }
  ASSERT_EQ(bare().Unlink("gone"), 0);
  ASSERT_EQ(bare().Write("new", "new text"), 0);
  ASSERT_EQ(bare().Rename("new", "replaced"), 0);
  EXPECT_EQ(top().Opens("gone", O_RDONLY), ENOENT);
  EXPECT_EQ(top().Read("replaced"), "new text");
  ASSERT_EQ(bare().Unlink("gone too"), 0);
  EXPECT_EQ(top().Unlink("gone too"), ENOENT);
}

// S-MIRROR-9
TEST_P(Mirror, ALinkIsALockBetweenBothSides) {
  constexpr int kRounds = 25;
  ASSERT_EQ(top().Write("counter", "0"), 0);
  const auto count = [&](int process) {
    const Folder& side = process % 2 == 0 ? top() : bare();
    const std::string mine = "mine" + std::to_string(process);
    if (side.Write(mine, "").code != 0) return 1;
    for (int i = 0; i < kRounds; ++i) {
      if (!Eventually([&] { return side.Link(mine, "lock").code == 0; })) return 2;
      // In place: what is read through a name that was replaced may be what the kernel believes for a second.
      const UniqueFd counter = side.Open("counter", O_RDWR);
      const std::string next = std::to_string(std::stoi(ReadAll(counter.get())) + 1);
      if (pwrite(counter.get(), next.data(), next.size(), 0) != static_cast<ssize_t>(next.size())) return 3;
      if (side.Unlink("lock").code != 0) return 4;
    }
    return 0;
  };
  ASSERT_EQ(InChildren(8, count), 0);
  EXPECT_EQ(bare().Read("counter"), std::to_string(8 * kRounds));
}

// S-MIRROR-9
TEST_P(Mirror, AnyMixOfBothSidesEndsAlikeAndNeverOddly) {
  const std::array<std::string, 4> directories{"a", "b", "a/c", "b/d"};
  for (const std::string& directory : directories) ASSERT_EQ(top().Mkdir(directory), 0);
  // What a race may honestly end with.
  const auto is_honest = [](const Errno& ended) {
    constexpr std::array kHonest{0, EPERM, ENOENT, EEXIST, ENOTEMPTY, EISDIR, ENOTDIR, EINVAL, ELOOP, ESTALE};
    return std::find(kHonest.begin(), kHonest.end(), ended.code) != kHonest.end();
  };
  const auto mix = [&](int process) {
    const Folder& side = process % 2 == 0 ? top() : bare();
    std::mt19937 dice(static_cast<unsigned>(process + testing::UnitTest::GetInstance()->random_seed()));
    const auto name = [&] { return directories[dice() % directories.size()] + "/" + std::to_string(dice() % 4); };
    for (int i = 0; i < 400; ++i) {
      Errno ended;
      switch (dice() % 9) {
        case 0:
          ended = side.Write(name(), std::string(dice() % 5000, 'x'));
          break;
        case 1:
          ended = side.Link(name(), name());
          break;
        case 2:
          ended = side.Rename(name(), name());
          break;
        case 3:
          ended = side.Unlink(name());
          break;
        case 4:
          ended = side.Mkdir(name());
          break;
        case 5:
          ended = side.Rmdir(name());
          break;
        case 6:
          ended = side.Chmod(name(), 0600 + dice() % 0100);
          break;
        case 7:
          ended = side.Symlink("x", name());
          break;
        default:
          ended = side.Status(name()).error;
      }
      if (!is_honest(ended)) return ended.code;
    }
    return 0;
  };
  ASSERT_EQ(InChildren(8, mix), 0);
  // At the latest when what the kernel believes has had its time.
  const auto all_alike = [&] {
    const std::vector<std::string> tree = bare().Tree();
    if (top().Tree() != tree) return false;
    return std::all_of(tree.begin(), tree.end(),
                       [&](const std::string& path) { return Description(top().Status(path)) == Description(bare().Status(path)); });
  };
  EXPECT_TRUE(Eventually(all_alike, milliseconds(3000)));
}

// S-MIRROR-9
TEST_P(Mirror, ARemovedDirectoryThatSomebodyWorksInIsEmpty) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  const UniqueFd open = top().Open("d", O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(top().Rmdir("d"), 0);
  EXPECT_EQ(StatOf(open.get()).error, 0);
  EXPECT_THAT(ReadEntries(open.get()), IsEmpty());
  EXPECT_EQ(Ended(openat(open.get(), "a", O_CREAT | O_RDWR, 0600)), ENOENT);
}

// S-MIRROR-10
TEST_P(Mirror, ReadOnlyAndNoatimeHoldForTheServerToo) {
  ASSERT_EQ(bare().Write("a", "text"), 0);
  ASSERT_EQ(bare().SetTimes("a", {1000, 0}, {2000, 0}), 0);
  Remount("ro,noatime");
  EXPECT_EQ(top().Read("a"), "text");
  EXPECT_EQ(top().Write("a", ""), EROFS);
  EXPECT_EQ(top().Unlink("a"), EROFS);
  EXPECT_EQ(bare().Status("a").atime.tv_sec, 1000);
  EXPECT_EQ(bare().Write("a", "others still write"), 0);
}

// S-MIRROR-11
TEST_P(Mirror, OwnersAndGroupsCanBeShownAsOthers) {
  ASSERT_EQ(bare().Mkdir("d"), 0);
  ASSERT_EQ(bare().Chown("d", 1000, 1000), 0);
  ASSERT_EQ(bare().Write("of61001", ""), 0);
  ASSERT_EQ(bare().Chown("of61001", kAlice.uid, kAlice.gid), 0);
  Remount("map=1000:61001,map=@1000:@61001");
  EXPECT_EQ(top().Status("d").uid, kAlice.uid);
  EXPECT_EQ(top().Status("d").gid, kAlice.gid);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Write("d/hers", "x").code; }), 0);
  EXPECT_EQ(bare().Status("d/hers").uid, 1000U);
  EXPECT_EQ(bare().Status("d/hers").gid, 1000U);
  EXPECT_EQ(AsUser(kBob, [&] { return top().Write("d/his", "x").code; }), EACCES);
  ASSERT_EQ(top().Write("made", ""), 0);
  ASSERT_EQ(top().Chown("made", kAlice.uid, kAlice.gid), 0);
  EXPECT_EQ(bare().Status("made").uid, 1000U);
  EXPECT_EQ(bare().Status(".").uid, top().Status(".").uid);
  // Not hers: whose it is could not be told from those that are.
  EXPECT_EQ(top().Status("of61001").uid, 65534U);
}

// S-MIRROR-12
TEST_P(Mirror, WhoOwnsAFileTheBackingKnowsBest) {
  Remount(kBelieveUntold);
  ASSERT_EQ(bare().Mkdir("d"), 0);
  ASSERT_EQ(bare().Chmod("d", 0777), 0);
  UniqueFd open;
  {
    const Acting as_alice(kAlice);
    ASSERT_EQ(top().Write("d/hers", "x"), 0);
    open = top().Open("d/hers", O_RDWR);
  }
  ASSERT_EQ(bare().Chown("d/hers", 0, 0), 0);
  {
    const Acting as_alice(kAlice);
    EXPECT_EQ(Ended(fchmod(open.get(), 04755)), EPERM);
    EXPECT_EQ(Ended(fchown(open.get(), static_cast<uid_t>(-1), kAlice.gid)), EPERM);
    const timespec times[] = {{1000, 0}, {1000, 0}};
    EXPECT_EQ(Ended(futimens(open.get(), times)), EPERM);
  }
  EXPECT_EQ(bare().Status("d/hers").permissions(), 0644U);
  EXPECT_EQ(bare().Status("d/hers").gid, 0U);
}

// S-MIRROR-12
TEST_P(Mirror, WhoMayWriteTheBackingKnowsBest) {
  Remount(kBelieveUntold);
  ASSERT_EQ(bare().Write("a", "text"), 0);
  ASSERT_EQ(bare().Chmod("a", 0666), 0);
  UniqueFd open;
  {
    const Acting as_alice(kAlice);
    open = top().Open("a", O_RDWR);
    ASSERT_TRUE(open.valid());
  }
  ASSERT_EQ(bare().Chmod("a", 0600), 0);
  {
    const Acting as_alice(kAlice);
    EXPECT_EQ(top().Opens("a", O_WRONLY), EACCES);
    EXPECT_EQ(top().Opens("a", O_WRONLY | O_TRUNC), EACCES);
    EXPECT_EQ(Ended(truncate(top().Path("a").c_str(), 0)), EACCES);
  }
  EXPECT_EQ(bare().Read("a"), "text");
  // What she has open she may write, as on the backing itself.
  const Acting as_alice(kAlice);
  EXPECT_EQ(Ended(ftruncate(open.get(), 1)), 0);
}

// S-MIRROR-12
TEST_P(Mirror, AWriteTakesAwaySuidThatWasSetUnderneath) {
  for (const char* const passthrough : {"passthrough=auto", "passthrough=off"}) {
    SCOPED_TRACE(passthrough);
    Remount(std::string(kBelieveUntold) + "," + passthrough);
    ASSERT_EQ(bare().Write("program", "x"), 0);
    ASSERT_EQ(bare().Chmod("program", 0777), 0);
    UniqueFd open;
    {
      const Acting as_bob(kBob);
      open = top().Open("program", O_WRONLY);
    }
    ASSERT_EQ(bare().Chmod("program", 04777), 0);
    {
      const Acting as_bob(kBob);
      EXPECT_EQ(pwrite(open.get(), "y", 1, 0), 1);
    }
    EXPECT_EQ(bare().Status("program").permissions(), 0777U);
    ASSERT_EQ(bare().Unlink("program"), 0);
  }
}

// S-MIRROR-12
TEST_P(Mirror, TheStickyBitProtectsWhatTookTheNameUnderneath) {
  Remount(kBelieveUntold);
  ASSERT_EQ(bare().Mkdir("tmp"), 0);
  ASSERT_EQ(bare().Chmod("tmp", 01777), 0);
  {
    const Acting as_alice(kAlice);
    ASSERT_EQ(top().Write("tmp/x", ""), 0);
  }
  ASSERT_EQ(bare().Unlink("tmp/x"), 0);
  ASSERT_EQ(bare().Write("tmp/x", "his"), 0);
  ASSERT_EQ(bare().Chown("tmp/x", kBob.uid, kBob.gid), 0);
  {
    const Acting as_alice(kAlice);
    EXPECT_EQ(top().Rename("tmp/x", "tmp/y"), EPERM);
    EXPECT_EQ(top().Unlink("tmp/x"), EPERM);
  }
  EXPECT_EQ(bare().Read("tmp/x"), "his");
}

// S-MIRROR-9
TEST_P(Mirror, AppendersOnBothSidesLoseNothing) {
  for (const char* const passthrough : {"passthrough=auto", "passthrough=off"}) {
    SCOPED_TRACE(passthrough);
    Remount(passthrough);
    ASSERT_EQ(bare().Write("log", ""), 0);
    const auto append = [&](int process) {
      const UniqueFd open = (process % 2 == 0 ? top() : bare()).Open("log", O_WRONLY | O_APPEND);
      for (int i = 0; i < 200; ++i) {
        if (WriteAll(open.get(), "line of " + std::to_string(process) + "\n").code != 0) return 1;
      }
      return 0;
    };
    ASSERT_EQ(InChildren(4, append), 0);
    const std::string log = bare().Read("log");
    EXPECT_EQ(log.size(), 4 * 200 * std::string("line of 0\n").size());
    EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 800);
  }
}

// S-MIRROR-1
TEST_P(Mirror, ABackingWithoutXattrsWillDo) {
  Unmount();
  ASSERT_EQ(bare().Mkdir("source"), 0);
  ASSERT_EQ(Ended(mount("ramfs", bare().Path("source").c_str(), "ramfs", 0, nullptr)), 0);
  ASSERT_EQ(bare().Chmod("source", 0755), 0);
  ASSERT_TRUE(std::filesystem::create_directory(Outside("ram")));
  {
    MountedVolume of_ramfs(bare().Path("source"), Outside("ram"), kMirrorRegime);
    of_ramfs.Mount();
    const Folder ram(Outside("ram"));
    ASSERT_EQ(ram.Write("a", "text"), 0);
    EXPECT_EQ(AsUser(kAlice, [&] { return ram.Read("a") == "text" ? 0 : 1; }), 0);
    EXPECT_EQ(ram.Append("a", " more"), 0);
    EXPECT_EQ(ram.Truncate("a", 3), 0);
    EXPECT_EQ(ram.Chown("a", kAlice.uid, kAlice.gid), 0);
    EXPECT_EQ(bare().Read("source/a"), "tex");
  }
  EXPECT_EQ(Ended(umount2(bare().Path("source").c_str(), 0)), 0);
}

// RETURNS: whether all blocks of a file are another's as well.
bool SharesItsBlocks(const Folder& folder, std::string_view name) {
  const UniqueFd file = folder.Open(name, O_RDONLY);
  constexpr size_t kExtents = 16;
  alignas(fiemap) std::array<char, sizeof(fiemap) + kExtents * sizeof(fiemap_extent)> buffer{};
  auto* const map = reinterpret_cast<fiemap*>(buffer.data());
  map->fm_length = FIEMAP_MAX_OFFSET;
  map->fm_flags = FIEMAP_FLAG_SYNC;
  map->fm_extent_count = kExtents;
  EXPECT_EQ(Ended(ioctl(file.get(), FS_IOC_FIEMAP, map)), 0);
  const fiemap_extent* const extents = map->fm_extents;
  return map->fm_mapped_extents > 0 && std::all_of(extents, extents + map->fm_mapped_extents, [](const fiemap_extent& extent) {
           return (extent.fe_flags & FIEMAP_EXTENT_SHARED) != 0;
         });
}

// S-MIRROR-17
TEST_P(Mirror, ACopyTakesNoBlocksWhereTheBackingHasReflinks) {
  const std::string text(1 << 20, 'x');
  for (const char* const options : {"passthrough=auto", "passthrough=off"}) {
    SCOPED_TRACE(options);
    Remount(options);
    ASSERT_EQ(top().Write("a", text), 0);
    {
      const UniqueFd from = top().Open("a", O_RDONLY);
      const UniqueFd to = top().Open("b", O_WRONLY | O_CREAT | O_TRUNC);
      for (size_t copied = 0; copied < text.size();) {
        const ssize_t more = copy_file_range(from.get(), nullptr, to.get(), nullptr, text.size() - copied, 0);
        ASSERT_GT(more, 0) << Ended(-1);
        copied += static_cast<size_t>(more);
      }
      // The kernel has no way to ask FUSE for it.
      EXPECT_EQ(Ended(ioctl(to.get(), FICLONE, from.get())), EOPNOTSUPP);
    }
    EXPECT_EQ(top().Read("b"), text);
    EXPECT_EQ(bare().Read("b"), text);
    if (on_btrfs() || on_xfs()) {
      EXPECT_TRUE(SharesItsBlocks(bare(), "b"));
    }
  }
}

// S-MIRROR-4
TEST_P(Mirror, AWriterThatIsGoneKeepsNobodyFromExecuting) {
  std::filesystem::copy_file("/bin/true", bare().Path("program"));
  ASSERT_EQ(bare().Chmod("program", 0755), 0);
  const UniqueFd reader = top().Open("program", O_RDONLY);
  { const UniqueFd writer = top().Open("program", O_RDWR); }
  EXPECT_TRUE(Eventually([&] { return RunCommand({bare().Path("program")}).status == 0; }));
}

// S-MIRROR-11
TEST_P(Mirror, NobodysSuidFilesBecomeAnothersByAMap) {
  const auto flags = [&] { return RunCommand({"findmnt", "-no", "OPTIONS", volume().mountpoint()}).out; };
  Remount("map=1000:61001");
  EXPECT_THAT(flags(), HasSubstr("nosuid"));
  EXPECT_THAT(flags(), HasSubstr("nodev"));
  Remount("submounts=follow");
  EXPECT_THAT(flags(), HasSubstr("nosuid"));
  Remount("map=1000:61001,suid");
  EXPECT_THAT(flags(), testing::Not(HasSubstr("nosuid")));
}

// S-MIRROR-15
TEST_P(Mirror, WhatIsShownAsSomebodysIsHisToUse) {
  ASSERT_EQ(bare().Mkdir("d", 0700), 0);
  ASSERT_EQ(bare().Write("d/a", "text", 0600), 0);
  Remount("force_user=61001,force_group=61001,perms=u=rwX:go=");
  EXPECT_EQ(top().Status("d/a").uid, kAlice.uid);
  EXPECT_EQ(top().Status("d/a").gid, kAlice.gid);
  EXPECT_EQ(top().Status("d/a").permissions(), 0600U);
  EXPECT_EQ(top().Status(".").permissions(), 0700U);
  const auto as = [&](const User& user, const std::function<Errno()>& body) { return AsUser(user, [&] { return body().code; }); };
  EXPECT_EQ(as(kBob, [&] { return top().Opens("d/a", O_RDONLY); }), EACCES);
  EXPECT_EQ(as(kAlice, [&] { return top().Append("d/a", " more"); }), 0);
  EXPECT_EQ(as(kAlice, [&] { return top().Write("d/b", "hers"); }), 0);
  EXPECT_EQ(as(kAlice, [&] { return top().Link("d/a", "d/c"); }), 0);
  EXPECT_EQ(as(kAlice, [&] { return top().Rename("d/c", "e"); }), 0);
  EXPECT_EQ(as(kAlice, [&] { return top().Chmod("e", 0600); }), 0);
  EXPECT_EQ(as(kAlice, [&] { return top().SetTimes("e", {1000, 0}, {1000, 0}); }), 0);
  EXPECT_EQ(as(kAlice, [&] { return top().Mkdir("d/f"); }), 0);
  EXPECT_EQ(as(kAlice, [&] { return top().Rmdir("d/f"); }), 0);
  EXPECT_EQ(as(kAlice, [&] { return top().Unlink("d/a"); }), 0);
  EXPECT_EQ(bare().Read("e"), "text more");
  EXPECT_EQ(bare().Status("e").uid, 0U);
  EXPECT_EQ(bare().Status("d").uid, 0U);
  EXPECT_EQ(bare().Status("d").permissions(), 0700U);
  // Made by whom it was made.
  EXPECT_EQ(bare().Status("d/b").uid, kAlice.uid);
  EXPECT_EQ(bare().Status("d/b").gid, kAlice.gid);
}

// S-MIRROR-15
TEST_P(Mirror, WhatWouldNotBeSeenIsRefused) {
  ASSERT_EQ(bare().Write("a", "text", 0700), 0);
  ASSERT_EQ(bare().SetXattr("a", "user.x", "1"), 0);
  Remount("force_user=61001,force_group=61001,perms=g=rX:o=");
  EXPECT_EQ(top().Chown("a", kBob.uid, kAlice.gid), EPERM);
  EXPECT_EQ(top().Chown("a", kAlice.uid, kBob.gid), EPERM);
  EXPECT_EQ(top().Chown("a", kAlice.uid, kAlice.gid), 0);
  EXPECT_EQ(bare().Status("a").uid, 0U);
  EXPECT_EQ(top().Chmod("a", 0777), EPERM);
  EXPECT_EQ(top().Chmod("a", 0750), 0);
  EXPECT_EQ(bare().Status("a").permissions(), 0750U);
  // Else she would have made herself a program that runs as root underneath.
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Chmod("a", 04750).code; }), EPERM);
  EXPECT_EQ(bare().Status("a").permissions(), 0750U);
  EXPECT_NE(RunCommand({"setfacl", "-m", "u:61002:rwx", top().Path("a")}).status, 0);
  EXPECT_EQ(top().Xattr("a", "user.x"), "1");
  EXPECT_THAT(RunCommand({"findmnt", "-no", "OPTIONS", volume().mountpoint()}).out, HasSubstr("nosuid"));
}

// S-MIRROR-15
TEST_P(Mirror, ShownModesDoNotKeepSuidAlive) {
  ASSERT_EQ(bare().Write("a", "text"), 0);
  ASSERT_EQ(bare().Chmod("a", 06755), 0);
  Remount("force_user=61001,perms=a=rwX");
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Append("a", "hers").code; }), 0);
  EXPECT_EQ(bare().Status("a").permissions(), 0755U);
}

// S-MIRROR-15
TEST_P(Mirror, ShownGroupsLendNobodyTheRightsOfOthers) {
  ASSERT_EQ(bare().Mkdir("bobs"), 0);
  ASSERT_EQ(bare().Chown("bobs", 0, kBob.gid), 0);
  ASSERT_EQ(bare().Chmod("bobs", 02777), 0);
  ASSERT_EQ(bare().Mkdir("his"), 0);
  ASSERT_EQ(bare().Chown("his", 0, kBob.gid), 0);
  Remount("force_user=61001,force_group=61001");
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Opens("bobs/program", O_CREAT | O_WRONLY, 02755).code; }), 0);
  EXPECT_EQ(bare().Status("bobs/program").gid, kBob.gid);
  EXPECT_EQ(bare().Status("bobs/program").permissions(), 0755U);
  // Underneath chmod(2) takes it away from who is not in the group.
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Chmod("his", 02777).code; }), 0);
  EXPECT_EQ(bare().Status("his").permissions(), 0777U);
}

// S-MIRROR-16
TEST_P(Mirror, FilesAreMadeForWhomTheyAreTo) {
  ASSERT_EQ(bare().Mkdir("open"), 0);
  ASSERT_EQ(bare().Chmod("open", 0777), 0);
  ASSERT_EQ(bare().Mkdir("hers", 0755), 0);
  ASSERT_EQ(bare().Chown("hers", kAlice.uid, kAlice.gid), 0);
  Remount("create_for=61002:61002");
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Write("open/a", "").code; }), 0);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Mkdir("open/d").code; }), 0);
  for (const char* const name : {"open/a", "open/d"}) {
    EXPECT_EQ(bare().Status(name).uid, kBob.uid) << name;
    EXPECT_EQ(bare().Status(name).gid, kBob.gid) << name;
  }
  // Else she would have made herself a program that runs as Bob.
  EXPECT_EQ(AsUser(kAlice,
                   [&] {
                     umask(0);
                     return top().Opens("open/s", O_CREAT | O_WRONLY, 06777).code;
                   }),
            0);
  EXPECT_EQ(bare().Status("open/s").permissions(), 0777U);
  // He may not there.
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Write("hers/a", "").code; }), EACCES);
}

// S-MIRROR-15, S-MIRROR-16
TEST_P(Mirror, OtherOwnersThanThereAreAreRefused) {
  Unmount();
  for (const char* const option : {"force_user=root", "force_group=-1", "perms=u+s", "perms=1777", "create_for=1", "create_for=1:x"}) {
    ExpectRefused(volume().TryMount(option), kUsage);
  }
}

// S-MIRROR-11
TEST_P(Mirror, MapsThatCannotBeAreRefused) {
  Unmount();
  for (const char* const map : {"map=1000", "map=1000:@1000", "map=a:b", "map=1:2,map=1:3", "map=1:3,map=2:3", "map=4294967295:1"}) {
    ExpectRefused(volume().TryMount(map), kUsage);
  }
  ExpectRefused(volume().TryMount("map=1:2,submounts=follow"), kMountFailed);
}

}  // namespace
}  // namespace hardlinkfs
