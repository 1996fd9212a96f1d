// Modes, owners, special bits and times: S-MODE-* and S-TIME-* of docs/semantics.md.
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

constexpr uid_t kNoChange = static_cast<uid_t>(-1);

class Attributes : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    ASSERT_EQ(top().Mkdir("free"), 0);
    ASSERT_EQ(top().Chmod("free", 0777), 0);
  }
  // Has every description of `names` the same text after a remount?
  void ExpectKept(const std::vector<std::string>& names) {
    std::vector<std::string> before;
    for (const std::string& name : names) before.push_back(Description(top().Status(name)));
    Remount();
    for (size_t i = 0; i < names.size(); ++i) EXPECT_EQ(Description(top().Status(names[i])), before[i]) << names[i];
  }
};
INSTANTIATE_TEST_SUITE_P(, Attributes, testing::ValuesIn(BackingsAndMirrors()), NameOf);

// What a mirror has otherwise: as its backing.
class AttributesOfACatalog : public Attributes {};
INSTANTIATE_TEST_SUITE_P(, AttributesOfACatalog, testing::ValuesIn(TestBackings()), NameOf);

bool IsLinuxAtLeast(int major, int minor) {
  utsname name{};
  uname(&name);
  int has_major = 0;
  int has_minor = 0;
  return std::sscanf(name.release, "%d.%d", &has_major, &has_minor) == 2 && std::pair(has_major, has_minor) >= std::pair(major, minor);
}

// S-MODE-1
TEST_P(Attributes, AnyModeIsKeptOnFilesAndDirectories) {
  std::vector<std::string> names;
  for (const mode_t mode : {00000U, 00400U, 00111U, 00755U, 01777U, 02755U, 04755U, 06711U, 07777U}) {
    const std::string name = "m" + std::to_string(mode);
    ASSERT_EQ(top().Write(name, "x"), 0);
    ASSERT_EQ(top().Mkdir(name + "d"), 0);
    ASSERT_EQ(top().Chmod(name, mode), 0);
    ASSERT_EQ(top().Chmod(name + "d", mode), 0);
    EXPECT_EQ(top().Status(name).permissions(), mode);
    EXPECT_EQ(top().Status(name + "d").permissions(), mode);
    names.insert(names.end(), {name, name + "d"});
  }
  ExpectKept(names);
}

// S-MODE-1
TEST_P(Attributes, AnyOwnerIsKept) {
  ASSERT_EQ(top().Write("a", ""), 0);
  ASSERT_EQ(top().Symlink("a", "s"), 0);
  ASSERT_EQ(top().Mkdir("d"), 0);
  for (const char* const name : {"a", "s", "d"}) {
    ASSERT_EQ(top().Chown(name, 4000000000U, 3999999999U), 0);
    EXPECT_EQ(top().Status(name).uid, 4000000000U);
    EXPECT_EQ(top().Status(name).gid, 3999999999U);
    ASSERT_EQ(top().Chown(name, kNoChange, 5), 0);
    EXPECT_EQ(top().Status(name).uid, 4000000000U);
    EXPECT_EQ(top().Status(name).gid, 5U);
  }
  ExpectKept({"a", "s", "d"});
}

// S-MODE-2
TEST_P(Attributes, PermissionsAreEnforced) {
  ASSERT_EQ(top().Write("secret", "x"), 0);
  ASSERT_EQ(top().Chmod("secret", 0600), 0);
  ASSERT_EQ(top().Mkdir("closed"), 0);
  ASSERT_EQ(top().Write("closed/f", "x"), 0);
  ASSERT_EQ(top().Chmod("closed", 0700), 0);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Opens("secret", O_RDONLY).code; }), EACCES);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Status("closed/f").error.code; }), EACCES);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Chmod("secret", 0666).code; }), EPERM);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Chown("secret", kAlice.uid, kAlice.gid).code; }), EPERM);
  ASSERT_EQ(top().Chown("secret", kAlice.uid, kAlice.gid), 0);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Opens("secret", O_RDWR).code; }), 0);
  Remount();
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Opens("secret", O_RDWR).code; }), 0);
  EXPECT_EQ(AsUser(kBob, [&] { return top().Opens("secret", O_RDONLY).code; }), EACCES);
}

