// A backing that is full: S-SPACE-* of docs/semantics.md. Each test has a small filesystem of its own.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"
#include "tests/integration/small_filesystem.h"

namespace hardlinkfs {
namespace {

bool IsNoRoom(const Errno& error) { return error == ENOSPC || error == EDQUOT; }
bool IsDoneOrNoRoom(const Errno& error) { return error == 0 || IsNoRoom(error); }

// RETURNS: how it ended, which is for want of room unless something is wrong.
Errno FillUp(const Folder& folder, const std::string& name) {
  const std::string chunk(1U << 20U, 'f');
  const UniqueFd file = folder.Open(name, O_CREAT | O_WRONLY | O_APPEND);
  if (!file.valid()) return Ended(-1);
  for (int i = 0; i < 100; ++i) {
    const Errno written = WriteAll(file.get(), chunk);
    if (!(written == 0)) return written;
  }
  return {};
}

class FullBacking : public testing::TestWithParam<std::string> {
 protected:
  FullBacking() : scratch_(TemporaryDirectory()), mountpoint_(scratch_.path() + "/mnt") { std::filesystem::create_directory(mountpoint_); }

  void SetUp() override {
    const bool quota = GetParam() == "quota";
    disk_.emplace(GetParam(), scratch_.path() + "/disk", quota || GetParam() == "tmpfs" ? 48 : 64);
    if (quota) faulty_.emplace(disk_->path(), scratch_.path() + "/quota");
    if (quota) faulty_->Fail("quota");
    const std::string source = (quota ? faulty_->path() : disk_->path()) + "/volume";
    std::filesystem::create_directory(source);
    volume_ = std::make_unique<MountedVolume>(source, mountpoint_);
    volume_->Mount();
  }

  void TearDown() override {
    if (volume_ != nullptr && volume_->mounted()) volume_->Unmount();
    if (HasFailure() && volume_ != nullptr) GTEST_LOG_(INFO) << volume_->Log();
    volume_.reset();
  }

  Errno Fill(const std::string& name) { return FillUp(top(), name); }
  // To the last block that can be had.
  void FillToTheBrim() {
    EXPECT_PRED1(IsNoRoom, Fill("filler"));
    for (int i = 0; i < 2000; ++i) {
      if (!(top().Write("brim " + std::to_string(i), std::string(4096, 'm')) == 0)) break;
    }
  }
  Folder top() const { return Folder(mountpoint_); }
  Folder bare() const { return Folder(volume_->source()); }
  MountedVolume& volume() { return *volume_; }

