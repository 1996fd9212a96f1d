// chattr(1) and lsattr(1): S-FLAG-* of docs/semantics.md. What the flags let be done is compared with ext4, cell by cell.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/fixture.h"
#include "tests/integration/small_filesystem.h"

namespace hardlinkfs {
namespace {

constexpr unsigned kIunlink = 0x08000000;

Errno SetFlags(const Folder& folder, const std::string& name, unsigned flags) {
  const UniqueFd file = folder.Open(name, O_RDONLY);
  return file.valid() ? Ended(ioctl(file.get(), FS_IOC_SETFLAGS, &flags)) : Ended(-1);
}

// Those that this is about: ext4 has some of its own.
unsigned FlagsOf(const Folder& folder, const std::string& name) {
  const UniqueFd file = folder.Open(name, O_RDONLY);
  unsigned flags = 0;
  EXPECT_EQ(Ended(ioctl(file.get(), FS_IOC_GETFLAGS, &flags)), 0);
  return flags & (FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL | FS_SYNC_FL | kIunlink);
}

// Adds to, or takes away from, those that there are.
Errno Change(const Folder& folder, const std::string& name, const char* change) {
  const CommandResult result = RunCommand({"chattr", change, folder.Path(name)});
  if (result.status == 0) return {};
  return {result.err.find("busy") != std::string::npos ? EBUSY : result.err.find("permitted") != std::string::npos ? EPERM : EOPNOTSUPP};
}

using Operation = std::function<Errno(const Folder&)>;
struct Cell {
  const char* name;
  Operation run;
};

Errno Through(const UniqueFd& file, const std::function<ssize_t(int)>& call) { return file.valid() ? Ended(call(file.get())) : Ended(-1); }

constexpr timespec kLongAgo{1'000'000, 0};
constexpr timespec kNow{0, UTIME_NOW};

// On `f`, that has the flag.
const std::vector<Cell>& OnFiles() {
  static const std::vector<Cell> kCells{
      {"open for reading", [](const Folder& at) { return at.Opens("f", O_RDONLY); }},
      {"open for writing", [](const Folder& at) { return at.Opens("f", O_WRONLY); }},
      {"open with O_APPEND", [](const Folder& at) { return at.Opens("f", O_WRONLY | O_APPEND); }},
      {"open with O_APPEND and O_TRUNC", [](const Folder& at) { return at.Opens("f", O_WRONLY | O_APPEND | O_TRUNC); }},
      {"append", [](const Folder& at) { return at.Append("f", "more"); }},
      {"truncate", [](const Folder& at) { return at.Truncate("f", 1); }},
      {"fallocate",
       [](const Folder& at) {
         const Errno ended = Through(at.Open("f", O_WRONLY | O_APPEND), [](int fd) { return fallocate(fd, 0, 0, 9000); });
         return ended == EOPNOTSUPP ? Errno{} : ended;  // that is the backing's
       }},
      {"fallocate, punching",
       [](const Folder& at) {
         return Through(at.Open("f", O_WRONLY | O_APPEND),
                        [](int fd) { return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 2); });
       }},
      {"chmod", [](const Folder& at) { return at.Chmod("f", 0600); }},
      {"chown", [](const Folder& at) { return at.Chown("f", 61001, 61001); }},
      {"times to now", [](const Folder& at) { return at.SetTimes("f", kNow, kNow); }},
      {"one time to now",
       [](const Folder& at) {
         return at.SetTimes("f", kNow, {0, UTIME_OMIT});
       }},
      {"times to others", [](const Folder& at) { return at.SetTimes("f", kLongAgo, kLongAgo); }},
      {"setxattr", [](const Folder& at) { return at.SetXattr("f", "user.y", "1"); }},
      {"removexattr", [](const Folder& at) { return at.RemoveXattr("f", "user.x"); }},
      {"ACL",
       [](const Folder& at) {
         return Errno{RunCommand({"setfacl", "-m", "u:61002:r", at.Path("f")}).status == 0 ? 0 : EPERM};
       }},
      {"link", [](const Folder& at) { return at.Link("f", "link"); }},
      {"unlink", [](const Folder& at) { return at.Unlink("f"); }},
      {"rename", [](const Folder& at) { return at.Rename("f", "g"); }},
      {"be renamed over", [](const Folder& at) { return at.Rename("other", "f"); }},
      {"exchange", [](const Folder& at) { return at.Rename("other", "f", RENAME_EXCHANGE); }},
  };
  return kCells;
}

// On `d`, that has the flag, with a file `inside` and an empty directory `sub`.
const std::vector<Cell>& OnDirectories() {
  static const std::vector<Cell> kCells{
      {"list", [](const Folder& at) { return Errno{at.Names("d").size() == 2 ? 0 : EIO}; }},
      {"write a file in it", [](const Folder& at) { return at.Write("d/inside", "other"); }},
      {"create in it", [](const Folder& at) { return at.Write("d/new", ""); }},
      {"O_TMPFILE in it", [](const Folder& at) { return at.Opens("d", O_TMPFILE | O_RDWR); }},
      {"mkdir in it", [](const Folder& at) { return at.Mkdir("d/new"); }},
      {"symlink in it", [](const Folder& at) { return at.Symlink("t", "d/new"); }},
      {"mknod in it", [](const Folder& at) { return at.Mknod("d/new", S_IFIFO | 0600); }},
      {"link into it", [](const Folder& at) { return at.Link("other", "d/new"); }},
      {"rename into it", [](const Folder& at) { return at.Rename("other", "d/new"); }},
      {"rename over what is in it", [](const Folder& at) { return at.Rename("other", "d/inside"); }},
      {"rename in it", [](const Folder& at) { return at.Rename("d/inside", "d/new"); }},
      {"rename out of it", [](const Folder& at) { return at.Rename("d/inside", "new"); }},
      {"unlink in it", [](const Folder& at) { return at.Unlink("d/inside"); }},
      {"rmdir in it", [](const Folder& at) { return at.Rmdir("d/sub"); }},
      {"chmod of it", [](const Folder& at) { return at.Chmod("d", 0700); }},
      {"chown of it", [](const Folder& at) { return at.Chown("d", 61001, 61001); }},
      {"times of it to now", [](const Folder& at) { return at.SetTimes("d", kNow, kNow); }},
      {"times of it to others", [](const Folder& at) { return at.SetTimes("d", kLongAgo, kLongAgo); }},
      {"setxattr of it", [](const Folder& at) { return at.SetXattr("d", "user.x", "1"); }},
      {"rename of it", [](const Folder& at) { return at.Rename("d", "e"); }},
      {"rmdir of it", [](const Folder& at) { return at.Rmdir("d"); }},
  };
  return kCells;
}

void TakeFlagsAway(const Folder& at) {
  for (const std::string& name : at.Names()) {
    const Stat stat = at.Status(name);
    if (!S_ISREG(stat.mode) && !S_ISDIR(stat.mode)) continue;
    EXPECT_EQ(Change(at, name, "-ia"), 0) << name;
  }
}

std::string Run(const Folder& at, const std::string& flagged, unsigned flag, const Cell& cell) {
  EXPECT_EQ(at.Write("f", "text"), 0);
  EXPECT_EQ(at.SetXattr("f", "user.x", "1"), 0);
  EXPECT_EQ(at.Write("other", "other"), 0);
  EXPECT_EQ(at.Mkdir("d"), 0);
  EXPECT_EQ(at.Write("d/inside", "inside"), 0);
  EXPECT_EQ(at.Mkdir("d/sub"), 0);
  EXPECT_EQ(Change(at, flagged, flag == FS_IMMUTABLE_FL ? "+i" : "+a"), 0);
  const int ended = cell.run(at).code;
  TakeFlagsAway(at);
  for (const std::string& name : at.Names()) std::filesystem::remove_all(at.Path(name));
  return ended == 0 ? "yes" : strerrorname_np(ended);
}

// Rows of Markdown.
std::string TableOf(const Folder& at) {
  std::ostringstream table;
  const auto add = [&](const std::vector<Cell>& cells, const std::string& flagged) {
    for (const Cell& cell : cells) {
      table << "| " << cell.name << " | " << Run(at, flagged, FS_IMMUTABLE_FL, cell) << " | " << Run(at, flagged, FS_APPEND_FL, cell)
            << " |\n";
    }
  };
  table << "| of a file | immutable | append-only |\n|---|---|---|\n";
  add(OnFiles(), "f");
  table << "\n| of a directory | immutable | append-only |\n|---|---|---|\n";
  add(OnDirectories(), "d");
  return table.str();
}

class Flags : public MountTest {
 protected:
  // tmpfs has no xattrs for users before Linux 6.6, nor flags.
  bool are_kept() const {
    if (!GetParam().is_mirror()) return true;
    EXPECT_EQ(top().Write("probe", ""), 0);
    const bool kept = Change(top(), "probe", "+i") == 0 && Change(top(), "probe", "-i") == 0;
    EXPECT_EQ(top().Unlink("probe"), 0);
    return kept;
  }
};
INSTANTIATE_TEST_SUITE_P(, Flags, testing::ValuesIn(BackingsAndMirrors()), NameOf);

class FlagsOfACatalog : public MountTest {};
INSTANTIATE_TEST_SUITE_P(, FlagsOfACatalog, testing::ValuesIn(TestBackings()), NameOf);

// S-FLAG-1
TEST_P(Flags, ForbidWhatTheyForbidOnExt4) {
  const std::vector<std::string> kinds = KindsOfSmallFilesystems();
  if (std::ranges::find(kinds, "ext4") == kinds.end()) GTEST_SKIP() << "no ext4 to compare with";
  if (!are_kept()) GTEST_SKIP() << "the backing has no such flags";
  const ScratchDirectory scratch(TemporaryDirectory());
  const SmallFilesystem ext4("ext4", scratch.path() + "/disk");
  const Folder native(ext4.path());
  ASSERT_EQ(native.Mkdir("w"), 0);
  ASSERT_EQ(top().Mkdir("w"), 0);
  const std::string expected = TableOf(native.Sub("w"));
  EXPECT_EQ(TableOf(top().Sub("w")), expected);
  std::ifstream document(std::string(HARDLINKFS_SOURCE_DIR) + "/docs/semantics.md");
  const std::string text((std::istreambuf_iterator<char>(document)), std::istreambuf_iterator<char>());
  EXPECT_NE(text.find(expected), std::string::npos) << "docs/semantics.md has to have this table:\n" << expected;
}

// S-FLAG-2
TEST_P(Flags, AreOfTheInodeAndStay) {
  if (!are_kept()) GTEST_SKIP() << "the backing has no such flags";
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Link("a", "b"), 0);
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(Change(top(), "b", "+i"), 0);
  ASSERT_EQ(Change(top(), "d", "+a"), 0);
  EXPECT_EQ(FlagsOf(top(), "a"), unsigned{FS_IMMUTABLE_FL});
  EXPECT_EQ(top().Unlink("a"), EPERM);
  Remount();
  EXPECT_EQ(FlagsOf(top(), "a"), unsigned{FS_IMMUTABLE_FL});
  EXPECT_EQ(FlagsOf(top(), "d"), unsigned{FS_APPEND_FL});
  EXPECT_EQ(top().Write("a", "other"), EPERM);
  volume().KillServer();
  Mount();
  EXPECT_EQ(top().Write("b", "other"), EPERM);
  EXPECT_EQ(top().Read("b"), "text");
  // One inode: what is given to one of its names holds by the other.
  ASSERT_EQ(Change(top(), "a", "-i"), 0);
  ASSERT_EQ(top().Link("a", "c"), 0);
  ASSERT_EQ(Change(top(), "c", "+i"), 0);
  EXPECT_EQ(top().Write("b", "other"), EPERM);
  ASSERT_EQ(Change(top(), "b", "-i"), 0);
  ASSERT_EQ(Change(top(), "d", "-a"), 0);
  EXPECT_EQ(top().Write("c", "other"), 0);
}

