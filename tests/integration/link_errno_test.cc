// One test for each errno of link(2) and linkat(2), and of FreeBSD's link(2) as far as Linux lets a program see it, named after it.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>

#include "gtest/gtest.h"
#include "store/base/unique_fd.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

class LinkErrno : public UnmountedTest {
 protected:
  // Mounts with this policy, and makes a file "a".
  void MountWith(const std::string& policy, const std::string& options = "") {
    std::ofstream(Outside("policy.toml")) << policy;
    Mount("policy=" + Outside("policy.toml") + (options.empty() ? "" : "," + options));
    MakeFile();
  }
  void MountPlain() {
    Mount();
    MakeFile();
  }
  void MakeFile() {
    ASSERT_EQ(top().Write("a", "text"), 0);
    // Else the kernel's own protected_hardlinks would come first.
    ASSERT_EQ(top().Chmod("a", 0666), 0);
    ASSERT_EQ(top().Chmod(".", 0777), 0);
  }
  // A refused link changes nothing.
  void ExpectRefused(const std::string& to, int wanted) {
    EXPECT_EQ(top().Link("a", to), wanted);
    EXPECT_EQ(top().Nlink("a"), 1U);
    EXPECT_EQ(top().Read("a"), "text");
  }
  static Errno LinkAt(int old_fd, const char* from, int new_fd, const char* to, int flags) {
    return Ended(linkat(old_fd, from, new_fd, to, flags));
  }
};
INSTANTIATE_TEST_SUITE_P(, LinkErrno, testing::ValuesIn(BackingsAndMirrors()), NameOf);

// S-LINK-9
TEST_P(LinkErrno, EACCES_OfADirectoryThatMayNotBeWritten) {
  MountPlain();
  ASSERT_EQ(top().Mkdir("d", 0755), 0);
  ASSERT_EQ(top().Mkdir("closed", 0700), 0);
  ASSERT_EQ(top().Write("closed/b", "text"), 0);
  ASSERT_EQ(top().Chmod("closed/b", 0666), 0);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Link("a", "d/b").code; }), EACCES);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Link("closed/b", "b").code; }), EACCES);
}

// S-LINK-9
TEST_P(LinkErrno, EDQUOT_OfAFault) {
  MountWith("[[fault]]\nname = \"full\"\nops = \"link\"\nerrno = \"EDQUOT\"\n");
  ExpectRefused("b", EDQUOT);
}

// S-LINK-9
TEST_P(LinkErrno, EEXIST_OfANameThatIsThere) {
  MountPlain();
  ASSERT_EQ(top().Symlink("nowhere", "dangling"), 0);
  ASSERT_EQ(top().Mkdir("d"), 0);
  ExpectRefused("a", EEXIST);
  ExpectRefused("dangling", EEXIST);
  ExpectRefused("d", EEXIST);
  ExpectRefused(".", EEXIST);
}

// S-LINK-9
TEST_P(LinkErrno, EFAULT_OfAPathOutsideOfMemory) {
  MountPlain();
  // Not a literal null, of which compilers know better.
  const char* volatile nowhere = reinterpret_cast<const char*>(8);
  EXPECT_EQ(LinkAt(AT_FDCWD, top().Path("a").c_str(), AT_FDCWD, nowhere, 0), EFAULT);
}

// S-LINK-9
TEST_P(LinkErrno, EIO_OfAFault) {
  MountWith("[[fault]]\nname = \"broken\"\nops = \"link\"\nnth = 1\nerrno = \"EIO\"\n");
  ExpectRefused("b", EIO);
  EXPECT_EQ(top().Link("a", "b"), 0);
}

// S-LINK-9
TEST_P(LinkErrno, ELOOP_OfSymlinksThatLeadToThemselves) {
  MountPlain();
  ASSERT_EQ(top().Symlink("loop", "loop"), 0);
  ExpectRefused("loop/b", ELOOP);
  EXPECT_EQ(LinkAt(AT_FDCWD, top().Path("loop").c_str(), AT_FDCWD, top().Path("b").c_str(), AT_SYMLINK_FOLLOW), ELOOP);
}

// S-LINK-9
TEST_P(LinkErrno, EMLINK_OfAFileWithAsManyNamesAsItMayHave) {
  MountWith("", "max_links=2");
  EXPECT_EQ(top().Link("a", "b"), 0);
  EXPECT_EQ(top().Link("a", "c"), EMLINK);
  EXPECT_EQ(top().Unlink("b"), 0);
  EXPECT_EQ(top().Link("a", "c"), 0);
}

// S-LINK-9
TEST_P(LinkErrno, ENAMETOOLONG_OfMoreThan255Bytes) {
  MountPlain();
  ExpectRefused(std::string(256, 'b'), ENAMETOOLONG);
  EXPECT_EQ(top().Link("a", std::string(255, 'b')), 0);
}

// S-LINK-9
TEST_P(LinkErrno, ENOENT_OfWhatIsNotThere) {
  MountPlain();
  EXPECT_EQ(top().Link("absent", "b"), ENOENT);
  ExpectRefused("absent/b", ENOENT);
  EXPECT_EQ(LinkAt(AT_FDCWD, "", AT_FDCWD, top().Path("b").c_str(), 0), ENOENT);
  // By a descriptor, of a file that has lost its last name.
  const UniqueFd file = top().Open("a", O_RDONLY);
  ASSERT_EQ(top().Unlink("a"), 0);
  EXPECT_EQ(LinkAt(file.get(), "", AT_FDCWD, top().Path("b").c_str(), AT_EMPTY_PATH), ENOENT);
}