 private:
  ScratchDirectory scratch_;
  std::string mountpoint_;
  std::optional<SmallFilesystem> disk_;
  std::optional<FaultyFilesystem> faulty_;
  std::unique_ptr<MountedVolume> volume_;
};
INSTANTIATE_TEST_SUITE_P(, FullBacking, testing::ValuesIn(KindsOfSmallFilesystems()),
                         [](const auto& parameter) { return parameter.param; });

// S-SPACE-1
TEST_P(FullBacking, WritingMoreThanFitsIsEnospcAndLosesNothing) {
  ASSERT_EQ(top().Write("kept", "kept"), 0);
  EXPECT_PRED1(IsNoRoom, Fill("filler"));
  EXPECT_EQ(top().Read("kept"), "kept");
  volume().Remount();
  EXPECT_EQ(top().Read("kept"), "kept");
  EXPECT_THAT(top().Names(), testing::ElementsAre("filler", "kept"));
}

// S-SPACE-2, S-LINK-3
TEST_P(FullBacking, LinksMadeWhenFullAreThereOrWereRefusedWithEnospc) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_PRED1(IsNoRoom, Fill("filler"));
  uint32_t made = 0;
  Errno last;
  for (int i = 0; i < 5000 && last == 0; ++i) {
    last = top().Link("a", "link " + std::to_string(i) + std::string(200, 'x'));
    if (last == 0) ++made;
  }
  EXPECT_PRED1(IsNoRoom, last) << made << " links";
  EXPECT_EQ(top().Nlink("a"), made + 1);
  volume().Remount();
  EXPECT_EQ(top().Nlink("a"), made + 1);
  EXPECT_EQ(top().Names().size(), made + 2);
}

// S-SPACE-3
TEST_P(FullBacking, CanBeEmptiedAgain) {
  for (int i = 0; i < 200; ++i) ASSERT_EQ(top().Write("small " + std::to_string(i), "x"), 0);
  ASSERT_PRED1(IsNoRoom, Fill("filler"));
  // Also the last block, as far as it can be had.
  for (int i = 0; i < 2000; ++i) {
    if (!(top().Write("more " + std::to_string(i), std::string(4096, 'm')) == 0)) break;
  }
  for (const std::string& name : top().Names()) EXPECT_EQ(top().Unlink(name), 0) << name;
  EXPECT_THAT(top().Names(), testing::IsEmpty());
  EXPECT_TRUE(Eventually([&] { return top().Write("new", std::string(8U << 20U, 'n')) == 0; })) << "the space does not come back";
  volume().Remount();
  EXPECT_EQ(top().Status("new").size, 8U << 20U);
  EXPECT_THAT(top().Names(), testing::ElementsAre("new"));
}

// S-SPACE-4
TEST_P(FullBacking, ACreationThatFailsLeavesNoName) {
  ASSERT_PRED1(IsNoRoom, Fill("filler"));
  std::vector<std::string> made{"filler"};
  for (int i = 0; i < 3000; ++i) {
    const std::string name = "d" + std::to_string(i) + std::string(100, 'x');
    const Errno error = top().Mkdir(name);
    if (!(error == 0)) {
      EXPECT_PRED1(IsNoRoom, error);
      break;
    }
    made.push_back(name);
  }
  std::sort(made.begin(), made.end());
  EXPECT_TRUE(top().Names() == made);
  volume().Remount();
  EXPECT_TRUE(top().Names() == made) << made.size() << " were made, " << top().Names().size() << " are there";
}

// What can be seen of one name, and must not change when an operation fails.
std::string Picture(const Folder& folder, const std::string& name) {
  const Stat stat = folder.Status(name);
  std::string text = Description(stat);
  for (const std::string& xattr : folder.Xattrs(name)) text += xattr + " " + folder.Xattr(name, xattr).value_or("-") + "\n";
  return text + (S_ISREG(stat.mode) ? folder.Read(name) : "");
}

// Of all but what only takes up room.
std::map<std::string, std::string> Pictures(const Folder& folder) {
  std::map<std::string, std::string> pictures;
  for (const std::string& path : folder.Tree()) {
    const bool is_filler = path.starts_with("filler") || path.starts_with("brim") || path == "dir/copy";
    pictures[path] = is_filler ? "" : Picture(folder, path);
  }
  return pictures;
}

// S-SPACE-5
TEST_P(FullBacking, EveryOperationIsDoneOrFailsWithoutEffect) {
  for (const char* name : {"a", "b", "c", "d"}) ASSERT_EQ(top().Write(name, name), 0);
  ASSERT_EQ(top().Mkdir("dir"), 0);
  ASSERT_EQ(top().Link("a", "linked"), 0);
  FillToTheBrim();
  using Operation = std::function<Errno()>;
  const std::vector<std::pair<std::string, Operation>> operations = {
      {"link", [&] { return top().Link("a", "dir/new" + std::string(200, 'x')); }},
      {"rename", [&] { return top().Rename("b", "dir/renamed"); }},
      {"rename replacing", [&] { return top().Rename("c", "linked"); }},
      {"setxattr", [&] { return top().SetXattr("a", "user.x", std::string(4000, 'x')); }},
      {"chmod", [&] { return top().Chmod("a", 0600); }},
      {"chown", [&] { return top().Chown("a", 7, 8); }},
      {"utimensat",
       [&] {
         return top().SetTimes("a", {1, 2}, {3, 4});
       }},
      {"symlink", [&] { return top().Symlink(std::string(4000, 't'), "symlink"); }},
      {"mkdir", [&] { return top().Mkdir("dir/sub"); }},
      {"mknod", [&] { return top().Mknod("dir/fifo", S_IFIFO | 0600); }},
      {"truncate up", [&] { return top().Truncate("d", 60 << 20); }},
      {"truncate down", [&] { return top().Truncate("d", 0); }},
      {"fallocate",
       [&] {
         const UniqueFd file = top().Open("a", O_RDWR);
         const Errno ended = Ended(fallocate(file.get(), 0, 0, 60 << 20));
         return ended == EOPNOTSUPP ? Errno{} : ended;
       }},
      {"O_TMPFILE", [&] { return top().Opens(".", O_TMPFILE | O_RDWR); }},
      {"copy_file_range",
       [&] {
         const UniqueFd from = top().Open("filler", O_RDONLY);
         const UniqueFd to = top().Open("dir/copy", O_CREAT | O_WRONLY);
         if (!to.valid()) return Ended(-1);
         ssize_t copied = 1;
         while (copied > 0) copied = copy_file_range(from.get(), nullptr, to.get(), nullptr, 8U << 20U, 0);
         return Ended(copied);
       }},
  };
  for (int round = 0; round < 3; ++round) {
    for (const auto& [name, operation] : operations) {
      const std::map<std::string, std::string> before = Pictures(top());
      const Errno ended = operation();
      const bool was_done = round > 0 && (ended == EEXIST || ended == ENOENT);  // by the last round
      EXPECT_TRUE(was_done || IsDoneOrNoRoom(ended)) << name << ": " << testing::PrintToString(ended);
      if (ended == 0 || name == "copy_file_range") continue;
      if (name == "fallocate") {
        // ext4 keeps what it has found room for.
        EXPECT_TRUE(top().Read("a").starts_with("a")) << name << " changed the content";
        continue;
      }
      EXPECT_TRUE(Pictures(top()) == before) << name << " failed and has an effect";
    }
    const UniqueFd file = top().Open("a", O_RDWR);
    EXPECT_EQ(Ended(fsync(file.get())), 0) << "on a full disk what is there can be made durable";
  }
  volume().Remount();
  std::vector<std::string> tree = top().Tree();
  std::reverse(tree.begin(), tree.end());  // what is in a directory comes before it
  for (const std::string& path : tree) EXPECT_EQ(path.ends_with("/") ? top().Rmdir(path) : top().Unlink(path), 0) << path;
}

// S-SPACE-3, S-SPACE-6
TEST_P(FullBacking, IsFilledAndEmptiedAgainAndAgainWithoutARemount) {
  for (int round = 0; round < 6; ++round) {
    ASSERT_EQ(top().Mkdir("dir"), 0) << round;
    ASSERT_TRUE(Eventually([&] { return top().Write("dir/kept", "kept") == 0; })) << round;
    FillToTheBrim();
    EXPECT_EQ(top().Read("dir/kept"), "kept");
    for (const std::string& name : top().Names()) EXPECT_EQ(name == "dir" ? 0 : top().Unlink(name).code, 0) << name;
    EXPECT_EQ(top().Unlink("dir/kept"), 0);
    EXPECT_EQ(top().Rmdir("dir"), 0);
    EXPECT_TRUE(Eventually([&] { return top().Write("again", std::string(4U << 20U, 'a')) == 0; })) << "round " << round;
    EXPECT_EQ(top().Unlink("again"), 0);
    EXPECT_TRUE(Eventually([&] { return top().Mkdir("dir") == 0 && top().Rmdir("dir") == 0; })) << "round " << round;
  }
}

// S-SPACE-3
TEST_P(FullBacking, CanBeEmptiedAfterAnyNumberOfChangesOfAttributes) {
  constexpr int kFiles = 300;
  for (int i = 0; i < kFiles; ++i) ASSERT_EQ(top().Write("small " + std::to_string(i), "x"), 0);
  FillToTheBrim();
  // Each takes a little room of the log, and none gives any back.
  Errno last;
  for (mode_t round = 0; round < 200 && last == 0; ++round) {
    for (int i = 0; i < kFiles && last == 0; ++i) last = top().Chmod("small " + std::to_string(i), 0600 + round % 8);
  }
  EXPECT_PRED1(IsDoneOrNoRoom, last);
  for (const std::string& name : top().Names()) EXPECT_EQ(top().Unlink(name), 0) << name;
  EXPECT_TRUE(Eventually([&] { return top().Write("new", std::string(4U << 20U, 'n')) == 0; })) << "the space does not come back";
}

// S-SPACE-7, S-PERSIST-2
TEST_P(FullBacking, LosesNothingWhenTheServerIsKilled) {
  ASSERT_EQ(top().Write("a", "a"), 0);
  ASSERT_EQ(top().Link("a", "b"), 0);
  FillToTheBrim();
  const std::vector<std::string> names = top().Names();
  ASSERT_EQ(top().Chmod("a", 0604), 0);
  ASSERT_EQ(top().Unlink("b"), 0);
  for (int round = 0; round < 3; ++round) {
    volume().KillServer();
    volume().Mount();
    EXPECT_EQ(top().Names().size(), names.size() - 1);
    EXPECT_EQ(top().Read("a"), "a");
    EXPECT_EQ(top().Nlink("a"), 1U);
    EXPECT_EQ(top().Status("a").permissions(), 0604U);
  }
  for (const std::string& name : top().Names()) EXPECT_EQ(top().Unlink(name), 0) << name;
  EXPECT_TRUE(Eventually([&] { return top().Write("new", std::string(4U << 20U, 'n')) == 0; })) << "the space does not come back";
}

// S-SPACE-7
TEST_P(FullBacking, IsSettledAndUnmountedWithoutALoss) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(top().Write("f" + std::to_string(i), std::to_string(i)), 0);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(top().Rename("f" + std::to_string(i), "d/moved" + std::to_string(i)), 0);
  ASSERT_EQ(top().Write("open", "without a name"), 0);
  UniqueFd open = top().Open("open", O_RDWR);
  FillToTheBrim();
  ASSERT_EQ(top().Unlink("open"), 0);
  EXPECT_EQ(ReadAll(open.get()), "without a name");
  const std::vector<std::string> tree = top().Tree();
  open = UniqueFd();
  for (int round = 0; round < 2; ++round) {
    volume().Remount();
    EXPECT_TRUE(top().Tree() == tree);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(top().Read("d/moved" + std::to_string(i)), std::to_string(i));
  }
  volume().Unmount();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(bare().Read("d/moved" + std::to_string(i)), std::to_string(i));
  volume().Mount();
}

