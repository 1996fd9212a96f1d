// The policy file: rules, boundaries, faults, audit, reload: S-POLICY-* of docs/semantics.md.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "store/base/unique_fd.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using Json = nlohmann::json;
using testing::Each;
using testing::HasSubstr;

class Policies : public UnmountedTest {
 protected:
  // Mounts with this policy.
  void MountWith(const std::string& policy, const std::string& options = "") {
    WritePolicy(policy);
    Mount("policy=" + File() + (options.empty() ? "" : "," + options));
    ASSERT_EQ(top().Chmod(".", 0777), 0);
  }
  void WritePolicy(const std::string& policy) const { std::ofstream(File()) << policy; }
  std::string File() const { return Outside("policy.toml"); }
  CommandResult Reload() { return RunCommand({Command(), "reload", volume().mountpoint()}); }
  std::vector<Json> Refusals() {
    const CommandResult why = RunCommand({Command(), "why", "--json", "-n", "1000", volume().mountpoint()});
    EXPECT_EQ(why.status, 0) << why.err;
    return Lines(why.out);
  }
  static std::vector<Json> Lines(const std::string& text) {
    std::vector<Json> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(Json::parse(line));
    return lines;
  }
};
INSTANTIATE_TEST_SUITE_P(, Policies, testing::ValuesIn(BackingsAndMirrors()), NameOf);

// S-POLICY-4
TEST_P(Policies, RulesDecideEachOperation) {
  MountWith(R"(
[[rule]]
name = "keep"
path = "/kept/**"
ops = ["create", "mkdir", "mknod", "symlink", "link", "unlink", "rmdir", "rename", "open-for-write", "truncate", "chmod", "chown", "utimes",
       "setxattr", "removexattr", "setflags"]
uid = 61001
action = "deny"
errno = "EACCES"
)");
  ASSERT_EQ(top().Mkdir("kept"), 0);
  ASSERT_EQ(top().Mkdir("kept/d"), 0);
  ASSERT_EQ(top().Write("kept/f", "text", 0666), 0);
  ASSERT_EQ(top().Write("free", "text", 0666), 0);
  for (const char* const mine : {"kept", "kept/d", "kept/f", "free"}) ASSERT_EQ(top().Chown(mine, kAlice.uid, kAlice.gid), 0);
  const auto as_alice = [](const auto& operation) { return AsUser(kAlice, [&] { return Errno(operation()).code; }); };
  EXPECT_EQ(as_alice([&] { return top().Write("kept/new", "text"); }), EACCES);
  EXPECT_EQ(as_alice([&] { return top().Mkdir("kept/new"); }), EACCES);
  EXPECT_EQ(as_alice([&] { return top().Mknod("kept/new", S_IFIFO | 0600, 0); }), EACCES);
  EXPECT_EQ(as_alice([&] { return top().Symlink("target", "kept/new"); }), EACCES);
  EXPECT_EQ(as_alice([&] { return top().Link("kept/f", "link"); }), EACCES);
  EXPECT_EQ(as_alice([&] { return top().Link("free", "kept/link"); }), EACCES);
  EXPECT_EQ(as_alice([&] { return top().Unlink("kept/f"); }), EACCES);
  EXPECT_EQ(as_alice([&] { return top().Rmdir("kept/d"); }), EACCES);
  EXPECT_EQ(as_alice([&] { return top().Rename("kept/f", "gone"); }), EACCES);
  EXPECT_EQ(as_alice([&] { return top().Rename("free", "kept/f"); }), EACCES);
  EXPECT_EQ(as_alice([&] { return Errno{UniqueFd(open(top().Path("kept/f").c_str(), O_WRONLY)).valid() ? 0 : errno}; }), EACCES);
  EXPECT_EQ(as_alice([&] { return Errno{truncate(top().Path("kept/f").c_str(), 0) == 0 ? 0 : errno}; }), EACCES);
  EXPECT_EQ(as_alice([&] { return top().Chmod("kept/f", 0600); }), EACCES);
  EXPECT_EQ(as_alice([&] { return Errno{utimensat(AT_FDCWD, top().Path("kept/f").c_str(), nullptr, 0) == 0 ? 0 : errno}; }), EACCES);
  EXPECT_EQ(as_alice([&] { return Errno{UniqueFd(open(top().Path("kept/f").c_str(), O_RDONLY)).valid() ? 0 : errno}; }), 0);
  EXPECT_EQ(as_alice([&] { return top().Link("free", "free-2"); }), 0);
  EXPECT_EQ(AsUser(kBob, [&] { return top().Write("free-3", "text").code; }), 0);
  EXPECT_EQ(top().Link("kept/f", "of-root"), 0);
  for (const Json& refusal : Refusals()) EXPECT_EQ(refusal["rule"], "keep");
  EXPECT_EQ(Refusals().size(), 14U);
}