// S-FLAG-2
TEST_P(FlagsOfACatalog, ThatForbidNothingAreStoredAndOthersRefused) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  EXPECT_EQ(Change(top(), "a", "+dAS"), 0);
  EXPECT_EQ(FlagsOf(top(), "a"), unsigned{FS_NODUMP_FL | FS_NOATIME_FL | FS_SYNC_FL});
  Remount();
  EXPECT_EQ(FlagsOf(top(), "a"), unsigned{FS_NODUMP_FL | FS_NOATIME_FL | FS_SYNC_FL});
  EXPECT_EQ(SetFlags(top(), "a", FS_COMPR_FL), EOPNOTSUPP);
  EXPECT_EQ(SetFlags(top(), "a", FS_NOCOW_FL), EOPNOTSUPP);
  EXPECT_EQ(FlagsOf(top(), "a"), unsigned{FS_NODUMP_FL | FS_NOATIME_FL | FS_SYNC_FL});
  // xfs_io's way.
  const UniqueFd file = top().Open("a", O_RDONLY);
  fsxattr attributes{};
  ASSERT_EQ(Ended(ioctl(file.get(), FS_IOC_FSGETXATTR, &attributes)), 0);
  EXPECT_EQ(attributes.fsx_xflags, unsigned{FS_XFLAG_NODUMP | FS_XFLAG_NOATIME | FS_XFLAG_SYNC});
  attributes.fsx_xflags = FS_XFLAG_IMMUTABLE;
  EXPECT_EQ(Ended(ioctl(file.get(), FS_IOC_FSSETXATTR, &attributes)), 0);
  EXPECT_EQ(FlagsOf(top(), "a"), unsigned{FS_IMMUTABLE_FL});
  ASSERT_EQ(Change(top(), "a", "-i"), 0);
}