// S-LINK-9
TEST_P(LinkErrno, ENOMEM_OfAFault) {
  MountWith("[[fault]]\nname = \"memory\"\nops = \"link\"\nerrno = \"ENOMEM\"\n");
  ExpectRefused("b", ENOMEM);
}

// S-LINK-9
TEST_P(LinkErrno, ENOSPC_OfAFault) {
  MountWith("[[fault]]\nname = \"full\"\nops = \"link\"\nerrno = \"ENOSPC\"\n");
  ExpectRefused("b", ENOSPC);
}

// S-LINK-9
TEST_P(LinkErrno, ENOTDIR_OfAFileAsADirectory) {
  MountPlain();
  ExpectRefused("a/b", ENOTDIR);
  EXPECT_EQ(top().Link("a/", "b"), ENOTDIR);
  const UniqueFd file = top().Open("a", O_RDONLY);
  EXPECT_EQ(LinkAt(AT_FDCWD, top().Path("a").c_str(), file.get(), "b", 0), ENOTDIR);
}

// S-LINK-9
TEST_P(LinkErrno, EPERM_OfADirectory) {
  MountPlain();
  ASSERT_EQ(top().Mkdir("d"), 0);
  EXPECT_EQ(top().Link("d", "e"), EPERM);
}

// S-LINK-9
TEST_P(LinkErrno, EPERM_OfAFilesystemWithoutLinks) {
  MountWith("links = \"deny\"\n");
  ExpectRefused("b", EPERM);
}

// S-LINK-9
TEST_P(LinkErrno, EPERM_OfAnothersFile) {
  MountWith("protected_hardlinks = \"on\"\n");
  ASSERT_EQ(top().Chmod("a", 0644), 0);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Link("a", "b").code; }), EPERM);
  EXPECT_EQ(top().Nlink("a"), 1U);
}

// S-LINK-9
TEST_P(LinkErrno, EPERM_OfAnImmutableOrAppendOnlyFile) {
  MountPlain();
  for (const char* const flag : {"i", "a"}) {
    ASSERT_EQ(RunCommand({"chattr", std::string("+") + flag, top().Path("a")}).status, 0);
    EXPECT_EQ(top().Link("a", "b"), EPERM) << flag;
    ASSERT_EQ(RunCommand({"chattr", std::string("-") + flag, top().Path("a")}).status, 0);
  }
  EXPECT_EQ(top().Link("a", "b"), 0);
}

// S-LINK-9
TEST_P(LinkErrno, EROFS_OfAReadOnlyMount) {
  MountPlain();
  Remount("ro");
  ExpectRefused("b", EROFS);
}

// S-LINK-9
TEST_P(LinkErrno, EXDEV_OfAnotherFilesystem) {
  MountPlain();
  const std::string outside = Outside("b");
  EXPECT_EQ(LinkAt(AT_FDCWD, top().Path("a").c_str(), AT_FDCWD, outside.c_str(), 0), EXDEV);
}

// S-LINK-9
TEST_P(LinkErrno, EXDEV_OfABoundary) {
  MountWith("boundary = \"/d\"\n");
  ASSERT_EQ(top().Mkdir("d"), 0);
  ExpectRefused("d/b", EXDEV);
}

// S-LINK-9
TEST_P(LinkErrno, EBADF_OfADescriptorThatIsNotOpen) {
  MountPlain();
  EXPECT_EQ(LinkAt(1 << 20, "a", AT_FDCWD, top().Path("b").c_str(), 0), EBADF);
}

// S-LINK-9
TEST_P(LinkErrno, EINVAL_OfFlagsThatThereAreNot) {
  MountPlain();
  EXPECT_EQ(LinkAt(AT_FDCWD, top().Path("a").c_str(), AT_FDCWD, top().Path("b").c_str(), 1 << 30), EINVAL);
}

// S-LINK-9, as BSD link(2) has it.
TEST_P(LinkErrno, EOPNOTSUPP_OfAFilesystemWithoutLinksOnBsd) {
  MountWith("links = \"deny\"\nflavor = \"bsd\"\n");
  ExpectRefused("b", EOPNOTSUPP);
}

// S-LINK-9, as BSD link(2) has it.
TEST_P(LinkErrno, EOPNOTSUPP_OfASymlinkOnBsd) {
  MountWith("symlinks = \"deny\"\nflavor = \"bsd\"\n");
  ASSERT_EQ(top().Symlink("a", "s"), 0);
  EXPECT_EQ(top().Link("s", "b"), EOPNOTSUPP);
}

// S-LINK-9, as BSD link(2) has it.
TEST_P(LinkErrno, EPERM_OfADirectoryOnBsd) {
  MountWith("flavor = \"bsd\"\n");
  ASSERT_EQ(top().Mkdir("d"), 0);
  EXPECT_EQ(top().Link("d", "e"), EPERM);
}

// S-LINK-9, as FreeBSD has it with security.bsd.hardlink_check_uid.
TEST_P(LinkErrno, EPERM_OfAnothersFileOnBsd) {
  MountWith("flavor = \"bsd\"\nprotected_hardlinks = \"owner\"\n");
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Link("a", "b").code; }), EPERM);
}

}  // namespace
}  // namespace hardlinkfs