// S-POLICY-4
TEST_P(Policies, FirstRuleThatMatchesWins) {
  MountWith(R"(
[[rule]]
name = "except"
path = "*.tmp"
action = "allow"
[[rule]]
name = "no-unlink"
ops = "unlink"
action = "deny"
)");
  ASSERT_EQ(top().Write("a.tmp", "text"), 0);
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Write("b", "text"), 0);
  EXPECT_EQ(top().Unlink("a.tmp"), 0);
  EXPECT_EQ(top().Unlink("a"), EPERM);
  // What a rename replaces loses its name too.
  EXPECT_EQ(top().Rename("b", "a"), EPERM);
  EXPECT_EQ(top().Rename("b", "c"), 0);
}

// S-POLICY-5
TEST_P(Policies, BoundariesAreAsFilesystems) {
  MountWith("boundary = \"/projects/*\"\n");
  for (const char* const directory : {"projects", "projects/a", "projects/b", "projects/a/deep"}) ASSERT_EQ(top().Mkdir(directory), 0);
  ASSERT_EQ(top().Write("projects/a/f", "text"), 0);
  ASSERT_EQ(top().Write("f", "text"), 0);
  EXPECT_EQ(top().Link("projects/a/f", "projects/a/deep/l"), 0);
  EXPECT_EQ(top().Link("projects/a/f", "projects/b/l"), EXDEV);
  EXPECT_EQ(top().Link("projects/a/f", "l"), EXDEV);
  EXPECT_EQ(top().Link("f", "projects/a/l"), EXDEV);
  EXPECT_EQ(top().Rename("projects/a/f", "projects/b/f"), EXDEV);
  EXPECT_EQ(top().Rename("projects/a/deep", "deep"), EXDEV);
  EXPECT_EQ(top().Rename("projects/a/f", "projects/a/deep/f"), 0);
  EXPECT_EQ(top().Rename("projects/b", "projects/c"), 0);
  // As mv(1) does between filesystems.
  EXPECT_EQ(RunCommand({"mv", top().Path("projects/a/deep/f"), top().Path("projects/c/")}).status, 0);
  EXPECT_EQ(top().Read("projects/c/f"), "text");
}

// S-POLICY-6
TEST_P(Policies, LimitNamesAndLinksByType) {
  MountWith("max_links = { regular = 2 }\nsymlinks = \"deny\"\nspecials = \"deny\"\n");
  ASSERT_EQ(top().Write("a", "text"), 0);
  EXPECT_EQ(top().Link("a", "b"), 0);
  EXPECT_EQ(top().Link("a", "c"), EMLINK);
  ASSERT_EQ(top().Symlink("a", "s"), 0);
  EXPECT_EQ(top().Link("s", "s2"), EPERM);
  ASSERT_EQ(top().Mknod("p", S_IFIFO | 0600, 0), 0);
  EXPECT_EQ(top().Link("p", "p2"), EPERM);
}

