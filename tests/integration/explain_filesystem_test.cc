// `hardlinkfs explain` of what filesystems and mounts refuse, compared with the system calls: S-EXPLAIN-* of docs/semantics.md.
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/integration/explain_fixture.h"

namespace hardlinkfs {
namespace {

using testing::HasSubstr;

// S-EXPLAIN-4
TEST_F(Explain, FindsAnotherWayInTheSameMount) {
  Directory("dir", kAlice, 0777);
  const std::string file = File("dir/f");
  const std::string bound = MakeElsewhere("bound");
  const std::string bare = MakeElsewhere("bare");
  ASSERT_EQ(mount(Path("dir").c_str(), bound.c_str(), nullptr, MS_BIND, nullptr), 0);
  ExpectTrue(kAlice, {"link", file, bound + "/l"}, EXDEV, "one-mount");
  ExpectTrue(kAlice, {"rename", file, bound + "/l"}, EXDEV, "one-mount");
  EXPECT_THAT(AskFor(kAlice, {"link", file, bound + "/l"}).cure, HasSubstr("ln " + file + " " + Path("dir/l")));
  EXPECT_THAT(AskFor(kAlice, {"link", bound + "/f", Path("dir/l")}).cure, HasSubstr("ln " + bound + "/f " + bound + "/l"));
  // Nothing is promised that something else covers.
  ASSERT_EQ(mount("cover", Path("dir").c_str(), "tmpfs", 0, nullptr), 0);
  const Answer covered = AskFor(kAlice, {"link", bound + "/f", Path("l")});
  EXPECT_EQ(covered.error, "EXDEV");
  EXPECT_THAT(covered.cure, testing::Not(HasSubstr("ln ")));
  ASSERT_EQ(umount(Path("dir").c_str()), 0);
  // A file that is a mount of its own.
  File("on");
  ASSERT_EQ(mount(file.c_str(), Path("on").c_str(), nullptr, MS_BIND, nullptr), 0);
  ExpectTrue(kAlice, {"link", Path("on"), Path("l")}, EXDEV, "one-mount");
  ExpectTrue(kAlice, {"unlink", Path("on")}, EBUSY, "mountpoint");
  ExpectTrue(kAlice, {"rename", Path("on"), Path("l")}, EBUSY, "mountpoint");
  ASSERT_EQ(umount(Path("on").c_str()), 0);
  const Answer elsewhere = AskFor(kRoot, {"link", file, Elsewhere("l")});
  EXPECT_EQ(elsewhere.error, "EXDEV");
  EXPECT_THAT(elsewhere.reason, HasSubstr("different filesystems"));
  EXPECT_EQ(Call({"link", file, Elsewhere("l")}), EXDEV);
  ASSERT_EQ(umount(bound.c_str()), 0);
}

// S-EXPLAIN-1
TEST_F(Explain, FindsWhatIsReadOnly) {
  Directory("dir", kAlice, 0777);
  const std::string bound = MakeElsewhere("bound");
  File("dir/f");
  ASSERT_EQ(mount(Path("dir").c_str(), bound.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(mount(nullptr, bound.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), 0);
  const std::string file = bound + "/f";
  const auto check_all = [&] {
    ExpectTrue(kAlice, {"link", file, bound + "/l"}, EROFS, "read-only");
    ExpectTrue(kAlice, {"link", file, file}, EEXIST, "exists");
    ExpectTrue(kAlice, {"unlink", file}, EROFS, "read-only");
    ExpectTrue(kAlice, {"unlink", bound + "/none"}, EROFS, "read-only");
    ExpectTrue(kAlice, {"rename", file, bound + "/l"}, EROFS, "read-only");
    ExpectTrue(kAlice, {"write", file}, EROFS, "read-only");
  };
  check_all();
  ExpectTrue(kBob, {"write", file}, EACCES, "write");
  ASSERT_EQ(umount(bound.c_str()), 0);
  ASSERT_EQ(mount(Path("dir").c_str(), bound.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(mount(nullptr, top().path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  check_all();
  ExpectTrue(kBob, {"write", file}, EROFS, "read-only");
  ASSERT_EQ(umount(bound.c_str()), 0);
}

// S-EXPLAIN-1
TEST_F(Explain, FindsTheLinkCountAtItsLimit) {
  File("f");
  ASSERT_EQ(umount(top().path().c_str()), 0);
  ASSERT_EQ(RunCommand({"debugfs", "-w", "-R", "sif /f links_count 65000", disk().image()}).status, 0);
  ASSERT_EQ(RunCommand({"mount", "-o", "loop", disk().image(), top().path()}).status, 0);
  ASSERT_EQ(top().Nlink("f"), 65000U);
  ExpectTrue(kAlice, {"link", Path("f"), Path("l")}, EMLINK, "link-count");
  ExpectTrue(kAlice, {"rename", Path("f"), Path("g")}, 0);
}

// RETURNS: whether that filled it to the last block, for that user.
bool Fill(const std::string& path, const User& user) {
  return AsUser(user, [&path] {
           const UniqueFd file(open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0666));
           for (size_t bytes = 1 << 20; bytes >= 512; bytes /= 2) {
             const std::string zeros(bytes, '0');
             while (write(file.get(), zeros.data(), zeros.size()) > 0) {
             }
           }
           fsync(file.get());
           return errno == ENOSPC ? 0 : 1;
         }) == 0;
}

// S-EXPLAIN-1
TEST_F(Explain, FindsThatThereIsNoSpace) {
  Make("ext4", 16, {"-b", "1024", "-m", "5"});
  const std::string file = File("f");
  const std::string empty = Path("empty");
  ASSERT_EQ(top().Write("empty", ""), 0);
  ASSERT_EQ(top().Chown("empty", kAlice.uid, kAlice.gid), 0);
  Directory("d", kAlice, 0777);
  ASSERT_TRUE(Fill(Path("big"), kAlice));
  // There is room in the directory, but nobody can see where.
  const Answer unknown = AskFor(kAlice, {"link", file, Path("d/l")});
  EXPECT_EQ(unknown.status, 3);
  EXPECT_TRUE(Has(unknown, "space", "unknown")) << unknown.all.dump(2);
  ExpectTrue(kAlice, {"write", empty, "more"}, ENOSPC, "space");
  // The reserved blocks are root's.
  ExpectTrue(kRoot, {"link", file, Path("d/of-root")}, 0);
  const std::string name(250, 'n');
  int ended = 0;
  int links = 0;
  while (ended == 0 && links < 10) {
    const std::string link = Path("d/" + std::to_string(links++) + name);
    const Answer answer = AskFor(kAlice, {"link", file, link});
    ended = CallAs(kAlice, {"link", file, link});
    if (ended == 0) {
      EXPECT_EQ(answer.verdict, "unknown") << answer.all.dump(2);
    } else {
      EXPECT_EQ(answer.error, "ENOSPC") << answer.all.dump(2);
      ExpectTrue(kAlice, {"rename", file, link}, ENOSPC, "space");
    }
  }
  EXPECT_EQ(ended, ENOSPC);
}

// S-EXPLAIN-1
TEST_F(Explain, FindsThatThereIsNoSpaceForRootEither) {
  Make("ext4", 16, {"-b", "1024", "-m", "0"});
  ASSERT_EQ(top().Write("empty", ""), 0);
  ASSERT_TRUE(Fill(Path("big"), kRoot));
  ExpectTrue(kRoot, {"write", Path("empty"), "more"}, ENOSPC, "space");
}

// S-EXPLAIN-1
TEST_F(Explain, KnowsWhereALinkTakesAnInode) {
  Make("ext4", 16, {"-N", "16"});
  const std::string file = File("f");
  int made = 0;
  while (top().Write("i" + std::to_string(made), "").code == 0) ++made;
  ASSERT_LT(made, 16);
  ExpectTrue(kAlice, {"link", file, Path("l")}, 0);
  const std::string tmpfs = MakeElsewhere("tmpfs");
  ASSERT_EQ(mount("small", tmpfs.c_str(), "tmpfs", 0, "nr_inodes=2,mode=777"), 0);
  const Folder small(tmpfs);
  ASSERT_EQ(small.Write("f", "text"), 0);
  ASSERT_EQ(small.Chown("f", kAlice.uid, kAlice.gid), 0);
  ExpectTrue(kAlice, {"link", small.Path("f"), small.Path("l")}, ENOSPC, "inodes");
  ExpectTrue(kAlice, {"rename", small.Path("f"), small.Path("l")}, 0);
  ASSERT_EQ(umount(tmpfs.c_str()), 0);
}

// S-EXPLAIN-1
TEST_F(Explain, FindsProjects) {
  // Others need quotas for that.
  if (access("/usr/sbin/mkfs.xfs", X_OK) != 0) GTEST_SKIP() << "no xfs";
  Make("xfs", 400);
  const std::string file = File("f");
  Directory("d", kAlice, 0777);
  fsxattr attributes{};
  {
    const UniqueFd directory = top().Open("d", O_RDONLY);
    ASSERT_EQ(Ended(ioctl(directory.get(), FS_IOC_FSGETXATTR, &attributes)), 0);
    attributes.fsx_projid = 7;
    attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
    ASSERT_EQ(Ended(ioctl(directory.get(), FS_IOC_FSSETXATTR, &attributes)), 0);
  }
  ExpectTrue(kAlice, {"link", file, Path("d/l")}, EXDEV, "project");
  ExpectTrue(kAlice, {"rename", file, Path("d/l")}, EXDEV, "project");
  const UniqueFd opened = top().Open("f", O_RDONLY);
  ASSERT_EQ(Ended(ioctl(opened.get(), FS_IOC_FSGETXATTR, &attributes)), 0);
  attributes.fsx_projid = 7;
  ASSERT_EQ(Ended(ioctl(opened.get(), FS_IOC_FSSETXATTR, &attributes)), 0);
  ExpectTrue(kAlice, {"link", file, Path("d/l")}, 0);
}

// Limits in blocks of 1 KiB. RETURNS: the errno.
int SetQuota(const std::string& at, unsigned type, uid_t id, uint64_t soft, uint64_t hard) {
  const UniqueFd mount(open(at.c_str(), O_RDONLY));
  if_dqblk limits{};
  limits.dqb_bsoftlimit = soft;
  limits.dqb_bhardlimit = hard;
  limits.dqb_valid = QIF_BLIMITS;
  return syscall(SYS_quotactl_fd, mount.get(), QCMD(Q_SETQUOTA, type), id, &limits) == 0 ? 0 : errno;
}

// A suite of its own, for tests/vm: not every kernel has quotas.
class ExplainQuotas : public Explain {};

// S-EXPLAIN-1
TEST_F(ExplainQuotas, AreFound) {
  const std::string image = Elsewhere("quota.image");
  const std::string at = MakeElsewhere("quota");
  ASSERT_EQ(RunCommand({"truncate", "-s", "16M", image}).status, 0);
  ASSERT_EQ(RunCommand({"mkfs.ext4", "-q", "-F", "-b", "1024", "-O", "quota", image}).status, 0);
  ASSERT_EQ(RunCommand({"mount", "-o", "loop,usrquota,grpquota", image, at}).status, 0) << "the kernel has no quotas";
  const Folder limited(at);
  ASSERT_EQ(limited.Chmod(".", 0777), 0);
  for (const char* const name : {"f", "empty"}) {
    ASSERT_EQ(limited.Write(name, ""), 0);
    ASSERT_EQ(limited.Chown(name, kAlice.uid, kAlice.gid), 0);
    ASSERT_EQ(limited.Chmod(name, 0666), 0);
  }
  ASSERT_EQ(SetQuota(at, USRQUOTA, kAlice.uid, 0, 100), 0);
  ExpectTrue(kAlice, {"write", limited.Path("empty")}, 0);
  const int filled = AsUser(kAlice, [&limited] {
    const UniqueFd file = limited.Open("f", O_WRONLY);
    const std::string zeros(1024, '0');
    while (write(file.get(), zeros.data(), zeros.size()) > 0) {
    }
    return errno;
  });
  ASSERT_EQ(filled, EDQUOT);
  // What counts is whose the file is, and not who writes.
  for (const User& user : {kAlice, kBob}) {
    ExpectTrue(user, {"write", limited.Path("empty"), "more"}, EDQUOT, "quota");
  }
  const Answer himself = AskAs(kAlice, {"write", limited.Path("empty")});
  EXPECT_TRUE(Has(himself, "quota", "unknown")) << "whether small contents take blocks is not his to read";
  const Answer other = AskAs(kBob, {"write", limited.Path("empty")});
  EXPECT_EQ(other.verdict, "unknown") << other.all.dump(2);
  EXPECT_TRUE(Has(other, "quota", "unknown"));
  ExpectTrue(kRoot, {"write", limited.Path("empty"), "more"}, 0);
  ASSERT_EQ(umount(at.c_str()), 0);
}

// S-EXPLAIN-1
TEST_F(Explain, FindsWhoExecutesTheFile) {
  ASSERT_EQ(RunCommand({"cp", "/bin/sleep", Path("sleep")}).status, 0);
  ASSERT_EQ(top().Chmod("sleep", 0777), 0);
  const pid_t child = fork();
  if (child == 0) {
    execl(Path("sleep").c_str(), "sleep", "60", nullptr);
    _exit(1);
  }
  ASSERT_TRUE(Eventually([&] { return CallAs(kAlice, {"write", Path("sleep")}) != 0; }));
  ExpectTrue(kAlice, {"write", Path("sleep")}, ETXTBSY, "busy");
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

// S-EXPLAIN-1
TEST_F(Explain, FindsFilesystemsWithoutLinks) {
  if (!HasKind("exfat")) GTEST_SKIP() << "no exfat";
  Make("exfat", 64);
  ASSERT_EQ(top().Write("f", "text"), 0);
  ExpectTrue(kRoot, {"link", Path("f"), Path("l")}, EPERM, "has-links");
  EXPECT_THAT(AskFor(kRoot, {"link", Path("f"), Path("l")}).cure, HasSubstr("hardlinkfs"));
  const Answer answer = AskFor(kRoot, {"unlink", Path("f")});
  EXPECT_EQ(answer.verdict, "unknown") << "its server decides";
}

// S-EXPLAIN-1, S-EXPLAIN-3
TEST_F(Explain, LeavesToAFuseServerWhatIsItsOwn) {
  Directory("dir", kAlice, 0777);
  const std::string file = File("dir/f");
  const FaultyFilesystem mirror(Path("dir"), Elsewhere("mirror"));
  ExpectTrue(kAlice, {"link", file, mirror.path() + "/l"}, EXDEV, "one-mount");
  const Answer within = AskFor(kAlice, {"link", mirror.path() + "/f", mirror.path() + "/l"});
  EXPECT_EQ(within.verdict, "unknown");
  EXPECT_EQ(within.status, 3);
  EXPECT_TRUE(Has(within, "has-links", "unknown"));
}

// S-EXPLAIN-1
TEST_F(Explain, KnowsTheKernelsOwnFilesystems) {
  ExpectTrue(kRoot, {"link", "/proc/version", "/proc/version-link"}, ENOENT, "path");
  ExpectTrue(kRoot, {"link", "/sys/kernel/notes", "/sys/kernel/notes-link"}, EPERM, "has-links");
  ExpectTrue(kAlice, {"link", "/sys/kernel/notes", "/sys/kernel/notes-link"}, EPERM, "protected_hardlinks");
  ExpectTrue(kRoot, {"unlink", "/sys/kernel/notes"}, EPERM, "names");
  ExpectTrue(kRoot, {"unlink", "/proc/version"}, EPERM, "names");
  ExpectTrue(kAlice, {"unlink", "/proc/version"}, EACCES, "write-directory");
  ExpectTrue(kAlice, {"write", "/proc/version"}, EACCES, "write");
}

class ExplainOfACatalog : public MountTest {};
INSTANTIATE_TEST_SUITE_P(, ExplainOfACatalog, testing::ValuesIn(TestBackings()), NameOf);

// S-EXPLAIN-6
TEST_P(ExplainOfACatalog, FindsWhatAMountForbids) {
  const KernelSwitch protection(kProtectedHardlinks, "1");
  if (!protection.is_set()) GTEST_SKIP() << "no " << kProtectedHardlinks << " to write to";
  ASSERT_EQ(top().Chmod(".", 0777), 0);
  ASSERT_EQ(top().Write("f", "text"), 0);
  ASSERT_EQ(top().Mkdir("d", 0755), 0);
  EXPECT_EQ(AskFor(kRoot, {"unlink", top().Path("f")}).verdict, "allowed");
  EXPECT_EQ(AskFor(kRoot, {"rename", top().Path("f"), top().Path("g")}).verdict, "allowed");
  const Answer link = AskFor(kRoot, {"link", top().Path("f"), top().Path("d/l")});
  EXPECT_EQ(link.error, "") << link.all.dump(2);
  EXPECT_TRUE(Has(link, "mount-state", "pass"));
  ExpectTrue(kBob, {"link", top().Path("f"), top().Path("d/l")}, EPERM, "protected_hardlinks");
  ExpectTrue(kBob, {"unlink", top().Path("d/none")}, ENOENT, "path");
  ExpectTrue(kRoot, {"link", top().Path("f"), Outside("l")}, EXDEV, "one-mount");
  // Flags are the server's to enforce.
  {
    const Flagged flagged(top().Path("f"), FS_IMMUTABLE_FL);
    ExpectTrue(kRoot, {"unlink", top().Path("f")}, EPERM, "immutable");
    ExpectTrue(kRoot, {"write", top().Path("f")}, EPERM, "immutable");
    ExpectTrue(kBob, {"write", top().Path("f")}, EACCES, "write");
  }
  {
    const Flagged flagged(top().Path("f"), 0x08000000);  // iunlink
    ExpectTrue(kRoot, {"write", top().Path("f")}, EPERM, "iunlink");
    ExpectTrue(kRoot, {"rename", top().Path("f"), top().Path("g")}, 0);
    ASSERT_EQ(top().Rename("g", "f"), 0);
  }
  Remount("ro");
  ExpectTrue(kRoot, {"link", top().Path("f"), top().Path("l")}, EROFS, "read-only");
}

// S-EXPLAIN-6
TEST_P(ExplainOfACatalog, FindsADeadServer) {
  ASSERT_EQ(top().Write("f", "text"), 0);
  volume().KillServer();
  const Answer answer = AskFor(kRoot, {"unlink", top().Path("f")});
  EXPECT_EQ(answer.error, "ENOTCONN") << answer.all.dump(2);
  EXPECT_EQ(Call({"unlink", top().Path("f")}), ENOTCONN);
  Mount();
}

}  // namespace
}  // namespace hardlinkfs