// S-SPACE-8
TEST_P(FullBacking, ASizeThatNoFileCanHaveIsEfbig) {
  ASSERT_EQ(top().Write("a", "a"), 0);
  const UniqueFd file = top().Open("a", O_RDWR);
  const Errno ended = Ended(ftruncate(file.get(), off_t{1} << 62));
  if (ended == 0) {
    EXPECT_TRUE(GetParam() == "tmpfs" || GetParam() == "quota") << "only there files can be that big";
    EXPECT_EQ(top().Status("a").size, uint64_t{1} << 62);
    ASSERT_EQ(Ended(ftruncate(file.get(), 1)), 0);
  } else {
    EXPECT_EQ(ended, EFBIG);
  }
  EXPECT_EQ(top().Read("a"), "a");
}

// S-SPACE-5, S-SPACE-6
TEST(FullBackingOfInodes, IsEnospcAndCanBeEmptied) {
  const std::vector<std::string> kinds = KindsOfSmallFilesystems();
  if (std::ranges::find(kinds, "ext4") == kinds.end()) GTEST_SKIP() << "no ext4";
  const ScratchDirectory scratch(TemporaryDirectory());
  const SmallFilesystem disk("ext4", scratch.path() + "/disk", 64, {"-q", "-N", "200"});
  std::filesystem::create_directory(disk.path() + "/volume");
  std::filesystem::create_directory(scratch.path() + "/mnt");
  MountedVolume volume(disk.path() + "/volume", scratch.path() + "/mnt");
  volume.Mount();
  const Folder top(volume.mountpoint());
  for (int round = 0; round < 3; ++round) {
    Errno last;
    int made = 0;
    for (; made < 1000; ++made) {
      last = top.Write("f" + std::to_string(made), "x");
      if (!(last == 0)) break;
    }
    EXPECT_EQ(last, ENOSPC);
    EXPECT_EQ(top.Names().size(), static_cast<size_t>(made));
    EXPECT_EQ(top.Link("f0", "a link takes no inode"), 0);
    EXPECT_EQ(top.Mkdir("d"), ENOSPC);
    EXPECT_EQ(top.Symlink("t", "a symlink takes none either"), 0);
    for (const std::string& name : top.Names()) EXPECT_EQ(top.Unlink(name), 0) << name;
    EXPECT_TRUE(Eventually([&] { return top.Write("f0", "x") == 0; })) << "they do not come back";
    volume.Remount();
    EXPECT_EQ(top.Unlink("f0"), 0);
  }
  volume.Unmount();
}