// S-POLICY-7
TEST_P(Policies, FaultsStrikeWhenTheyAreToldTo) {
  MountWith(R"(
[[fault]]
name = "third-create"
ops = "create"
nth = 3
errno = "ENOSPC"
[[fault]]
name = "no-sync"
ops = "fsync"
path = "/*.db"
errno = "EIO"
[[fault]]
name = "reads"
ops = "read"
path = "/bad"
errno = "EIO"
)");
  EXPECT_EQ(top().Write("1", "text"), 0);
  EXPECT_EQ(top().Write("2", "text"), 0);
  EXPECT_EQ(top().Write("3", "text"), ENOSPC);
  EXPECT_EQ(top().Exists("3"), false);
  EXPECT_EQ(top().Write("3", "text"), 0);
  for (const auto& [name, wanted] : {std::pair{"a.db", EIO}, std::pair{"a.txt", 0}}) {
    ASSERT_EQ(top().Write(name, "text"), 0);
    const UniqueFd file(open(top().Path(name).c_str(), O_RDWR));
    ASSERT_TRUE(file.valid());
    EXPECT_EQ(fsync(file.get()) == 0 ? 0 : errno, wanted) << name;
  }
  ASSERT_EQ(top().Write("bad", std::string(10000, 'x')), 0);
  // What the kernel still keeps of the writing it need not ask for.
  Unmount();
  Mount("policy=" + File());
  const UniqueFd bad(open(top().Path("bad").c_str(), O_RDONLY));
  ASSERT_TRUE(bad.valid());
  char byte = 0;
  EXPECT_EQ(pread(bad.get(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, EIO);
}

// S-POLICY-7
TEST_P(Policies, DelaysPass) {
  MountWith("[[fault]]\nname = \"slow\"\nops = \"mkdir\"\ndelay_ms = 200\n");
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(top().Mkdir("d"), 0);
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(200));
}

// S-POLICY-8
TEST_P(Policies, AreReloadedWholeOrNotAtAll) {
  MountWith("links = \"deny\"\n");
  ASSERT_EQ(top().Write("a", "text"), 0);
  EXPECT_EQ(top().Link("a", "b"), EPERM);
  WritePolicy("links = \"allow\"\n");
  EXPECT_EQ(top().Link("a", "b"), EPERM);
  EXPECT_EQ(Reload().status, 0);
  EXPECT_EQ(top().Link("a", "b"), 0);
  WritePolicy("links = \"deny\"\nlinkz = 5\n");
  const CommandResult bad = Reload();
  EXPECT_EQ(bad.status, 1);
  EXPECT_THAT(bad.err, HasSubstr(File() + ":2:1: unknown key \"linkz\""));
  EXPECT_THAT(bad.err, HasSubstr("the old one stays in force"));
  EXPECT_EQ(top().Link("a", "c"), 0);
  WritePolicy("links = \"deny\"\n");
  volume().Signal(SIGHUP);
  EXPECT_TRUE(Eventually([&] { return top().Link("a", "d").code == EPERM || top().Unlink("d").code != 0; }));
  EXPECT_EQ(AsUser(kBob, [&] { return RunCommand({Command(), "reload", volume().mountpoint()}).status; }), 2);
}

// S-POLICY-8
TEST_P(Policies, AreReloadedWhileTheyAreUsed) {
  const std::string deny = "[[rule]]\nname = \"both\"\nops = [\"mkdir\", \"rmdir\"]\naction = \"deny\"\n";
  MountWith(deny);
  // By one of the policies or the other: a directory that can be made can be removed, or both fail.
  std::atomic<bool> done = false;
  std::thread reloads([&] {
    for (int i = 0; i < 50; ++i) {
      WritePolicy(i % 2 == 0 ? "" : deny);
      EXPECT_EQ(Reload().status, 0);
    }
    done = true;
  });
  int made = 0;
  while (!done) {
    const int code = top().Mkdir("d").code;
    EXPECT_THAT(code, testing::AnyOf(0, EPERM, EEXIST));
    if (code == 0) ++made;
    EXPECT_THAT(top().Rmdir("d").code, testing::AnyOf(0, EPERM, ENOENT));
  }
  reloads.join();
  EXPECT_GT(made, 0);
}

// S-POLICY-9
TEST_P(Policies, ToBeCheckedAreCheckedBeforeTheMount) {
  WritePolicy("protected_hardlinks = \"maybe\"\n");
  const CommandResult refused = volume().TryMount("policy=" + File());
  EXPECT_EQ(refused.status, kMountFailed);
  EXPECT_THAT(refused.err, HasSubstr(File() + ":1:23: \"protected_hardlinks\" must be one of"));
  const CommandResult absent = volume().TryMount("policy=" + Outside("absent.toml"));
  EXPECT_EQ(absent.status, kMountFailed);
  EXPECT_THAT(absent.err, HasSubstr("absent.toml: No such file or directory"));
  const CommandResult check = RunCommand({Command(), "policy", "check", File()});
  EXPECT_EQ(check.status, 1);
  EXPECT_THAT(check.err, HasSubstr(File() + ":1:23: "));
  WritePolicy("protected_hardlinks = \"on\"\n");
  EXPECT_EQ(RunCommand({Command(), "policy", "check", File()}).status, 0);
}

// S-POLICY-9
TEST_P(Policies, GiveWayToOptions) {
  MountWith("links = \"deny\"\nprotected_hardlinks = \"owner\"\n", "links=allow,max_links=2");
  ASSERT_EQ(top().Write("a", "text", 0666), 0);
  EXPECT_EQ(top().Link("a", "b"), 0);
  EXPECT_EQ(top().Link("a", "c"), EMLINK);
  const CommandResult shown = RunCommand({Command(), "policy", "show", volume().mountpoint()});
  EXPECT_EQ(shown.status, 0);
  EXPECT_THAT(shown.out, HasSubstr("# from " + File() + "\n"));
  EXPECT_THAT(shown.out, HasSubstr("links = 'allow'"));
  EXPECT_THAT(shown.out, HasSubstr("max_links = 2"));
  EXPECT_THAT(shown.out, HasSubstr("protected_hardlinks = 'owner'"));
  // What is shown can be used.
  WritePolicy(shown.out);
  EXPECT_EQ(Reload().status, 0);
}

// S-POLICY-9
TEST_P(Policies, OfAVolumeComeWithIt) {
  if (GetParam().is_mirror()) return;  // it has no place for one
  Mount();
  ASSERT_EQ(top().Write("a", "text"), 0);
  Unmount();
  std::ofstream(bare().Path(".hardlinkfs/policy.toml")) << "links = \"deny\"\n";
  Mount();
  EXPECT_EQ(top().Link("a", "b"), EPERM);
  Remount("policy=none");
  EXPECT_EQ(top().Link("a", "b"), 0);
  Unmount();
  EXPECT_EQ(RunCommand({Command(), "fsck", "-f", "-n", bare().Path(".")}).status, 0);
  for (const char* const machine : {"audit_file = \"/tmp/x\"", "dry_run = true", "[[fault]]\nname = \"a\"\nerrno = \"EIO\""}) {
    std::ofstream(bare().Path(".hardlinkfs/policy.toml")) << machine << "\n";
    EXPECT_THAT(volume().TryMount("").err, HasSubstr("is not for a volume's own policy")) << machine;
  }
}

// S-POLICY-10
TEST_P(Policies, AuditTellsEachDecision) {
  const std::string log = Outside("audit.json");
  MountWith("audit = \"all\"\naudit_file = \"" + log +
            "\"\n[[rule]]\nname = \"no-links\"\nops = \"link\"\naction = \"deny\"\nerrno = \"EROFS\"\n");
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("a\nb", "text"), 0);
  EXPECT_EQ(top().Link("a\nb", "d/c"), EROFS);
  std::vector<Json> lines;
  const auto has_link = [&] {
    std::ifstream stream(log);
    std::ostringstream text;
    text << stream.rdbuf();
    lines = Lines(text.str());
    return !lines.empty() && lines.back()["op"] == "link";
  };
  ASSERT_TRUE(Eventually(has_link));
  const Json& link = lines.back();
  EXPECT_EQ(link["decision"], "deny");
  EXPECT_EQ(link["errno"], "EROFS");
  EXPECT_EQ(link["rule"], "no-links");
  EXPECT_EQ(link["uid"], 0);
  EXPECT_EQ(link["pid"], getpid());
  EXPECT_EQ(link["names"], Json::array({"/a\nb"}));
  EXPECT_EQ(link["new_name"], "/d/c");
  std::vector<std::string> operations;
  for (const Json& line : lines) operations.push_back(line["op"]);
  EXPECT_THAT(operations, testing::IsSupersetOf({"mkdir", "create", "link"}));
  struct stat status {};
  ASSERT_EQ(stat(log.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

// S-POLICY-10
TEST_P(Policies, AuditIsLimited) {
  const std::string log = Outside("audit.json");
  MountWith("audit = \"all\"\naudit_rate = 5\naudit_file = \"" + log + "\"\n");
  for (int i = 0; i < 200; ++i) ASSERT_EQ(top().Mkdir("d" + std::to_string(i)), 0);
  // A second later it says how many it did not tell.
  std::vector<Json> lines;
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(top().Mkdir("e"), 0);
    EXPECT_EQ(top().Rmdir("e"), 0);
    std::ifstream stream(log);
    std::ostringstream text;
    text << stream.rdbuf();
    lines = Lines(text.str());
    return std::any_of(lines.begin(), lines.end(), [](const Json& line) { return line.contains("dropped"); });
  }));
  EXPECT_LT(lines.size(), 150U);
}

