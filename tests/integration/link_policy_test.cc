// Who may link what, by the mount's own rules: S-POLICY-* of docs/semantics.md.
#include <sys/stat.h>

#include <cerrno>
#include <string>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"
#include "tests/integration/kernel_switch.h"

namespace hardlinkfs {
namespace {

using testing::HasSubstr;

constexpr char kProtected[] = "/proc/sys/fs/protected_hardlinks";
constexpr gid_t kStaff = 61009;
const User kBobOfStaff{61002, 61002, {kStaff}};
const User kRoot{0, 0, {}};

struct Kind {
  const char* name;
  mode_t type;
};
constexpr Kind kKinds[] = {{"regular", S_IFREG}, {"fifo", S_IFIFO}, {"socket", S_IFSOCK}, {"device", S_IFCHR}, {"symlink", S_IFLNK}};
constexpr mode_t kModes[] = {0600, 0640, 0660, 0606, 0666, 0646, 04666, 02666, 02676, 06777, 01666, 0222, 0444};

// Alice's, in the group staff.
Errno Make(const Folder& folder, const std::string& name, const Kind& kind, mode_t mode) {
  const Errno made = kind.type == S_IFLNK ? folder.Symlink("target", name) : folder.Mknod(name, kind.type | 0600, 0);
  if (!(made == 0)) return made;
  if (const Errno chowned = folder.Chown(name, kAlice.uid, kStaff); !(chowned == 0)) return chowned;
  return kind.type == S_IFLNK ? Errno{} : folder.Chmod(name, mode);
}

// How the link of each cell ends, as one text.
std::string LinksOfAll(const Folder& folder) {
  EXPECT_EQ(folder.Chmod(".", 0777), 0);
  std::string table;
  int cell = 0;
  for (const Kind& kind : kKinds) {
    for (const mode_t mode : kModes) {
      const std::string name = "f" + std::to_string(++cell);
      EXPECT_EQ(Make(folder, name, kind, mode), 0);
      table.append(kind.name).append(" ").append(std::to_string(mode));
      for (const User& user : {kAlice, kBob, kBobOfStaff, kRoot}) {
        const auto link = [&] { return folder.Link(name, "link").code; };
        const int ended = user.uid == 0 ? link() : AsUser(user, link);
        table.append(" ").append(ended == 0 ? "ok" : strerrorname_np(ended));
        EXPECT_EQ(folder.Nlink(name), ended == 0 ? 2U : 1U);
        EXPECT_EQ(folder.Unlink("link"), ended == 0 ? 0 : ENOENT);
      }
      table.append("\n");
      EXPECT_EQ(folder.Unlink(name), 0);
    }
  }
  return table;
}

class LinkPolicy : public UnmountedTest {};
INSTANTIATE_TEST_SUITE_P(, LinkPolicy, testing::ValuesIn(BackingsAndMirrors()), NameOf);

// S-POLICY-1
TEST_P(LinkPolicy, ProtectsAsTheKernelDoesByItself) {
  const ScratchDirectory native(TemporaryDirectory());
  std::string expected;
  {
    const KernelSwitch on(kProtected, "1");
    if (!on.is_set()) GTEST_SKIP() << "no " << kProtected << " to write to";
    expected = LinksOfAll(Folder(native.path()));
  }
  EXPECT_THAT(expected, HasSubstr("EPERM"));
  const KernelSwitch off(kProtected, "0");
  ASSERT_TRUE(off.is_set());
  Mount("protected_hardlinks=on");
  EXPECT_EQ(LinksOfAll(top()), expected);
  for (const char* const option : {"protected_hardlinks=off", "protected_hardlinks=host", ""}) {
    Remount(option);
    EXPECT_THAT(LinksOfAll(top()), testing::Not(HasSubstr("EPERM"))) << option;
  }
}

// S-POLICY-1
TEST_P(LinkPolicy, GoesByAcls) {
  const KernelSwitch off(kProtected, "0");
  if (!off.is_set()) GTEST_SKIP() << "no " << kProtected << " to write to";
  Mount("protected_hardlinks=on");
  ASSERT_EQ(top().Chmod(".", 0777), 0);
  ASSERT_EQ(top().Write("a", "text", 0600), 0);
  EXPECT_EQ(AsUser(kBob, [&] { return top().Link("a", "b").code; }), EPERM);
  ASSERT_EQ(RunCommand({"setfacl", "-m", "u:61002:rw", top().Path("a")}).status, 0);
  EXPECT_EQ(AsUser(kBob, [&] { return top().Link("a", "b").code; }), 0);
  ASSERT_EQ(RunCommand({"setfacl", "-m", "m::r", top().Path("a")}).status, 0);
  EXPECT_EQ(AsUser(kBob, [&] { return top().Link("a", "c").code; }), EPERM);
}

// S-POLICY-2
TEST_P(LinkPolicy, OfOwnersLetsNobodyElseLink) {
  Mount("protected_hardlinks=owner");
  ASSERT_EQ(top().Chmod(".", 0777), 0);
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Chown("a", kAlice.uid, kAlice.gid), 0);
  ASSERT_EQ(top().Chmod("a", 0666), 0);
  EXPECT_EQ(AsUser(kBob, [&] { return top().Link("a", "b").code; }), EPERM);
  EXPECT_EQ(top().Nlink("a"), 1U);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Link("a", "b").code; }), 0);
  EXPECT_EQ(top().Link("a", "c"), 0);
}

// S-POLICY-3
TEST_P(LinkPolicy, CanDenyAllLinks) {
  for (const auto& [options, wanted] : {std::pair{"links=deny", EPERM}, std::pair{"links=deny,flavor=bsd", EOPNOTSUPP}}) {
    Mount(options);
    ASSERT_EQ(top().Write("a", "text"), 0);
    EXPECT_EQ(top().Link("a", "b"), wanted);
    EXPECT_EQ(top().Nlink("a"), 1U);
    EXPECT_EQ(top().Exists("b"), false);
    EXPECT_EQ(top().Rename("a", "c"), 0);
    EXPECT_EQ(top().Unlink("c"), 0);
    Unmount();
  }
}

// S-POLICY-3
TEST_P(LinkPolicy, OptionsThatAreWrongAreNamed) {
  for (const char* const option : {"protected_hardlinks=1", "links=no", "flavor=freebsd"}) {
    const CommandResult refused = volume().TryMount(option);
    ExpectRefused(refused, kUsage);
    EXPECT_THAT(refused.err, HasSubstr(std::string(option).substr(0, std::string(option).find('='))));
  }
}

}  // namespace
}  // namespace hardlinkfs