// S-MIRROR-12
TEST(FullMirror, KeepsTheReserveFromEverybody) {
  const std::vector<std::string> kinds = KindsOfSmallFilesystems();
  if (std::ranges::find(kinds, "ext4") == kinds.end()) GTEST_SKIP() << "no ext4";
  for (const std::string passthrough : {"auto", "off"}) {
    SCOPED_TRACE(passthrough);
    const ScratchDirectory scratch(TemporaryDirectory());
    const SmallFilesystem disk("ext4", scratch.path() + "/disk", 64, {"-q", "-m", "50"});
    std::filesystem::create_directory(scratch.path() + "/mnt");
    MountedVolume volume(disk.path(), scratch.path() + "/mnt");
    volume.Mount("names=backing,passthrough=" + passthrough);
    const Folder top(volume.mountpoint());
    ASSERT_EQ(top.Chmod(".", 0777), 0);
    const User user{61001, 61001, {}};
    EXPECT_EQ(AsUser(user, [&] { return FillUp(top, "filler").code; }), ENOSPC);
    EXPECT_EQ(FillUp(top, "root's"), ENOSPC);
    struct statvfs left {};
    ASSERT_EQ(statvfs(disk.path().c_str(), &left), 0);
    EXPECT_GT(left.f_bfree * left.f_frsize, 20U << 20U);
    volume.Unmount();
  }
}