// S-MODE-2
TEST_P(Attributes, AGroupIsAskedForSupplementaryGroups) {
  ASSERT_EQ(top().Write("shared", "x"), 0);
  ASSERT_EQ(top().Chown("shared", 0, 777), 0);
  ASSERT_EQ(top().Chmod("shared", 0640), 0);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Opens("shared", O_RDONLY).code; }), EACCES);
  EXPECT_EQ(AsUser({kAlice.uid, kAlice.gid, {777}}, [&] { return top().Opens("shared", O_RDONLY).code; }), 0);
}

// S-MODE-3
TEST_P(Attributes, NewFilesBelongToTheirCreatorUnderHisUmask) {
  const auto make = [&] {
    umask(027);
    if (top().Write("free/f", "", 0666).code != 0 || top().Mkdir("free/d", 0777).code != 0) return 1;
    return top().Mknod("free/p", S_IFIFO | 0666).code;
  };
  ASSERT_EQ(AsUser(kAlice, make), 0);
  EXPECT_EQ(top().Status("free/f").permissions(), 0640U);
  EXPECT_EQ(top().Status("free/d").permissions(), 0750U);
  EXPECT_EQ(top().Status("free/p").permissions(), 0640U);
  for (const char* const name : {"free/f", "free/d", "free/p"}) {
    EXPECT_EQ(top().Status(name).uid, kAlice.uid);
    EXPECT_EQ(top().Status(name).gid, kAlice.gid);
  }
  ExpectKept({"free/f", "free/d", "free/p"});
}

// S-MODE-4
TEST_P(Attributes, ASetgidDirectoryGivesItsGroupAndToDirectoriesTheBit) {
  ASSERT_EQ(top().Mkdir("team"), 0);
  ASSERT_EQ(top().Chown("team", 0, 777), 0);
  ASSERT_EQ(top().Chmod("team", 02777), 0);
  ASSERT_EQ(AsUser(kAlice, [&] { return top().Write("team/f", "").code | top().Mkdir("team/d").code | top().Symlink("f", "team/s").code; }),
            0);
  for (const char* const name : {"team/f", "team/d", "team/s"}) EXPECT_EQ(top().Status(name).gid, 777U) << name;
  EXPECT_EQ(top().Status("team/d").permissions(), 02755U);
  EXPECT_EQ(top().Status("team/f").permissions(), 0644U);
  // Not in the group, so no setgid file of it (inode(7), CVE-2018-13405).
  ASSERT_EQ(AsUser(kAlice, [&] { return top().Write("team/g", "", 02775).code; }), 0);
  EXPECT_EQ(top().Status("team/g").permissions() & 02000U, 0U);
}

// S-MODE-5
TEST_P(Attributes, SuidAndSgidGoWhenAnotherWritesOrTruncates) {
  const auto privileged = [&](const std::string& name) {
    ASSERT_EQ(top().Write(name, "text"), 0);
    ASSERT_EQ(top().Chmod(name, 06777), 0);
  };
  privileged("w");
  ASSERT_EQ(AsUser(kAlice, [&] { return top().Append("w", "x").code; }), 0);
  EXPECT_EQ(top().Status("w").permissions(), 0777U);
  privileged("t");
  ASSERT_EQ(AsUser(kAlice, [&] { return top().Truncate("t", 1).code; }), 0);
  EXPECT_EQ(top().Status("t").permissions(), 0777U);
  privileged("o");
  ASSERT_EQ(AsUser(kAlice, [&] { return top().Opens("o", O_WRONLY | O_TRUNC).code; }), 0);
  EXPECT_EQ(top().Status("o").permissions(), 0777U);
  privileged("root");
  ASSERT_EQ(top().Append("root", "x"), 0);
  EXPECT_EQ(top().Status("root").permissions(), 06777U);  // root keeps them (CAP_FSETID)
}

