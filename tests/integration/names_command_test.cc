// `hardlinkfs names`: S-NAMES-* of docs/semantics.md.
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <string>
#include <vector>

#include "fuse/lowlevel/control.h"
#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSubsetOf;
using Lines = std::vector<std::string>;

Lines LinesOf(const std::string& text, char end = '\n') {
  Lines lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line, end);) lines.push_back(line);
  std::sort(lines.begin(), lines.end());
  return lines;
}

CommandResult Ask(const std::string& path, const std::optional<User>& user = std::nullopt) {
  return RunCommand({Command(), "names", path}, user);
}

// What find(1) prints, whatever it complains of.
Lines Find(const std::string& where, const std::string& test, const std::string& value, const std::optional<User>& user = std::nullopt) {
  return LinesOf(RunCommand({"find", where, "-xdev", test, value}, user).out);
}

int AskByNumber(int directory, uint64_t inode) {
  NamesExchange exchange{.inode = inode};
  return Ended(ioctl(directory, kControlNames, &exchange)).code;
}

class NamesCommand : public MountTest {
 protected:
  // All of them, and nothing else is said.
  Lines NamesOf(const std::string& name) const {
    const CommandResult asked = Ask(top().Path(name));
    EXPECT_EQ(asked.status, 0) << asked.err;
    EXPECT_EQ(asked.err, "");
    return LinesOf(asked.out);
  }
  Lines Paths(const std::vector<std::string>& names) const {
    Lines paths;
    for (const std::string& name : names) paths.push_back(top().Path(name));
    std::sort(paths.begin(), paths.end());
    return paths;
  }
};
INSTANTIATE_TEST_SUITE_P(, NamesCommand, testing::ValuesIn(TestBackings()), NameOf);

class NamesCommandOfAMirror : public MountTest {};
INSTANTIATE_TEST_SUITE_P(, NamesCommandOfAMirror, testing::ValuesIn(Mirrors()), NameOf);

// S-NAMES-1
TEST_P(NamesCommand, TellsWhatFindWouldFind) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Mkdir("d/e"), 0);
  ASSERT_EQ(top().Write("file", "text"), 0);
  ASSERT_EQ(top().Symlink("absent", "symlink"), 0);
  ASSERT_EQ(top().Mknod("fifo", S_IFIFO | 0644), 0);
  ASSERT_EQ(top().Mknod("device", S_IFCHR | 0644, makedev(1, 3)), 0);
  for (const std::string name : {"file", "symlink", "fifo", "device"}) {
    ASSERT_EQ(top().Link(name, "d/" + name), 0);
    ASSERT_EQ(top().Link(name, "d/e/other " + name), 0);
  }
  for (const bool again : {false, true}) {
    if (again) Remount();
    for (const std::string name : {"file", "symlink", "fifo", "device"}) {
      SCOPED_TRACE(name);
      EXPECT_EQ(NamesOf(name), Paths({name, "d/" + name, "d/e/other " + name}));
      // -samefile would open a fifo.
      EXPECT_EQ(NamesOf("d/" + name), Find(top().path(), "-inum", std::to_string(top().Ino(name))));
    }
    EXPECT_EQ(NamesOf("d/e"), Paths({"d/e"}));
    EXPECT_THAT(NamesOf("."), ElementsAre(top().path()));
  }
  const CommandResult both = RunCommand({Command(), "names", top().Path("d"), top().Path("d/e/../../file")});
  EXPECT_EQ(LinesOf(both.out), Paths({"d", "file", "d/file", "d/e/other file"}));
}