// S-FLAG-3
TEST_P(Flags, TakeTheRightToGiveThem) {
  if (!are_kept()) GTEST_SKIP() << "the backing has no such flags";
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Chown("a", kAlice.uid, kAlice.gid), 0);
  EXPECT_EQ(AsUser(kAlice, [&] { return SetFlags(top(), "a", FS_IMMUTABLE_FL).code; }), EPERM);
  EXPECT_EQ(AsUser(kBob, [&] { return SetFlags(top(), "a", FS_NODUMP_FL).code; }) == 0, false);
  EXPECT_EQ(FlagsOf(top(), "a"), 0U);
  ASSERT_EQ(Change(top(), "a", "+a"), 0);
  EXPECT_EQ(AsUser(kAlice, [&] { return SetFlags(top(), "a", 0).code; }), EPERM);
  EXPECT_EQ(FlagsOf(top(), "a"), unsigned{FS_APPEND_FL});
  ASSERT_EQ(Change(top(), "a", "-a"), 0);
}

// S-FLAG-4
TEST_P(FlagsOfACatalog, AreNotGivenToWhatSomebodyMayStillWrite) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  for (const char* const flag : {"+i", "+a"}) {
    {
      const UniqueFd writer = top().Open("a", O_RDWR);
      EXPECT_EQ(Change(top(), "a", flag), EBUSY);
      void* const mapped = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, writer.get(), 0);
      ASSERT_NE(mapped, MAP_FAILED);
      const UniqueFd closed = UniqueFd(dup(writer.get()));
      EXPECT_EQ(Change(top(), "a", flag), EBUSY);
      munmap(mapped, 4096);
    }
    {
      void* mapped = nullptr;
      {
        const UniqueFd writer = top().Open("a", O_RDWR);
        mapped = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, writer.get(), 0);
        ASSERT_NE(mapped, MAP_FAILED);
      }
      EXPECT_EQ(Change(top(), "a", flag), EBUSY) << "the mapping outlives the descriptor";
      munmap(mapped, 4096);
    }
    EXPECT_TRUE(Eventually([&] { return Change(top(), "a", flag) == 0; }));
    EXPECT_EQ(top().Write("a", "other"), EPERM);
    EXPECT_EQ(top().Read("a"), "text");
    ASSERT_EQ(Change(top(), "a", "-ia"), 0);
    ASSERT_EQ(top().Unlink("a"), 0);
    ASSERT_EQ(top().Write("a", "text"), 0);
    const UniqueFd reader = top().Open("a", O_RDONLY);
    EXPECT_EQ(Change(top(), "a", flag), 0);
    EXPECT_EQ(top().Write("a", "other"), EPERM);
    EXPECT_EQ(ReadAll(reader.get()), "text");
    ASSERT_EQ(Change(top(), "a", "-ia"), 0);
  }
}