// S-MODE-5
TEST_P(Attributes, APrivilegedProgramRunsWithoutPrivilegesOnceAnotherHasWrittenToIt) {
  Remount("suid,exec");  // whatever the backing is mounted with
  // Tells as whom it runs.
  ASSERT_EQ(top().Write("id", Folder("/usr/bin").Read("id")), 0);
  const auto run = [&] { return RunCommand({top().Path("id"), "-u"}, kAlice).out; };
  ASSERT_EQ(top().Chmod("id", 04777), 0);
  ASSERT_EQ(run(), "0\n");
  const auto write_nothing_new = [&] { return pwrite(top().Open("id", O_RDWR).get(), "\x7f", 1, 0) == 1 ? 0 : 1; };
  ASSERT_EQ(AsUser(kAlice, write_nothing_new), 0);
  // Nobody asks for its attributes in between.
  EXPECT_EQ(run(), std::to_string(kAlice.uid) + "\n");
  EXPECT_EQ(top().Status("id").permissions(), 0777U);
}

// S-MODE-5
TEST_P(Attributes, AProgramThatBecamePrivilegedWhileItWasOpenLosesThatByAWriteAtOnce) {
  Remount("suid,exec");
  ASSERT_EQ(top().Write("id", Folder("/usr/bin").Read("id")), 0);
  const auto run = [&] { return RunCommand({top().Path("id"), "-u"}, kAlice).out; };
  // With passthrough, others read and write past it from now on.
  const UniqueFd reader = top().Open("id", O_RDONLY);
  ASSERT_EQ(top().Chmod("id", 04777), 0);
  ASSERT_EQ(run(), "0\n");
  const auto write_nothing_new = [&] { return pwrite(top().Open("id", O_RDWR).get(), "\x7f", 1, 0) == 1 ? 0 : 1; };
  ASSERT_EQ(AsUser(kAlice, write_nothing_new), 0);
  EXPECT_EQ(run(), std::to_string(kAlice.uid) + "\n");
}

// S-MODE-5
TEST_P(Attributes, WhoHasAPrivilegedFileOpenDoesNotChangeWhatWritingTakesAway) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  const UniqueFd reader = top().Open("a", O_RDONLY);
  ASSERT_EQ(top().Chmod("a", 06777), 0);
  ASSERT_EQ(top().Append("a", "x"), 0);
  EXPECT_EQ(top().Status("a").permissions(), 06777U);
  EXPECT_EQ(top().Read("a"), "textx");
  EXPECT_EQ(ReadAll(reader.get()), "textx");
  ASSERT_EQ(AsUser(kAlice, [&] { return top().Append("a", "y").code; }), 0);
  EXPECT_EQ(top().Status("a").permissions(), 0777U);
  EXPECT_EQ(ReadAll(reader.get()), "textxy");
}

// S-MODE-5
TEST_P(Attributes, PrivilegesGivenWhileAnotherHasItOpenForWritingGoWhenHeWrites) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Chmod("a", 0777), 0);
  const auto write_late = [&] {
    const UniqueFd writer = top().Open("a", O_WRONLY | O_APPEND);
    // Not by him, who may not.
    if (top().Chmod("a", 06777).code != 0) return 1;
    if (top().Status("a").permissions() != 06777U) return 2;
    if (seteuid(kAlice.uid) != 0) return 3;
    if (WriteAll(writer.get(), "x").code != 0) return 4;
    return top().Status("a").permissions() == 0777U ? 0 : 5;
  };
  EXPECT_EQ(InChild(write_late), 0);
  EXPECT_EQ(top().Status("a").permissions(), 0777U);
}

// S-MODE-5: the kernel does not wait for the server to learn of a close.
TEST_P(Attributes, AFileIsClosedWhenCloseReturns) {
  int lost = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string name = "a" + std::to_string(i);
    ASSERT_EQ(top().Write(name, "text"), 0);
    ASSERT_EQ(top().Chmod(name, 06755), 0);
    ASSERT_EQ(top().Append(name, "x"), 0);
    if (top().Status(name).permissions() != 06755U) ++lost;
  }
  EXPECT_EQ(lost, 0);
}