// S-POLICY-10
TEST_P(Policies, DryRunTellsAndAllows) {
  MountWith("dry_run = true\nlinks = \"deny\"\n[[rule]]\nname = \"no-mkdir\"\nops = \"mkdir\"\naction = \"deny\"\n");
  ASSERT_EQ(top().Write("a", "text"), 0);
  EXPECT_EQ(top().Link("a", "b"), 0);
  EXPECT_EQ(top().Mkdir("d"), 0);
  const std::vector<Json> refusals = Refusals();
  ASSERT_EQ(refusals.size(), 2U);
  for (const Json& refusal : refusals) EXPECT_EQ(refusal["decision"], "would-deny");
  EXPECT_EQ(refusals[0]["rule"], "links");
  EXPECT_EQ(refusals[1]["rule"], "no-mkdir");
}

// S-WHY-1
TEST_P(Policies, WhyTellsEverybodyOnlyHisOwn) {
  MountWith("[[rule]]\nname = \"no-mkdir\"\nops = \"mkdir\"\nuid = \"1-999999\"\naction = \"deny\"\n");
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Mkdir("of-alice").code; }), EPERM);
  EXPECT_EQ(AsUser(kBob, [&] { return top().Mkdir("of-bob").code; }), EPERM);
  EXPECT_EQ(Refusals().size(), 2U);
  const CommandResult bobs = RunCommand({Command(), "why", volume().mountpoint()}, kBob);
  EXPECT_EQ(bobs.status, 0) << bobs.err;
  EXPECT_THAT(bobs.out, HasSubstr("mkdir of /of-bob by uid 61002"));
  EXPECT_THAT(bobs.out, HasSubstr("no-mkdir: the rule denies it"));
  EXPECT_THAT(bobs.out, testing::Not(HasSubstr("alice")));
}