class FullStore : public testing::TestWithParam<std::string> {
 protected:
  FullStore() : scratch_(TemporaryDirectory()), mountpoint_(scratch_.path() + "/mnt"), source_(scratch_.path() + "/source") {
    std::filesystem::create_directory(mountpoint_);
    std::filesystem::create_directory(source_);
  }
  ScratchDirectory scratch_;
  std::string mountpoint_;
  std::string source_;
};
INSTANTIATE_TEST_SUITE_P(, FullStore, testing::Values("ext4", "tmpfs"), [](const auto& parameter) { return parameter.param; });

// S-SPACE-9
TEST_P(FullStore, IsAsAFullBacking) {
  const std::vector<std::string> kinds = KindsOfSmallFilesystems();
  if (std::ranges::find(kinds, GetParam()) == kinds.end()) GTEST_SKIP() << "no " << GetParam();
  const SmallFilesystem disk(GetParam(), scratch_.path() + "/disk", 48);
  MountedVolume volume(source_, mountpoint_);
  const std::string options = "store=" + disk.path() + "/catalog";
  volume.Mount(options);
  const Folder top(mountpoint_);
  ASSERT_EQ(top.Write("a", "text"), 0);
  for (int i = 0; i < 200; ++i) ASSERT_EQ(top.Write("f" + std::to_string(i), "x"), 0);
  ASSERT_EQ(FillUp(Folder(disk.path()), "filler of somebody else's"), ENOSPC);
  uint32_t made = 0;
  Errno last;
  for (; made < 20000 && last == 0; ++made) last = top.Link("a", "link " + std::to_string(made) + std::string(200, 'x'));
  EXPECT_EQ(last, ENOSPC);
  EXPECT_EQ(top.Nlink("a"), made);  // the last was refused
  const UniqueFd file = top.Open("a", O_RDWR);
  EXPECT_EQ(WriteAll(file.get(), "more"), 0) << "the backing has room";
  EXPECT_EQ(Ended(fsync(file.get())), 0);
  volume.KillServer();
  volume.Mount(options);
  EXPECT_EQ(top.Nlink("a"), made);
  EXPECT_EQ(top.Read("a"), "more");
  for (int i = 0; i < 200; ++i) EXPECT_EQ(top.Unlink("f" + std::to_string(i)), 0);
  EXPECT_EQ(Folder(disk.path()).Unlink("filler of somebody else's"), 0);
  EXPECT_TRUE(Eventually([&] { return top.Link("a", "b") == 0; })) << "it does not go on";
  volume.Remount(options);
  EXPECT_EQ(top.Nlink("a"), made + 1);
  volume.Unmount();
}

}  // namespace
}  // namespace hardlinkfs