// S-MODE-5
TEST_P(Attributes, SuidAndSgidGoWhenTheOwnerChanges) {
  ASSERT_EQ(top().Write("a", "x"), 0);
  ASSERT_EQ(top().Chmod("a", 06755), 0);
  ASSERT_EQ(top().Chown("a", kAlice.uid, kAlice.gid), 0);
  EXPECT_EQ(top().Status("a").permissions(), 0755U);
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Chmod("d", 02755), 0);
  ASSERT_EQ(top().Chown("d", kAlice.uid, kAlice.gid), 0);
  EXPECT_EQ(top().Status("d").permissions(), 02755U);  // of a directory it is not a privilege
}

// S-MODE-5
TEST_P(Attributes, ChmodByANonMemberDropsSgid) {
  ASSERT_EQ(top().Write("a", "x"), 0);
  ASSERT_EQ(top().Chown("a", kAlice.uid, 777), 0);
  ASSERT_EQ(AsUser(kAlice, [&] { return top().Chmod("a", 02755).code; }), 0);
  EXPECT_EQ(top().Status("a").permissions(), 0755U);
}

// S-MODE-6
TEST_P(Attributes, StickyDirectoriesProtectWhatOthersOwn) {
  ASSERT_EQ(top().Chmod("free", 01777), 0);
  ASSERT_EQ(AsUser(kAlice, [&] { return top().Write("free/a", "").code; }), 0);
  EXPECT_EQ(AsUser(kBob, [&] { return top().Unlink("free/a").code; }), EPERM);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Unlink("free/a").code; }), 0);
}

// --- Times ---------------------------------------------------------------------------------------------------------------------------

// S-TIME-1
TEST_P(AttributesOfACatalog, TimesAreExactToTheNanosecondFarIntoPastAndFuture) {
  const std::vector<timespec> times{{0, 0},
                                    {1, 1},
                                    {-1, 999999999},
                                    {-2208988800, 5},  // 1900
                                    {2147483647, 7},
                                    {2147483648, 8},
                                    {4294967295, 999999999},
                                    {4294967296, 9},             // 2038, 2106
                                    {253402300799, 123456789}};  // 9999
  std::vector<std::string> names;
  for (size_t i = 0; i < times.size(); ++i) {
    const std::string name = "t" + std::to_string(i);
    ASSERT_EQ(top().Write(name, "x"), 0);
    const timespec other{times[i].tv_sec, 42};
    ASSERT_EQ(top().SetTimes(name, other, times[i]), 0);
    names.push_back(name);
  }
  const auto expect = [&] {
    for (size_t i = 0; i < times.size(); ++i) {
      const Stat stat = top().Status(names[i]);
      EXPECT_EQ(stat.mtime.tv_sec, times[i].tv_sec);
      EXPECT_EQ(stat.mtime.tv_nsec, times[i].tv_nsec) << times[i].tv_sec;
      EXPECT_EQ(stat.atime.tv_sec, times[i].tv_sec);
      EXPECT_EQ(stat.atime.tv_nsec, 42) << times[i].tv_sec;
    }
  };
  expect();
  ExpectKept(names);
  expect();
}

// S-TIME-2
TEST_P(Attributes, UtimeNowAndOmitDoWhatTheySay) {
  ASSERT_EQ(top().Write("a", "x"), 0);
  ASSERT_EQ(top().SetTimes("a", {1000, 1}, {2000, 2}), 0);
  ASSERT_EQ(top().SetTimes("a", {0, UTIME_OMIT}, {3000, 3}), 0);
  EXPECT_EQ(top().Status("a").atime.tv_sec, 1000);
  EXPECT_EQ(top().Status("a").mtime.tv_sec, 3000);
  ASSERT_EQ(top().SetTimes("a", {0, UTIME_NOW}, {0, UTIME_OMIT}), 0);
  EXPECT_GT(top().Status("a").atime.tv_sec, 1000000000);
  EXPECT_EQ(top().Status("a").mtime.tv_sec, 3000);
  const timespec changed = top().Status("a").ctime;
  ASSERT_EQ(top().SetTimes("a", {0, UTIME_OMIT}, {0, UTIME_OMIT}), 0);
  EXPECT_FALSE(Later(top().Status("a").ctime, changed));
  EXPECT_EQ(AsUser(kAlice, [&] { return top().SetTimes("a", {1, 0}, {1, 0}).code; }), EPERM);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().SetTimes("a", {0, UTIME_NOW}, {0, UTIME_NOW}).code; }), EACCES);
}