// S-POLICY-4
TEST_P(Policies, MayUseAnyErrno) {
  // These have meanings inside of the server: look again, make room, somebody was faster.
  for (const auto& [name, wanted] :
       {std::pair{"ESTALE", ESTALE}, std::pair{"ENOSPC", ENOSPC}, std::pair{"EEXIST", EEXIST}, std::pair{"EBUSY", EBUSY}}) {
    const std::string errno_line = std::string("errno = \"") + name + "\"\n";
    MountWith(
        "[[rule]]\nname = \"no\"\npath = \"/kept*\"\naction = \"deny\"\nops = [\"create\", \"unlink\", \"rename\", \"link\", \"rmdir\", "
        "\"open-for-write\"]\n" +
        errno_line);
    for (const char* const made : {"a", "b"}) ASSERT_EQ(top().Write(made, "text"), 0);
    EXPECT_EQ(top().Link("a", "kept"), wanted);
    EXPECT_EQ(top().Rename("a", "kept"), wanted);
    EXPECT_EQ(top().Opens("kept", O_WRONLY | O_CREAT | O_EXCL), wanted);
    WritePolicy("");
    ASSERT_EQ(Reload().status, 0);
    ASSERT_EQ(top().Rename("a", "kept"), 0);
    ASSERT_EQ(top().Mkdir("kept-d"), 0);
    WritePolicy("[[rule]]\nname = \"no\"\npath = \"/kept*\"\naction = \"deny\"\n" + errno_line);
    ASSERT_EQ(Reload().status, 0);
    EXPECT_EQ(top().Unlink("kept"), wanted);
    EXPECT_EQ(top().Rmdir("kept-d"), wanted);
    EXPECT_EQ(top().Rename("kept", "c"), wanted);
    EXPECT_EQ(top().Rename("b", "kept"), wanted);
    // Linux itself asks once more after an ESTALE.
    EXPECT_EQ(Refusals().size(), wanted == ESTALE ? 14U : 7U) << name;
    WritePolicy("");
    ASSERT_EQ(Reload().status, 0);
    for (const char* const made : {"kept", "b"}) EXPECT_EQ(top().Unlink(made), 0);
    EXPECT_EQ(top().Rmdir("kept-d"), 0);
    Unmount();
  }
}

// S-POLICY-4
TEST_P(Policies, KnowTheSizeOfWhatIsBeingWritten) {
  MountWith("[[rule]]\nname = \"big\"\nops = \"link\"\nsize = { min = 10 }\naction = \"deny\"\n");
  const UniqueFd file = top().Open("a", O_WRONLY | O_CREAT);
  ASSERT_TRUE(file.valid());
  EXPECT_EQ(top().Link("a", "b"), 0);
  ASSERT_EQ(write(file.get(), "more than ten", 13), 13);
  EXPECT_EQ(top().Link("a", "c"), EPERM);
}

// S-POLICY-5
TEST_P(Policies, BoundariesDoNotGoWithARename) {
  MountWith("boundary = \"/layers/*\"\n");
  for (const char* const directory : {"layers", "layers/a", "other"}) ASSERT_EQ(top().Mkdir(directory), 0);
  EXPECT_EQ(top().Rename("layers/a", "a"), EXDEV);
  EXPECT_EQ(top().Rename("layers", "l2"), EXDEV);
  EXPECT_EQ(top().Rename("other", "layers/b"), EXDEV);
  EXPECT_EQ(top().Rename("layers/a", "layers/b"), 0);
}