// S-NAMES-1
TEST_P(NamesCommand, TellsNobodyWhatHeCouldNotFind) {
  ASSERT_EQ(top().Write("file", "text"), 0);
  for (const auto& [name, mode] :
       std::vector<std::pair<std::string, mode_t>>{{"open", 0755}, {"passage", 0711}, {"list", 0744}, {"shut", 0700}}) {
    ASSERT_EQ(top().Mkdir(name), 0);
    ASSERT_EQ(top().Mkdir(name + "/below"), 0);
    ASSERT_EQ(top().Link("file", name + "/a"), 0);
    ASSERT_EQ(top().Link("file", name + "/below/b"), 0);
    ASSERT_EQ(top().Chmod(name, mode), 0);
  }
  const CommandResult asked = Ask(top().Path("file"), kAlice);
  EXPECT_EQ(asked.status, 0);
  EXPECT_EQ(LinesOf(asked.out), Paths({"file", "open/a", "open/below/b"}));
  EXPECT_EQ(LinesOf(asked.out), Find(top().path(), "-samefile", top().Path("file"), kAlice));
  EXPECT_THAT(asked.err, HasSubstr("6 more of its names"));
  EXPECT_EQ(NamesOf("file").size(), 9U);
  // What he knows already is no secret.
  EXPECT_EQ(LinesOf(Ask(top().Path("passage/a"), kAlice).out), Paths({"file", "open/a", "open/below/b", "passage/a"}));
  ExpectRefused(Ask(top().Path("shut/a"), kAlice), 2);
  // By a group he has, and an ACL.
  ASSERT_EQ(top().Chmod("shut", 0750), 0);
  ASSERT_EQ(top().Chown("shut", 0, 61077), 0);
  EXPECT_EQ(LinesOf(Ask(top().Path("file"), User{kAlice.uid, kAlice.gid, {61077}}).out),
            Paths({"file", "open/a", "open/below/b", "shut/a", "shut/below/b"}));
  ASSERT_EQ(RunCommand({"setfacl", "-m", "u:61001:rx", top().Path("list")}).status, 0);
  EXPECT_EQ(LinesOf(Ask(top().Path("file"), kAlice).out), Paths({"file", "open/a", "open/below/b", "list/a", "list/below/b"}));
}

// S-NAMES-2
TEST_P(NamesCommand, TellsNothingFromOutsideOfABindMount) {
  ASSERT_EQ(top().Mkdir("part"), 0);
  ASSERT_EQ(top().Mkdir("part/d"), 0);
  ASSERT_EQ(top().Write("file", "text"), 0);
  ASSERT_EQ(top().Link("file", "part/a"), 0);
  ASSERT_EQ(top().Link("file", "part/d/b"), 0);
  const Folder bound(Outside("bound"));
  ASSERT_EQ(mkdir(bound.path().c_str(), 0755), 0);
  ASSERT_EQ(RunCommand({"mount", "--bind", top().Path("part"), bound.path()}).status, 0);
  const CommandResult asked = Ask(bound.Path("d/b"));
  EXPECT_EQ(LinesOf(asked.out), (Lines{bound.Path("a"), bound.Path("d/b")}));
  EXPECT_THAT(asked.err, HasSubstr("1 more of its names"));
  EXPECT_EQ(asked.status, 0);
  EXPECT_EQ(NamesOf("file"), Paths({"file", "part/a", "part/d/b"}));
  // The directory is moved, and with it what is bound.
  ASSERT_EQ(top().Mkdir("new"), 0);
  ASSERT_EQ(top().Rename("part", "new/part"), 0);
  EXPECT_EQ(LinesOf(Ask(bound.Path("a")).out), (Lines{bound.Path("a"), bound.Path("d/b")}));
  {
    const UniqueFd root = bound.Open(".", O_RDONLY | O_DIRECTORY);
    NamesExchange exchange{.inode = top().Ino("new")};
    ASSERT_EQ(Ended(ioctl(root.get(), kControlNames, &exchange)), 0);
    EXPECT_EQ(exchange.bytes, 0U) << "a guessed number";
  }
  ASSERT_EQ(RunCommand({"umount", bound.path()}).status, 0);
}

