#include "tests/integration/fixture.h"

#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <ostream>
#include <set>
#include <sstream>

namespace hardlinkfs {
namespace {

constexpr std::chrono::seconds kServerPatience{30};

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

// What findmnt(8) calls the filesystem of a directory, as a word for names of tests.
std::string FilesystemName(const std::string& directory) {
  const CommandResult found = RunCommand({"findmnt", "-nro", "SOURCE,FSTYPE", "--target", directory});
  std::string source;
  std::string type;
  std::istringstream(found.out) >> source >> type;
  if (type == "fuseblk") {
    const CommandResult probed = RunCommand({"blkid", "-o", "value", "-s", "TYPE", source});
    std::istringstream(probed.out) >> type;
  }
  std::erase_if(type, [](unsigned char c) { return !std::isalnum(c); });
  return type.empty() ? "unknown" : type;
}

// The daemon becomes our child when the command that started it ends (PR_SET_CHILD_SUBREAPER), so we know it, and get its exit status.
std::set<pid_t> Children() {
  std::set<pid_t> children;
  std::ifstream list("/proc/thread-self/children");
  for (pid_t child = 0; list >> child;) children.insert(child);
  return children;
}

// As umount(2); by fusermount3(1) where we are no root. RETURNS: 0 or an errno.
int UnmountAt(const std::string& mountpoint, int flags) {
  if (geteuid() == 0) return umount2(mountpoint.c_str(), flags) == 0 ? 0 : errno;
  const CommandResult unmounted = RunCommand({"fusermount3", (flags & MNT_DETACH) != 0 ? "-uz" : "-u", mountpoint});
  if (unmounted.status == 0) return 0;
  return unmounted.err.find("busy") != std::string::npos ? EBUSY : EINVAL;
}

// libfuse's mount(2) for the daemon, for us and in case the test that made it has died.
void UnmountAll(const std::string& below) {
  std::vector<std::string> mounted;
  std::ifstream table("/proc/self/mounts");
  for (std::string line; std::getline(table, line);) {
    std::istringstream words(line);
    std::string source;
    std::string target;
    words >> source >> target;
    if (target.starts_with(below + "/")) mounted.push_back(target);
  }
  std::for_each(mounted.rbegin(), mounted.rend(), [](const std::string& target) { UnmountAt(target, MNT_DETACH); });
}

}  // namespace

void PrintTo(const TestBacking& backing, std::ostream* out) {
  *out << backing.name << " at " << backing.directory << ", " << backing.regime;
}

std::vector<TestBacking> TestBackings() {
  static const std::vector<TestBacking> backings = [] {
    std::vector<TestBacking> found;
    const char* const given = getenv("HARDLINKFS_TEST_BACKINGS");
    for (const std::string& directory : Split(given == nullptr ? "" : given, ':')) found.push_back({FilesystemName(directory), directory});
    found.push_back({FilesystemName(TemporaryDirectory()), TemporaryDirectory()});
    struct statfs shm {};
    constexpr auto kTmpfs = 0x01021994;  // TMPFS_MAGIC
    if (statfs("/dev/shm", &shm) == 0 && shm.f_type == kTmpfs) found.push_back({"tmpfs", "/dev/shm"});
    std::vector<TestBacking> unique;
    for (const TestBacking& backing : found) {
      const bool twice = std::any_of(unique.begin(), unique.end(), [&](const TestBacking& other) { return other.name == backing.name; });
      if (!twice) unique.push_back(backing);
    }
    return unique;
  }();
  return backings;
}

std::vector<TestBacking> BackingsAndMirrors() {
  std::vector<TestBacking> all = TestBackings();
  for (const TestBacking& backing : TestBackings()) {
    if (backing.name == "exfat" || backing.name == "vfat") continue;
    all.push_back({backing.name + "Mirror", backing.directory, kMirrorRegime});
  }
  const char* const given = getenv("HARDLINKFS_TEST_MIRRORS");
  for (const std::string& directory : Split(given == nullptr ? "" : given, ':')) {
    all.push_back({FilesystemName(directory) + "Mirror", directory, kMirrorRegime});
  }
  return all;
}

std::vector<TestBacking> Mirrors() {
  std::vector<TestBacking> mirrors = BackingsAndMirrors();
  std::erase_if(mirrors, [](const TestBacking& backing) { return !backing.is_mirror(); });
  return mirrors;
}

std::string NameOf(const testing::TestParamInfo<TestBacking>& info) { return info.param.name; }

std::string TemporaryDirectory() {
  const char* const given = getenv("TMPDIR");
  return given == nullptr || *given == '\0' ? "/tmp" : given;
}

std::string Command() {
  const char* const given = getenv("HARDLINKFS_COMMAND");
  return given == nullptr ? HARDLINKFS_COMMAND : given;
}

void ExpectRefused(const CommandResult& result, int status) {
  EXPECT_EQ(result.status, status);
  EXPECT_TRUE(result.err.starts_with("hardlinkfs: ")) << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

ScratchDirectory::ScratchDirectory(const std::string& parent) : path_(parent + "/hardlinkfs-test.XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr)
    throw std::filesystem::filesystem_error("mkdtemp", path_, std::error_code(errno, std::generic_category()));
  chmod(path_.c_str(), 0755);  // other users are to get in
}

ScratchDirectory::~ScratchDirectory() {
  UnmountAll(path_);
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

MountedVolume::MountedVolume(std::string source, std::string mountpoint, std::string regime)
    : source_(std::move(source)), mountpoint_(std::move(mountpoint)), log_(mountpoint_ + ".log"), regime_(std::move(regime)) {}

MountedVolume::~MountedVolume() {
  if (server_ == 0) return;
  UnmountAt(mountpoint_, MNT_DETACH);
  const bool ended = Eventually([this] { return waitpid(server_, nullptr, WNOHANG) == server_; }, kServerPatience);
  if (ended) return;
  ADD_FAILURE() << "the server does not end";
  kill(server_, SIGKILL);
  waitpid(server_, nullptr, 0);
}

CommandResult MountedVolume::TryMount(const std::string& options, const std::optional<User>& user) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const std::set<pid_t> before = Children();
  const std::string log = user.has_value() ? "" : "log=" + log_;  // a user may not be able to write there
  std::string all;
  for (const std::string& some : {regime_, log, options}) {
    if (!some.empty()) all += (all.empty() ? "" : ",") + some;
  }
  std::vector<std::string> words{Command(), "mount"};
  if (!all.empty()) words.insert(words.end(), {"-o", all});
  words.insert(words.end(), {source_, mountpoint_});
  CommandResult result = RunCommand(words, user);
  std::vector<pid_t> fresh;
  const std::set<pid_t> after = Children();
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(fresh));
  for (const pid_t child : fresh) {
    // fusermount3 and failed servers end by themselves; what stays is the server.
    if (result.status != 0) {
      waitpid(child, nullptr, 0);
    } else if (waitpid(child, nullptr, WNOHANG) == 0) {
      server_ = child;
    }
  }
  return result;
}

void MountedVolume::Mount(const std::string& options, const std::optional<User>& user) {
  ASSERT_EQ(server_, 0) << "mounted already";
  const CommandResult result = TryMount(options, user);
  ASSERT_EQ(result.status, 0) << result.err << Log();
  ASSERT_GT(server_, 0) << "the server does not run";
}

int MountedVolume::WaitForServer() {
  if (server_ == 0) return -1;
  int status = 0;
  const pid_t server = server_;
  if (!Eventually([&] { return waitpid(server, &status, WNOHANG) == server; }, kServerPatience)) {
    ADD_FAILURE() << "the server does not end\n" << Log();
    kill(server, SIGKILL);
    waitpid(server, &status, 0);
  }
  server_ = 0;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void MountedVolume::Unmount() {
  ASSERT_GT(server_, 0) << "not mounted";
  // The last close of a file may still be on its way to the server.
  const bool unmounted = Eventually([this] { return UnmountAt(mountpoint_, 0) != EBUSY; }, std::chrono::seconds(5));
  if (!unmounted) {
    // Somebody, mostly the test itself, still has something open; the server would never end.
    ADD_FAILURE() << "the mount stays busy";
    UnmountAt(mountpoint_, MNT_DETACH);
    Signal(SIGTERM);
  }
  EXPECT_EQ(WaitForServer(), 0) << Log();
}

void MountedVolume::Remount(const std::string& options) {
  Unmount();
  Mount(options);
}

void MountedVolume::Signal(int signal) {
  ASSERT_GT(server_, 0) << "not mounted";
  ASSERT_EQ(kill(server_, signal), 0);
}

void MountedVolume::KillServer() {
  Signal(SIGKILL);
  EXPECT_EQ(WaitForServer(), 128 + SIGKILL);
}

std::string MountedVolume::Log() const {
  std::ifstream in(log_);
  return "log of the server:\n" + std::string(std::istreambuf_iterator<char>(in), {});
}

MountTest::MountTest()
    : elsewhere_(TemporaryDirectory()),
      source_(GetParam().directory),
      volume_(source_.path(), elsewhere_.path() + "/mnt", GetParam().regime),
      top_(volume_.mountpoint()),
      bare_(source_.path()) {
  umask(022);
  std::filesystem::create_directory(volume_.mountpoint());
}

void MountTest::LosePower() {
  volume_.KillServer();
  ASSERT_EQ(bare_.Unlink(".hardlinkfs/session"), 0);
}

void MountTest::TearDown() {
  if (volume_.mounted()) volume_.Unmount();
  if (HasFailure()) std::cerr << volume_.Log() << "\n";
}

}  // namespace hardlinkfs