// S-TIME-2
TEST_P(Attributes, AllThatBecomesNowBecomesTheSameNow) {
  ASSERT_EQ(top().Write("a", "x"), 0);
  ASSERT_EQ(top().SetTimes("a", {0, UTIME_NOW}, {0, UTIME_NOW}), 0);
  const Stat now = top().Status("a");
  EXPECT_FALSE(Later(now.mtime, now.atime) || Later(now.atime, now.mtime));
  EXPECT_FALSE(Later(now.ctime, now.atime) || Later(now.atime, now.ctime));
}

// S-TIME-3
TEST_P(Attributes, WritingMovesMtimeAndCtimeAndNothingElseDoes) {
  ASSERT_EQ(top().Write("a", "x"), 0);
  ASSERT_EQ(top().SetTimes("a", {1000, 1}, {2000, 2}), 0);
  const Stat before = top().Status("a");
  AwaitNextTick();
  ASSERT_EQ(top().Chmod("a", 0600), 0);
  ASSERT_EQ(top().Rename("a", "b"), 0);
  ASSERT_EQ(top().Link("b", "c"), 0);
  EXPECT_EQ(top().Status("b").mtime.tv_sec, 2000);
  EXPECT_TRUE(Later(top().Status("b").ctime, before.ctime));
  const Stat named = top().Status("b");
  AwaitNextTick();
  ASSERT_EQ(top().Append("b", "y"), 0);
  EXPECT_TRUE(Later(top().Status("c").mtime, named.ctime));
  EXPECT_TRUE(Later(top().Status("c").ctime, named.ctime));
  const Stat written = top().Status("b");
  ASSERT_EQ(top().Read("b"), "xy");
  EXPECT_FALSE(Later(top().Status("b").mtime, written.mtime));
  ExpectKept({"b", "c"});
}

// S-TIME-4
TEST_P(Attributes, BirthTimeIsThatOfCreationForGood) {
  ASSERT_EQ(top().Write("a", "x"), 0);
  const Stat born = top().Status("a");
  if (!born.has_btime && !IsLinuxAtLeast(6, 6)) GTEST_SKIP() << "older than FUSE's own statx(2)";
  ASSERT_TRUE(born.has_btime);
  EXPECT_FALSE(Later(born.btime, born.ctime));
  ASSERT_EQ(top().SetTimes("a", {1, 1}, {1, 1}), 0);
  ASSERT_EQ(top().Append("a", "y"), 0);
  ASSERT_EQ(top().Rename("a", "b"), 0);
  const Stat later = top().Status("b");
  EXPECT_EQ(later.btime.tv_sec, born.btime.tv_sec);
  EXPECT_EQ(later.btime.tv_nsec, born.btime.tv_nsec);
  ExpectKept({"b"});
}

// S-TIME-5
TEST_P(Attributes, ReadingMovesAtimeAsRelatime) {
  ASSERT_EQ(top().Write("a", "x"), 0);
  ASSERT_EQ(top().SetTimes("a", {1000, 0}, {2000, 0}), 0);
  ASSERT_EQ(top().Read("a"), "x");
  EXPECT_TRUE(Eventually([&] { return top().Status("a").atime.tv_sec > 2000; }, std::chrono::seconds(5)));
  Remount("noatime");
  ASSERT_EQ(top().SetTimes("a", {1000, 0}, {2000, 0}), 0);
  ASSERT_EQ(top().Read("a"), "x");
  EXPECT_EQ(top().Status("a").atime.tv_sec, 1000);
}

// S-TIME-5
TEST_P(AttributesOfACatalog, ListingAndFollowingLeaveAtimeAsItWasSet) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Symlink("d/f", "s"), 0);
  for (const char* const name : {"d", "s"}) ASSERT_EQ(top().SetTimes(name, {1000, 0}, {2000, 0}), 0);
  EXPECT_TRUE(top().Names("d").empty());
  EXPECT_EQ(top().Readlink("s"), "d/f");
  Remount();
  for (const char* const name : {"d", "s"}) EXPECT_EQ(top().Status(name).atime.tv_sec, 1000) << name;
}

}  // namespace
}  // namespace hardlinkfs
