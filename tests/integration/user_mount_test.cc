// Mounting as an ordinary user: S-MOUNT-10 of docs/semantics.md.
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class UserMounting : public UnmountedTest {
 protected:
  void SetUp() override {
    // In containers and small guests without udev the device is root's alone; elsewhere it is everybody's anyway.
    device_mode_ = Folder("/dev").Status("fuse").permissions();
    ASSERT_EQ(Folder("/dev").Chmod("fuse", 0666), 0);
    ASSERT_EQ(Ended(chown(volume().mountpoint().c_str(), kNobody.uid, kNobody.gid)), 0);
    if (!on_fat()) {
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
  EXPECT_THAT(RunCommand({"findmnt", "-nro", "OPTIONS", volume().mountpoint()}).out,
              testing::AllOf(HasSubstr("nosuid"), HasSubstr("nodev"), HasSubstr("user_id=65534"), testing::Not(HasSubstr("allow_other"))));
}

// S-MOUNT-10: what fuse.conf(5) does not permit is refused, in one line.
TEST_P(UserMounting, CannotBeSharedWithoutRootsConsent) {
  if (RunCommand({"grep", "-qx", "user_allow_other", "/etc/fuse.conf"}).status == 0) GTEST_SKIP() << "permitted by /etc/fuse.conf";
  ExpectRefused(volume().TryMount("allow_other", kNobody), kMountFailed);
  EXPECT_THAT(Folder(volume().mountpoint()).Names(), IsEmpty());
}

// S-MOUNT-10
TEST_P(UserMounting, TheServerHasNoMoreRightsThanTheUserAndNoPassthrough) {
  const std::string logs = Outside("logs");
  std::filesystem::create_directory(logs);
  ASSERT_EQ(Ended(chown(logs.c_str(), kNobody.uid, kNobody.gid)), 0);
  volume().Mount("log=" + logs + "/log", kNobody);
  const std::string status = Folder("/proc/" + std::to_string(volume().server())).Read("status");
  EXPECT_THAT(status, HasSubstr("Uid:\t65534\t65534\t65534\t65534\n"));
  EXPECT_THAT(status, HasSubstr("CapEff:\t0000000000000000\n"));
  EXPECT_THAT(Folder(logs).Read("log"), HasSubstr("passthrough off"));
}

// S-MOUNT-10
TEST_P(UserMounting, OwnersAreTheUserAndGroupsThoseHeIsIn) {
  volume().Mount("", kNobody);
  constexpr uid_t kNoChange = static_cast<uid_t>(-1);
  const auto use = [&]() -> int {
    EXPECT_EQ(top().Write("a", "text"), 0);
    EXPECT_EQ(top().Chown("a", kBob.uid, kNoChange), EPERM);
    EXPECT_EQ(top().Chown("a", kNoChange, 778), EPERM);
    EXPECT_EQ(top().Chown("a", kNoChange, 777), 0);
    EXPECT_EQ(top().Mknod("null", S_IFCHR | 0666, makedev(1, 3)), EPERM);
    return testing::Test::HasFailure() ? 1 : 0;
  };
  EXPECT_EQ(AsUser({kNobody.uid, kNobody.gid, {777}}, use), 0);
  Unmount();
  volume().Mount("", kNobody);
  const auto look = [&]() -> int {
    EXPECT_EQ(top().Status("a").uid, kNobody.uid);
    EXPECT_EQ(top().Status("a").gid, 777U);
    return testing::Test::HasFailure() ? 1 : 0;
  };
  EXPECT_EQ(AsUser(kNobody, look), 0);
}

// S-MOUNT-10: also what he forbids himself is kept, and the server gets at it all the same.
TEST_P(UserMounting, ModesThatShutTheUserOutAreKept) {
  volume().Mount("", kNobody);
  const auto use = [&]() -> int {
    EXPECT_EQ(top().Mkdir("d"), 0);
    EXPECT_EQ(top().Write("d/a", "text"), 0);
    EXPECT_EQ(top().Link("d/a", "b"), 0);
    EXPECT_EQ(top().Write("d/moved", "moved"), 0);
    EXPECT_EQ(top().Rename("d/moved", "moved"), 0);
    EXPECT_EQ(top().Chmod("d/a", 0), 0);
    EXPECT_EQ(top().Chmod("d", 0100), 0);
    EXPECT_EQ(top().Opens("b", O_RDONLY), EACCES);
    EXPECT_EQ(top().Write("d/new", ""), EACCES);
    return testing::Test::HasFailure() ? 1 : 0;
  };
  EXPECT_EQ(AsUser(kNobody, use), 0);
  Unmount();
  EXPECT_EQ(bare().Read("moved"), "moved");
  volume().Mount("", kNobody);
  const auto look = [&]() -> int {
    EXPECT_EQ(top().Status("b").permissions(), 0U);
    EXPECT_EQ(top().Status("d").permissions(), 0100U);
    EXPECT_EQ(top().Nlink("b"), 2U);
    EXPECT_EQ(top().Opens("d/a", O_RDONLY), EACCES);
    EXPECT_EQ(top().Chmod("b", 0600), 0);
    EXPECT_EQ(top().Read("d/a"), "text");
    return testing::Test::HasFailure() ? 1 : 0;
  };
  EXPECT_EQ(AsUser(kNobody, look), 0);
}

// S-MOUNT-10
TEST_P(UserMounting, EveryKindOfRenameLinkAndXattrWorks) {
  volume().Mount("", kNobody);
  const auto use = [&]() -> int {
    EXPECT_EQ(top().Mkdir("d"), 0);
    EXPECT_EQ(top().Write("a", "a"), 0);
    EXPECT_EQ(top().Write("d/b", "b"), 0);
    EXPECT_EQ(top().Rename("a", "d/b", RENAME_NOREPLACE), EEXIST);
    EXPECT_EQ(top().Rename("a", "d/b", RENAME_EXCHANGE), 0);
    EXPECT_EQ(top().Link("a", "e"), 0);
    EXPECT_EQ(top().Rename("d/b", "e"), 0);  // over one of two names
    EXPECT_EQ(top().Rename("a", "A"), 0);
    EXPECT_EQ(top().Write("odd:name? ", "odd"), 0);
    const UniqueFd unnamed = top().Open(".", O_TMPFILE | O_RDWR, 0600);
    EXPECT_EQ(WriteAll(unnamed.get(), "unnamed"), 0);
    const std::string by_descriptor = "/proc/self/fd/" + std::to_string(unnamed.get());
    EXPECT_EQ(Ended(linkat(AT_FDCWD, by_descriptor.c_str(), AT_FDCWD, top().Path("named").c_str(), AT_SYMLINK_FOLLOW)), 0);
    EXPECT_EQ(top().SetXattr("A", "user.x", std::string("\0\1", 2)), 0);
    EXPECT_EQ(top().SetXattr("A", "trusted.x", "1"), EPERM);
    EXPECT_EQ(top().SetXattr("d", "user.y", "1"), 0);
    EXPECT_EQ(top().RemoveXattr("d", "user.y"), 0);
    EXPECT_EQ(top().SetTimes("e", {1, 2}, {3, 4}), 0);
    return testing::Test::HasFailure() ? 1 : 0;
  };
  EXPECT_EQ(AsUser(kNobody, use), 0);
  volume().KillServer();
  volume().Mount("", kNobody);  // in the place of the dead mount
  const auto look = [&]() -> int {
    EXPECT_THAT(top().Tree(), ElementsAre("A", "d/", "e", "named", "odd:name? "));
    EXPECT_EQ(top().Read("A"), "b");
    EXPECT_EQ(top().Read("e"), "a");
    EXPECT_EQ(top().Nlink("A"), 1U);
    EXPECT_EQ(top().Read("named"), "unnamed");
    EXPECT_EQ(top().Xattr("A", "user.x"), std::string("\0\1", 2));
    EXPECT_THAT(top().Xattrs("d"), IsEmpty());
    EXPECT_EQ(top().Status("e").mtime.tv_nsec, 4);
    return testing::Test::HasFailure() ? 1 : 0;
  };
  EXPECT_EQ(AsUser(kNobody, look), 0);
}

// S-MOUNT-10
TEST_P(UserMounting, WhatIsFoundAgainAfterALossIsHis) {
  volume().Mount("", kNobody);
  const auto use = [&]() -> int {
    EXPECT_EQ(top().Mkdir("d"), 0);
    EXPECT_EQ(top().Symlink("target", "d/link"), 0);
    EXPECT_EQ(top().Names(".").size(), 1U);
    return testing::Test::HasFailure() ? 1 : 0;
  };
  EXPECT_EQ(AsUser(kNobody, use), 0);
  volume().KillServer();
  ASSERT_EQ(Ended(umount2(volume().mountpoint().c_str(), MNT_DETACH)), 0);
  ASSERT_EQ(AsUser(kNobody, [&] { return bare().Rmdir("d").code + bare().Write("unknown", "text").code; }), 0);
  volume().Mount("", kNobody);
  const auto look = [&]() -> int {
    EXPECT_THAT(top().Names(), ElementsAre("lost+found", "unknown"));
    EXPECT_EQ(top().Status("unknown").permissions(), on_fat() ? 0600U : 0644U);
    EXPECT_EQ(top().Read("unknown"), "text");
    EXPECT_EQ(top().Readlink("lost+found/" + top().Names("lost+found").at(0)), "target");
    return testing::Test::HasFailure() ? 1 : 0;
  };
  EXPECT_EQ(AsUser(kNobody, look), 0);
}

// S-MOUNT-10: by the command of the first page of the README, in a build that somebody else made.
TEST_P(UserMounting, TheTryScriptMountsOverAFolderOfHis) {
  const std::string build = std::filesystem::path(Command()).parent_path().parent_path().string();
  if (!std::filesystem::exists(build + "/build.ninja")) GTEST_SKIP() << "not in a build folder";
  if (RunCommand({"ninja", "-C", build, "-n", "hardlinkfs"}).out.find("no work to do") == std::string::npos)
    GTEST_SKIP() << build << " is not up to date";
  const auto try_it = [&] {
    return RunCommand({"env", "BUILD_DIR=" + build, HARDLINKFS_SOURCE_DIR "/mount-helpers/try", bare().path()}, kNobody);
  };
  MountedVolume over(bare().path(), bare().path());
  const CommandResult tried = try_it();
  if (tried.err.find("setup: run it as root once") != std::string::npos || tried.err.find("has to do this first") != std::string::npos) {
    GTEST_SKIP() << tried.err;
  }
  ASSERT_EQ(tried.status, 0) << tried.err;
  EXPECT_THAT(tried.out, HasSubstr("fusermount3 -u " + bare().path()));
  EXPECT_EQ(AsUser(kNobody, [&] { return bare().Write("a", "text").code + bare().Link("a", "b").code; }), 0);
  EXPECT_EQ(AsUser(kNobody, [&] { return static_cast<int>(bare().Nlink("b")); }), 2);
  EXPECT_EQ(RunCommand({"fusermount3", "-u", bare().path()}, kNobody).status, 0);
  volume().Mount("", kNobody);  // waits for the server to end
  EXPECT_EQ(AsUser(kNobody, [&] { return static_cast<int>(top().Nlink("a")); }), 2);
}

// S-MOUNT-12
TEST_P(UserMounting, WorksInAUserNamespaceOfHis) {
  const CommandResult allowed = RunCommand({"unshare", "-rm", "true"}, kNobody);
  if (allowed.status != 0) GTEST_SKIP() << "the kernel permits no user namespaces: " << allowed.err;
  const std::string script = R"(
    set -e
    "$1" mount -o log=/dev/null "$2" "$3"
    echo text >"$3/a"
    ln "$3/a" "$3/b"
    mkdir "$3/d"
    mv "$3/a" "$3/d/a"
    chmod 604 "$3/b"
    stat -c 'inside %h %u %a' "$3/d/a"
    umount "$3"
    "$1" mount -o log=/dev/null "$2" "$3"  # waits for the first server to end
    stat -c 'again %h %u %a' "$3/d/a"
    umount "$3"
  )";
  const CommandResult used =
      RunCommand({"unshare", "-rm", "sh", "-c", script, "sh", Command(), bare().path(), volume().mountpoint()}, kNobody);
  EXPECT_EQ(used.status, 0) << used.err;
  EXPECT_EQ(used.out, "inside 2 0 604\nagain 2 0 604\n");
  EXPECT_THAT(Folder(volume().mountpoint()).Names(), IsEmpty());  // it was mounted in his namespace alone
  volume().Mount("", kNobody);
  const auto look = [&]() -> int {
    EXPECT_THAT(top().Tree(), ElementsAre("b", "d/", "d/a"));
    EXPECT_EQ(top().Read("d/a"), "text\n");
    EXPECT_EQ(top().Nlink("b"), 2U);
    EXPECT_EQ(top().Status("b").uid, 0U);
    return testing::Test::HasFailure() ? 1 : 0;
  };
  EXPECT_EQ(AsUser(kNobody, look), 0);
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
