#include "tests/integration/small_filesystem.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <utility>

#include "tests/integration/fixture.h"
#include "tests/integration/process.h"

namespace hardlinkfs {
namespace {

// A FUSE filesystem lets go of its device a moment after it was unmounted.
void UnmountWhenIdle(const std::string& path) {
  EXPECT_TRUE(Eventually([&] { return umount2(path.c_str(), 0) == 0 || errno == EINVAL || errno == ENOENT; })) << path << " stays busy";
}

}  // namespace

std::vector<std::string> KindsOfSmallFilesystems() {
  std::vector<std::string> kinds;
  for (const TestBacking& backing : TestBackings()) {
    if (backing.name == "exfat" || backing.name == "ext4" || backing.name == "tmpfs") kinds.push_back(backing.name);
    if (backing.name == "tmpfs" && geteuid() == 0) kinds.emplace_back("quota");
  }
  return kinds;
}

SmallFilesystem::SmallFilesystem(std::string kind, std::string at, unsigned megabytes, const std::vector<std::string>& mkfs_options)
    : kind_(std::move(kind)), path_(std::move(at)), image_(path_ + ".image") {
  std::filesystem::create_directory(path_);
  if (kind_ == "tmpfs" || kind_ == "quota") {
    const std::string size = "size=" + std::to_string(megabytes) + "m";
    EXPECT_EQ(Ended(mount("small", path_.c_str(), "tmpfs", 0, size.c_str())), 0);
    return;
  }
  EXPECT_EQ(RunCommand({"truncate", "-s", std::to_string(megabytes) + "M", image_}).status, 0);
  std::vector<std::string> mkfs{"mkfs." + kind_};
  mkfs.insert(mkfs.end(), mkfs_options.begin(), mkfs_options.end());
  mkfs.push_back(image_);
  EXPECT_EQ(RunCommand(mkfs).status, 0);
  Attach();
  Mount();
}

void SmallFilesystem::Attach() {
  const CommandResult attached = RunCommand({"losetup", "-f", "--show", image_});
  EXPECT_EQ(attached.status, 0) << attached.err;
  loop_ = attached.out.substr(0, attached.out.find('\n'));
}

void SmallFilesystem::Mount() {
  const CommandResult mounted =
      kind_ == "exfat" ? RunCommand({"mount.exfat-fuse", loop_, path_}) : RunCommand({"mount", "-t", kind_, loop_, path_});
  EXPECT_EQ(mounted.status, 0) << mounted.err;
}

void SmallFilesystem::Unmount() {
  UnmountWhenIdle(path_);
  if (loop_.empty()) return;
  EXPECT_TRUE(Eventually([&] { return RunCommand({"losetup", "-d", loop_}).status == 0; }));
  loop_.clear();
}

void SmallFilesystem::MountAgain() {
  Unmount();
  RunCommand({"fsck." + kind_, "-fy", image_});
  Attach();
  Mount();
}

SmallFilesystem::~SmallFilesystem() { Unmount(); }

FaultyFilesystem::FaultyFilesystem(const std::string& directory, std::string at) : path_(std::move(at)), control_(path_ + ".control") {
  std::filesystem::create_directory(path_);
  Fail("");
  struct stat before {};
  EXPECT_EQ(stat(path_.c_str(), &before), 0);
  server_ = fork();
  if (server_ == 0) {
    execl(HARDLINKFS_FAULTY_FS, "faulty_fs", directory.c_str(), control_.c_str(), path_.c_str(), nullptr);
    _exit(127);
  }
  EXPECT_TRUE(Eventually([&] {
    struct stat now {};
    return stat(path_.c_str(), &now) == 0 && now.st_dev != before.st_dev;
  })) << "faulty_fs does not mount";
}

FaultyFilesystem::~FaultyFilesystem() {
  Fail("");
  UnmountWhenIdle(path_);
  EXPECT_TRUE(Eventually([&] { return waitpid(server_, nullptr, WNOHANG) == server_; }));
}

void FaultyFilesystem::Fail(const std::string& words) const {
  // In one step, since it is read at any time.
  std::ofstream(control_ + ".new") << words;
  std::filesystem::rename(control_ + ".new", control_);
}

}  // namespace hardlinkfs