// S-POLICY-7
TEST_P(Policies, FaultsAreNotTriedAgain) {
  MountWith("[[fault]]\nname = \"full\"\nops = \"create\"\nnth = 4\nerrno = \"ENOSPC\"\n");
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(top().Write("gone", "text"), 0);
    ASSERT_EQ(top().Unlink("gone"), 0);
  }
  // What was removed could make room, and an ENOSPC of the backing would be tried again.
  EXPECT_EQ(top().Write("a", "text"), ENOSPC);
  EXPECT_EQ(top().Exists("a"), false);
  EXPECT_EQ(Refusals().size(), 1U);
}

// S-POLICY-7
TEST_P(Policies, DelaysHoldUpNobodyElse) {
  MountWith("[[fault]]\nname = \"slow\"\nops = \"mkdir\"\nuid = 61001\ndelay_ms = 4000\nerrno = \"EIO\"\n");
  // Of that directory the kernel itself holds the lock.
  ASSERT_EQ(top().Mkdir("d", 0777), 0);
  ASSERT_EQ(top().Chmod("d", 0777), 0);
  std::thread slow([&] { EXPECT_EQ(AsUser(kAlice, [&] { return top().Mkdir("d/slow").code; }), EIO); });
  // It is noted before it waits.
  EXPECT_TRUE(Eventually([&] { return Refusals().size() == 1; }));
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(top().Write("other", "text"), 0);
  EXPECT_EQ(top().Rename("other", "another"), 0);
  EXPECT_EQ(RunCommand({Command(), "status", volume().mountpoint()}).status, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(3));
  slow.join();
}

// S-POLICY-9
TEST_P(Policies, ThatAreNoFilesAreRefused) {
  ASSERT_EQ(mkfifo(Outside("fifo").c_str(), 0600), 0);
  EXPECT_THAT(volume().TryMount("policy=" + Outside("fifo")).err, HasSubstr("fifo: is no regular file"));
  WritePolicy("audit = \"all\"\naudit_file = \"" + Outside("fifo") + "\"\n");
  EXPECT_THAT(volume().TryMount("policy=" + File()).err, HasSubstr("fifo: the audit log"));
  WritePolicy("audit = \"all\"\naudit_file = \"" + volume().mountpoint() + "/log\"\n");
  EXPECT_THAT(volume().TryMount("policy=" + File()).err, HasSubstr("lies in the mount itself"));
}

// S-WHY-1
TEST_P(Policies, WhyKeepsNamesThatWereNotUsed) {
  MountWith("[[rule]]\nname = \"frozen\"\nops = \"chmod\"\naction = \"deny\"\nuid = 61001\n");
  ASSERT_EQ(top().Mkdir("private", 0700), 0);
  ASSERT_EQ(top().Write("private/secret\x1b[31m", "text"), 0);
  ASSERT_EQ(top().Link("private/secret\x1b[31m", "shown"), 0);
  ASSERT_EQ(top().Chown("shown", kAlice.uid, kAlice.gid), 0);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Chmod("shown", 0600).code; }), EPERM);
  EXPECT_THAT(RunCommand({Command(), "why", volume().mountpoint()}, kAlice).out, testing::Not(HasSubstr("secret")));
  const std::string roots = RunCommand({Command(), "why", volume().mountpoint()}).out;
  EXPECT_THAT(roots, HasSubstr("frozen"));
  // No name does anything to a terminal.
  EXPECT_THAT(roots, testing::Not(HasSubstr("\x1b")));
}

// S-WHY-1
TEST_P(Policies, WhyKnowsFlags) {
  // The kernel of a mirror's backing refuses by itself, and does not say so.
  if (GetParam().is_mirror()) return;
  Mount();
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(RunCommand({"chattr", "+i", top().Path("a")}).status, 0);
  EXPECT_EQ(top().Unlink("a"), EPERM);
  ASSERT_EQ(RunCommand({"chattr", "-i", top().Path("a")}).status, 0);
  const std::vector<Json> refusals = Refusals();
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_EQ(refusals[0]["rule"], "immutable");
  EXPECT_EQ(refusals[0]["names"], Json::array({"/a"}));
}

}  // namespace
}  // namespace hardlinkfs