// S-FLAG-4
TEST_P(Flags, OfAppendOnlyHoldByAnyMeans) {
  if (!are_kept()) GTEST_SKIP() << "the backing has no such flags";
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(Change(top(), "a", "+a"), 0);
  {
    const UniqueFd file = top().Open("a", O_RDWR | O_APPEND);
    ASSERT_TRUE(file.valid());
    // On Linux that appends.
    EXPECT_EQ(pwrite(file.get(), "1", 1, 0), 1);
    EXPECT_EQ(top().Read("a"), "text1");
    // Where the kernel lets O_APPEND be taken away, that is of no use.
    const bool taken_away = fcntl(file.get(), F_SETFL, 0) == 0;
    EXPECT_EQ(Ended(taken_away ? pwrite(file.get(), "X", 1, 0) : -1), EPERM);
    void* const mapped = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (mapped != MAP_FAILED) {
      static_cast<char*>(mapped)[0] = 'X';
      EXPECT_NE(msync(mapped, 4096, MS_SYNC), 0);
      munmap(mapped, 4096);
    }
    EXPECT_EQ(Ended(ftruncate(file.get(), 0)), EPERM);
    const UniqueFd other = top().Open("other", O_CREAT | O_RDWR);
    ASSERT_EQ(WriteAll(other.get(), "other"), 0);
    off_t from = 0;
    off_t to = 0;
    EXPECT_LT(copy_file_range(other.get(), &from, file.get(), &to, 5, 0), 0);
  }
  Remount();
  EXPECT_EQ(top().Read("a"), "text1");
  const UniqueFd reader = top().Open("a", O_RDONLY);
  EXPECT_EQ(top().Append("a", "2"), 0);
  EXPECT_EQ(ReadAll(reader.get()), "text12");
  ASSERT_EQ(Change(top(), "a", "-a"), 0);
}

