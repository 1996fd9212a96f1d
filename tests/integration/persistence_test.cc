// Everything at once, over remounts and the death of the server: S-PERSIST-* of docs/semantics.md.
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <map>
#include <sstream>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

constexpr char kAcl[] =
    "\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x02\0\x04\0\x05\0\0\0\x04\0\x04\0\xff\xff\xff\xff\x10\0\x06\0\xff\xff\xff\xff "
    "\0\0\0\xff\xff\xff\xff";

class Persistence : public MountTest {
 protected:
  void MakeOneOfEverything() {
    ASSERT_EQ(top().Mkdir("d"), 0);
    ASSERT_EQ(top().Mkdir("d/deep"), 0);
    ASSERT_EQ(top().Write("d/deep/file", "content"), 0);
    ASSERT_EQ(top().Link("d/deep/file", "link"), 0);
    ASSERT_EQ(top().Write("empty", ""), 0);
    ASSERT_EQ(top().Write("big", std::string(1U << 20U, 'b')), 0);
    ASSERT_EQ(top().Write("odd:name?\xff ", "odd"), 0);
    ASSERT_EQ(top().Write("moved", "moved"), 0);
    ASSERT_EQ(top().Rename("moved", "d/moved"), 0);
    ASSERT_EQ(top().Symlink("../target", "d/symlink"), 0);
    ASSERT_EQ(top().Link("d/symlink", "symlink2"), 0);
    ASSERT_EQ(top().Mknod("fifo", S_IFIFO | 0640), 0);
    ASSERT_EQ(top().Mknod("socket", S_IFSOCK | 0600), 0);
    ASSERT_EQ(top().Mknod("char", S_IFCHR | 0620, makedev(5, 1)), 0);
    ASSERT_EQ(top().Mknod("block", S_IFBLK | 0660, makedev(8, 17)), 0);
    ASSERT_EQ(top().Link("fifo", "d/fifo2"), 0);
    ASSERT_EQ(top().Chown("link", 1234, 5678), 0);
    ASSERT_EQ(top().Chmod("link", 06711), 0);
    ASSERT_EQ(top().Chmod("d", 03770), 0);
    ASSERT_EQ(top().Chown("d/symlink", 7, 8), 0);
    ASSERT_EQ(top().SetXattr("link", "user.x", "value"), 0);
    ASSERT_EQ(top().SetXattr("d", "trusted.y", std::string("\0\1", 2)), 0);
    ASSERT_EQ(top().SetXattr("empty", "system.posix_acl_access", std::string(kAcl, sizeof kAcl - 1)), 0);
    ASSERT_EQ(top().SetTimes("big", {123456789, 987654321}, {-5, 5}), 0);
    ASSERT_EQ(top().SetTimes("d/symlink", {1, 2}, {4294967297, 4}), 0);
    ASSERT_EQ(top().SetTimes("d/deep", {1, 2}, {3, 4}), 0);
  }

  // All that can be seen of the tree, one text a path.
  std::map<std::string, std::string> Picture() const {
    std::map<std::string, std::string> picture;
    std::vector<std::string> paths = top().Tree();
    paths.emplace_back(".");
    for (std::string path : paths) {
      if (path.ends_with("/")) path.pop_back();
      std::ostringstream text;
      const Stat stat = top().Status(path);
      text << Description(stat);
      for (const std::string& xattr : top().Xattrs(path))
        text << "xattr " << xattr << " " << testing::PrintToString(top().Xattr(path, xattr)) << "\n";
      if (S_ISLNK(stat.mode)) text << "target " << top().Readlink(path) << "\n";
      if (S_ISREG(stat.mode)) text << "content " << std::hash<std::string>()(top().Read(path)) << "\n";
      if (S_ISDIR(stat.mode)) {
        for (const DirEntry& entry : top().Entries(path))
          text << "entry " << entry.ino << " " << entry.next << " " << int{entry.type} << " " << entry.name << "\n";
      }
      picture[path] = text.str();
    }
    return picture;
  }

  void ExpectPicture(const std::map<std::string, std::string>& before) const {
    const std::map<std::string, std::string> now = Picture();
    for (const auto& [path, text] : before) {
      const auto found = now.find(path);
      EXPECT_EQ(found == now.end() ? "gone" : found->second, text) << path;
    }
    EXPECT_EQ(now.size(), before.size());
  }
};
INSTANTIATE_TEST_SUITE_P(, Persistence, testing::ValuesIn(TestBackings()), NameOf);

// S-PERSIST-1
TEST_P(Persistence, NothingChangesByARemount) {
  MakeOneOfEverything();
  const std::map<std::string, std::string> before = Picture();
  ASSERT_EQ(before.size(), 16U);  // fifteen names and the root
  Remount();
  ExpectPicture(before);
  Remount("passthrough=off,io_uring=off");
  ExpectPicture(before);
  Remount("ro");
  ExpectPicture(before);
}

// S-PERSIST-2
TEST_P(Persistence, NothingAcknowledgedIsLostWhenTheServerIsKilled) {
  MakeOneOfEverything();
  const std::map<std::string, std::string> before = Picture();
  volume().KillServer();
  Mount();
  ExpectPicture(before);
}

// S-PERSIST-2
TEST_P(Persistence, FilesThatWereOpenWhenTheServerWasKilledAreThere) {
  {
    const UniqueFd file = top().Open("a", O_CREAT | O_RDWR);
    ASSERT_EQ(WriteAll(file.get(), "written"), 0);
    const UniqueFd gone = top().Open("b", O_CREAT | O_RDWR);
    ASSERT_EQ(top().Unlink("b"), 0);
    const UniqueFd unnamed = top().Open(".", O_TMPFILE | O_RDWR, 0600);
    volume().KillServer();
    EXPECT_PRED1(IsOfDeadServer, Ended(fchmod(file.get(), 0600)));
  }
  EXPECT_PRED1(IsOfDeadServer, top().Status("a").error);
  const CommandResult again = volume().TryMount();
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_NE(again.err, "") << "it should say that it removed a dead mount";
  EXPECT_EQ(top().Read("a"), "written");
  EXPECT_THAT(top().Names(), testing::ElementsAre("a"));
  Unmount();
  EXPECT_THAT(bare().Names(".hardlinkfs/homes"), testing::IsEmpty());
  EXPECT_THAT(bare().Tree(), testing::ElementsAre("a"));
}

// S-PERSIST-2
TEST_P(Persistence, KillingItAgainAndAgainLosesNothing) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  std::vector<std::string> expected{"d/"};
  for (int round = 0; round < 5; ++round) {
    const std::string name = "f" + std::to_string(round);
    ASSERT_EQ(top().Write(name, name), 0);
    ASSERT_EQ(top().Link(name, "d/" + name), 0);
    ASSERT_EQ(top().Rename(name, "moved " + name), 0);
    expected.push_back("d/" + name);
    expected.push_back("moved " + name);
    volume().KillServer();
    Mount();
    EXPECT_THAT(top().Tree(), testing::UnorderedElementsAreArray(expected));
    for (int i = 0; i <= round; ++i) {
      EXPECT_EQ(top().Read("d/f" + std::to_string(i)), "f" + std::to_string(i));
      EXPECT_EQ(top().Nlink("moved f" + std::to_string(i)), 2U);
    }
  }
}

}  // namespace
}  // namespace hardlinkfs