// S-NAMES-2
TEST_P(NamesCommand, TellsWhatLiesBelowWhereOneMayList) {
  ASSERT_EQ(top().Mkdir("home"), 0);
  ASSERT_EQ(top().Mkdir("home/alice"), 0);
  ASSERT_EQ(top().Chown("home/alice", kAlice.uid, kAlice.gid), 0);
  ASSERT_EQ(top().Mkdir("home/alice/d"), 0);
  ASSERT_EQ(top().Write("home/alice/a", "text"), 0);
  ASSERT_EQ(top().Link("home/alice/a", "home/alice/d/b"), 0);
  ASSERT_EQ(top().Link("home/alice/a", "c"), 0);
  for (const char* const name : {"home", "."}) ASSERT_EQ(top().Chmod(name, 0711), 0);
  const CommandResult asked = Ask(top().Path("home/alice/d/b"), kAlice);
  EXPECT_EQ(LinesOf(asked.out), Paths({"home/alice/a", "home/alice/d/b"}));
  EXPECT_THAT(asked.err, HasSubstr("1 more of its names"));
  const CommandResult nothing = Ask(top().Path("c"), kAlice);
  ExpectRefused(nothing, 2);
  EXPECT_THAT(nothing.err, HasSubstr("may list"));
}

// S-NAMES-3
TEST_P(NamesCommand, TellsNamesAsTheyAre) {
  const std::vector<std::string> odd{"new\nline", "caf\xe9", "\xff\xfe", "\x1b[31m", " ", "-0", std::string(255, '?')};
  ASSERT_EQ(top().Mkdir("d\n"), 0);
  ASSERT_EQ(top().Write("a", "text"), 0);
  std::vector<std::string> all{"a"};
  for (const std::string& name : odd) {
    all.push_back("d\n/" + name);
    ASSERT_EQ(top().Link("a", all.back()), 0);
  }
  const CommandResult asked = RunCommand({Command(), "names", "-0", top().Path("d\n/" + odd[0])});
  EXPECT_EQ(LinesOf(asked.out, '\0'), Paths(all));
  EXPECT_THAT(Ask(top().Path("a")).out, HasSubstr("/d\n/new\nline\n"));
}

// S-NAMES-3
TEST_P(NamesCommand, CountsPathsThatAreTooLong) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  const std::string name(255, 'd');
  UniqueFd at = top().Open(".", O_RDONLY | O_DIRECTORY);
  for (int depth = 1; depth <= 70; ++depth) {
    ASSERT_EQ(Ended(mkdirat(at.get(), name.c_str(), 0755)), 0);
    at = UniqueFd(openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (depth % 35 != 0) continue;
    ASSERT_EQ(Ended(linkat(AT_FDCWD, top().Path("a").c_str(), at.get(), "b", 0)), 0);
  }
  const CommandResult asked = Ask(top().Path("a"));
  EXPECT_EQ(asked.status, 0);
  const Lines names = LinesOf(asked.out);
  ASSERT_EQ(names.size(), 2U);
  EXPECT_EQ(std::max(names[0].size(), names[1].size()), top().path().size() + 35 * 256 + 2);
  EXPECT_THAT(asked.err, HasSubstr("1 more of its names"));
}

// S-NAMES-1
TEST_P(NamesCommand, TellsThousandsAtOnce) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Mkdir("e"), 0);
  ASSERT_EQ(top().Write("first", "text"), 0);
  constexpr size_t kCount = 65'000;
  for (size_t i = 1; i < kCount; ++i) ASSERT_EQ(top().Link("first", (i % 2 == 0 ? "d/" : "e/") + std::to_string(i)), 0);
  const auto begin = std::chrono::steady_clock::now();
  const Lines names = NamesOf("first");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  EXPECT_EQ(names.size(), kCount);
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

