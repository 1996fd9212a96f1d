// `hardlinkfs flag`: S-FLAG-6 of docs/semantics.md.
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"
#include "tests/integration/small_filesystem.h"

namespace hardlinkfs {
namespace {

using testing::HasSubstr;

CommandResult Flag(const std::vector<std::string>& arguments, const std::optional<User>& user = std::nullopt) {
  std::vector<std::string> words{Command(), "flag"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return RunCommand(words, user);
}

void ExpectDone(const CommandResult& result, const std::string& out = "") {
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out, out);
}

class FlagCommand : public MountTest {};
INSTANTIATE_TEST_SUITE_P(, FlagCommand, testing::ValuesIn(TestBackings()), NameOf);

// S-FLAG-6
TEST_P(FlagCommand, ShowsAndChangesByName) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Mkdir("d"), 0);
  const std::string a = top().Path("a");
  const std::string d = top().Path("d");
  ExpectDone(Flag({a, d}), "-  " + a + "\n-  " + d + "\n");
  ExpectDone(Flag({"+iunlink", "-nodump", a}));
  ExpectDone(Flag({a}), "iunlink  " + a + "\n");
  EXPECT_EQ(top().Append("a", "more"), EPERM);
  EXPECT_EQ(top().Link("a", "b"), 0);
  ExpectDone(Flag({"+nodump,noatime,-iunlink", a, d}));
  ExpectDone(Flag({a, d}), "nodump,noatime  " + a + "\nnodump,noatime  " + d + "\n");
  EXPECT_THAT(RunCommand({"lsattr", a}).out, HasSubstr("d"));
  ExpectDone(Flag({"=append,sync", top().Path("b")}));
  ExpectDone(Flag({a}), "append,sync  " + a + "\n");
  EXPECT_EQ(top().Append("a", "more"), 0);
  EXPECT_EQ(top().Write("a", "other"), EPERM);
  ExpectDone(Flag({"=", a}));
  ExpectDone(Flag({"+immutable", a}));
  EXPECT_EQ(top().Unlink("a"), EPERM);
  ExpectDone(Flag({"-immutable", a}));
  EXPECT_EQ(top().Unlink("a"), 0);
}

// S-FLAG-6
TEST_P(FlagCommand, TellsEachFailureAndGoesOn) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Chown("a", kAlice.uid, kAlice.gid), 0);
  ASSERT_EQ(top().Write("roots", "text"), 0);
  ASSERT_EQ(top().Mknod("fifo", S_IFIFO | 0666), 0);
  ASSERT_EQ(top().Symlink("a", "symlink"), 0);
  const std::string a = top().Path("a");
  const CommandResult some = Flag({"+nodump", top().Path("absent"), a});
  ExpectRefused(some, 1);
  EXPECT_THAT(some.err, HasSubstr("absent: No such file or directory (ENOENT)"));
  ExpectDone(Flag({a}), "nodump  " + a + "\n");
  for (const char* const name : {"fifo", "symlink"}) {
    for (const char* const change : {"+nodump", ""}) {
      const CommandResult refused = *change == '\0' ? Flag({top().Path(name)}) : Flag({change, top().Path(name)});
      ExpectRefused(refused, 1);
      EXPECT_THAT(refused.err, HasSubstr("only regular files and directories"));
    }
  }
  const CommandResult unprivileged = Flag({"+append", a}, kAlice);
  ExpectRefused(unprivileged, 1);
  EXPECT_THAT(unprivileged.err, HasSubstr("CAP_LINUX_IMMUTABLE (EPERM)"));
  const CommandResult anothers = Flag({"+sync", top().Path("roots")}, kAlice);
  ExpectRefused(anothers, 1);
  EXPECT_THAT(anothers.err, HasSubstr("only the owner"));
  const UniqueFd writer = top().Open("a", O_RDWR);
  const CommandResult busy = Flag({"+immutable", a});
  ExpectRefused(busy, 1);
  EXPECT_THAT(busy.err, HasSubstr("open for writing"));
  EXPECT_THAT(busy.err, HasSubstr("(EBUSY)"));
  ExpectDone(Flag({a}), "nodump  " + a + "\n");
  EXPECT_EQ(Flag({"+nonsense", a}).status, 1);
}

// S-FLAG-6
TEST_P(FlagCommand, GoesThroughATreeAndStaysInIt) {
  for (const char* const name : {"tree", "tree/d", "tree/d/e", "tree/mounted", "outside"}) ASSERT_EQ(top().Mkdir(name), 0);
  for (const char* const name : {"tree/a", "tree/d/b", "tree/d/e/c", "outside/x"}) ASSERT_EQ(top().Write(name, "text"), 0);
  ASSERT_EQ(top().Symlink("../outside", "tree/symlink"), 0);
  ASSERT_EQ(top().Symlink("../outside/x", "tree/file symlink"), 0);
  ASSERT_EQ(top().Mknod("tree/fifo", S_IFIFO | 0666), 0);
  // The same filesystem, but another mount.
  ASSERT_EQ(RunCommand({"mount", "--bind", top().Path("outside"), top().Path("tree/mounted")}).status, 0);
  ExpectDone(Flag({"-R", "+immutable,nodump", top().Path("tree")}));
  const std::string path = top().path();
  const std::string shown = Flag({"-R", top().Path("tree")}).out;
  for (const char* const name : {"tree", "tree/a", "tree/d", "tree/d/b", "tree/d/e", "tree/d/e/c"}) {
    EXPECT_THAT(shown, HasSubstr("immutable,nodump  " + top().Path(name) + "\n"));
  }
  EXPECT_EQ(std::count(shown.begin(), shown.end(), '\n'), 6) << shown;
  ExpectDone(Flag({top().Path("outside"), top().Path("outside/x")}),
             "-  " + top().Path("outside") + "\n-  " + top().Path("outside/x") + "\n");
  ExpectDone(Flag({"-R", "-immutable,nodump", top().Path("tree")}));
  ASSERT_EQ(RunCommand({"umount", top().Path("tree/mounted")}).status, 0);
  EXPECT_EQ(top().Unlink("tree/d/e/c"), 0);
}

// S-FLAG-6
TEST_P(FlagCommand, WorksOnOtherFilesystems) {
  const std::vector<std::string> kinds = KindsOfSmallFilesystems();
  if (std::ranges::find(kinds, "ext4") == kinds.end()) GTEST_SKIP() << "no ext4 here";
  const ScratchDirectory scratch(TemporaryDirectory());
  const SmallFilesystem ext4("ext4", scratch.path() + "/disk");
  const Folder native(ext4.path());
  ASSERT_EQ(native.Write("a", "text"), 0);
  const std::string a = native.Path("a");
  ExpectDone(Flag({"+append,nodump", a}));
  ExpectDone(Flag({a}), "append,nodump  " + a + "\n");
  EXPECT_THAT(RunCommand({"lsattr", a}).out, HasSubstr("e")) << "flags without a name stay";
  const CommandResult refused = Flag({"+iunlink", a});
  ExpectRefused(refused, 1);
  EXPECT_THAT(refused.err, HasSubstr("does not keep"));
  EXPECT_THAT(refused.err, HasSubstr("(EOPNOTSUPP)"));
  ExpectDone(Flag({"=", a}));
  const CommandResult none = Flag({"/proc/self/status"});
  ExpectRefused(none, 1);
  EXPECT_THAT(none.err, HasSubstr("keeps no flags"));
}

}  // namespace
}  // namespace hardlinkfs