// S-FLAG-5
TEST_P(FlagsOfACatalog, OfIunlinkLeaveTheNamesFree) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(SetFlags(top(), "a", kIunlink), 0);
  EXPECT_EQ(top().Write("a", "other"), EPERM);
  EXPECT_EQ(top().Append("a", "other"), EPERM);
  EXPECT_EQ(top().Chmod("a", 0600), EPERM);
  EXPECT_EQ(top().SetXattr("a", "user.x", "1"), EPERM);
  EXPECT_EQ(top().Link("a", "b"), 0);
  EXPECT_EQ(top().Rename("b", "c"), 0);
  EXPECT_EQ(top().Unlink("a"), 0);
  EXPECT_EQ(top().Write("c", "other"), EPERM);
  EXPECT_EQ(top().Read("c"), "text");
  EXPECT_EQ(top().Unlink("c"), 0);
}

// S-FLAG-7
TEST(KeptFlags, OfAMirrorWhoseBackingHasNoneAreTheInodesAndHold) {
  const ScratchDirectory scratch(TemporaryDirectory());
  for (const char* const name : {"disk", "faulty", "mnt"}) ASSERT_EQ(Folder(scratch.path()).Mkdir(name), 0);
  const FaultyFilesystem rich(scratch.path() + "/disk", scratch.path() + "/faulty");
  rich.Fail("links");
  const Folder bare(rich.path());
  ASSERT_EQ(bare.Write("a", "text"), 0);
  ASSERT_EQ(bare.Write("open", "text"), 0);
  ASSERT_NE(RunCommand({"chattr", "+i", bare.Path("a")}).status, 0);
  MountedVolume volume(rich.path(), scratch.path() + "/mnt", kMirrorRegime);
  volume.Mount();
  const Folder top(volume.mountpoint());
  ASSERT_EQ(top.Link("a", "b"), 0);
  EXPECT_EQ(RunCommand({"chattr", "+i", top.Path("a")}).status, 0);
  EXPECT_EQ(top.Unlink("b"), EPERM);
  EXPECT_EQ(top.Link("b", "c"), EPERM);
  EXPECT_EQ(top.Opens("b", O_WRONLY), EPERM);
  EXPECT_EQ(top.Chmod("b", 0600), EPERM);
  EXPECT_EQ(top.Rename("a", "c"), EPERM);
  EXPECT_EQ(top.Read("a"), "text");
  volume.Remount();
  EXPECT_THAT(RunCommand({"lsattr", top.Path("b")}).out, testing::StartsWith("----i-"));
  EXPECT_EQ(top.Unlink("a"), EPERM);
  // Nobody sees them as xattrs, nor sets them so.
  EXPECT_EQ(getxattr(top.Path("a").c_str(), "trusted.hardlinkfs.flags", nullptr, 0), -1);
  EXPECT_EQ(setxattr(top.Path("open").c_str(), "trusted.hardlinkfs.flags", "10", 2, 0), -1);
  EXPECT_EQ(listxattr(top.Path("a").c_str(), nullptr, 0), 0);
  EXPECT_EQ(RunCommand({"chattr", "-i", top.Path("b")}).status, 0);
  EXPECT_EQ(top.Unlink("a"), 0);
  EXPECT_EQ(RunCommand({"chattr", "+a", top.Path("b")}).status, 0);
  EXPECT_EQ(top.Append("b", " and more"), 0);
  EXPECT_EQ(top.Write("b", "other"), EPERM);
  EXPECT_EQ(top.Read("b"), "text and more");
}

// S-FLAG-7
TEST(KeptFlags, AreRefusedWhereTheyCannotBeKept) {
  const ScratchDirectory scratch(TemporaryDirectory());
  for (const char* const name : {"disk", "faulty", "mnt"}) ASSERT_EQ(Folder(scratch.path()).Mkdir(name), 0);
  const FaultyFilesystem rich(scratch.path() + "/disk", scratch.path() + "/faulty");
  rich.Fail("links");
  MountedVolume volume(rich.path(), scratch.path() + "/mnt", kMirrorRegime);
  volume.Mount();
  const Folder top(volume.mountpoint());
  ASSERT_EQ(top.Write("a", "text"), 0);
  rich.Fail("");
  EXPECT_NE(RunCommand({"chattr", "+i", top.Path("a")}).status, 0);
  EXPECT_EQ(top.Unlink("a"), 0);
}

}  // namespace
}  // namespace hardlinkfs