// S-NAMES-4
TEST_P(NamesCommand, TellsWhatStaysOnceWhileDirectoriesAreMoved) {
  ASSERT_EQ(top().Mkdir("stay"), 0);
  ASSERT_EQ(top().Mkdir("moved"), 0);
  ASSERT_EQ(top().Mkdir("other"), 0);
  ASSERT_EQ(top().Write("stay/0", "text"), 0);
  std::vector<std::string> staying{"stay/0"};
  for (int i = 1; i < 300; ++i) {
    staying.push_back("stay/" + std::to_string(i));
    ASSERT_EQ(top().Link("stay/0", staying.back()), 0);
    ASSERT_EQ(top().Link("stay/0", "moved/" + std::to_string(i)), 0);
  }
  const Lines expected = Paths(staying);
  const int worst = InChildren(2, [&](int child) {
    if (child == 0) {
      for (int i = 0; i < 300; ++i) {
        if (top().Rename("moved", "other/moved").code != 0 || top().Rename("other/moved", "moved").code != 0) return 1;
        if (top().Rename("moved/1", "stay/moved").code != 0 || top().Rename("stay/moved", "moved/1").code != 0) return 2;
      }
      return 0;
    }
    for (int i = 0; i < 30; ++i) {
      const CommandResult asked = Ask(top().Path("stay/0"));
      const Lines names = LinesOf(asked.out);
      if (asked.status != 0 || !std::includes(names.begin(), names.end(), expected.begin(), expected.end())) return 3;
      if (std::adjacent_find(names.begin(), names.end()) != names.end()) return 4;
    }
    return 0;
  });
  EXPECT_EQ(worst, 0);
}

// S-NAMES-5
TEST_P(NamesCommand, SaysInOneLineWhatItCannotTell) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  const CommandResult elsewhere = Ask(Outside(""));
  ExpectRefused(elsewhere, 2);
  EXPECT_THAT(elsewhere.err, HasSubstr("not in a mounted hardlinkfs"));
  ExpectRefused(Ask(top().Path("absent")), 2);
  const CommandResult some = RunCommand({Command(), "names", top().Path("absent"), top().Path("a")});
  ExpectRefused(some, 2);
  EXPECT_EQ(LinesOf(some.out), Paths({"a"}));
  EXPECT_EQ(RunCommand({"sh", "-c", Command() + " names " + top().Path("a") + " > /dev/full"}).status, 2);
  volume().KillServer();
  const CommandResult dead = Ask(top().Path("a"));
  ExpectRefused(dead, 2);
  EXPECT_THAT(dead.err, HasSubstr("died"));
}

// S-NAMES-5
TEST_P(NamesCommand, HasNoneForWhatIsUnlinked) {
  const UniqueFd file = top().Open("a", O_CREAT | O_RDWR);
  const UniqueFd directory = top().Open(".", O_RDONLY | O_DIRECTORY);
  const uint64_t number = top().Ino("a");
  ASSERT_EQ(top().Mkdir("d"), 0);
  const uint64_t removed = top().Ino("d");
  EXPECT_EQ(AskByNumber(directory.get(), number), 0);
  ASSERT_EQ(top().Unlink("a"), 0);
  ASSERT_EQ(top().Rmdir("d"), 0);
  for (const uint64_t inode : {number, removed, uint64_t{0}, uint64_t{2}, uint64_t{1} << 50U, UINT64_MAX}) {
    EXPECT_EQ(AskByNumber(directory.get(), inode), ENOENT) << inode;
  }
  EXPECT_EQ(AskByNumber(file.get(), number), ENOTDIR);
  char part[16]{};
  EXPECT_EQ(Ended(ioctl(directory.get(), _IOWR(kControlType, 3, part), part)), ENOTTY);
}

// S-NAMES-5
TEST_P(NamesCommandOfAMirror, WouldHaveToSearch) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Link("a", "b"), 0);
  const CommandResult asked = Ask(top().Path("a"));
  ExpectRefused(asked, 2);
  EXPECT_THAT(asked.err, HasSubstr("find MOUNTPOINT -xdev -samefile FILE"));
  EXPECT_EQ(asked.out, "");
}

}  // namespace
}  // namespace hardlinkfs
