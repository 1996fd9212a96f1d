#include "mount-helpers/mount_points.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "mount-helpers/mount_table.h"

namespace hardlinkfs {
namespace {

// The words of the user's mistakes; strerror(3) says "Not a directory" of what may be any component.
std::string Reason(int code) {
  switch (code) {
    case ENOENT:
      return "no such directory";
    case ENOTDIR:
      return "not a directory";
    case EACCES:
    case EPERM:
      return "permission denied";
    default:
      return strerrordesc_np(code);
  }
}

bool UnmountByHelper(const std::string& mountpoint) {
  std::string path = mountpoint;
  std::array<std::string, 5> words{"fusermount3", "-u", "-z", "--", path};
  std::array<char*, 6> arguments{};
  std::transform(words.begin(), words.end(), arguments.begin(), [](std::string& word) { return word.data(); });
  pid_t child = 0;
  if (posix_spawnp(&child, "fusermount3", nullptr, nullptr, arguments.data(), environ) != 0) return false;
  int status = 0;
  return waitpid(child, &status, 0) == child && status == 0;
}

// RETURNS: whether something is mounted at `path` whose server has died.
bool IsDeadMount(const std::string& path) {
  // Not stat(2): the kernel would answer that from its cache, the server being dead or not.
  struct statfs ignored {};
  if (statfs(path.c_str(), &ignored) == 0) return false;
  // With io_uring the kernel finds out a moment after the server's end; what was asked in between ends with ECONNABORTED.
  return errno == ENOTCONN || errno == ECONNABORTED;
}

// A server that was killed leaves a mount behind on which everything fails with ENOTCONN.
std::optional<Failure> RemoveDeadMount(const std::string& path) {
  if (!IsDeadMount(path)) return std::nullopt;
  // realpath(3) does not work on it.
  const std::string absolute = std::filesystem::absolute(path).lexically_normal().string();
  const std::string plain = absolute.size() > 1 && absolute.back() == '/' ? absolute.substr(0, absolute.size() - 1) : absolute;
  const std::vector<MountEntry> table = ReadMountTable();
  const MountEntry* const dead = TopMountAt(table, plain);
  if (dead == nullptr || !dead->is_hardlinkfs()) return FailureOn(path, "the server of a filesystem mounted here has died", ENOTCONN);
  if (umount2(plain.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0 && !UnmountByHelper(plain)) {
    return FailureOn(path, "the server of a hardlinkfs mounted here has died, and it could not be unmounted", ENOTCONN);
  }
  std::fprintf(stderr, "hardlinkfs: %s: unmounted a hardlinkfs whose server had died\n", plain.c_str());
  return std::nullopt;
}

std::string RealPath(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr), &std::free);
  return real == nullptr ? std::string() : std::string(real.get());
}

std::optional<Failure> CheckNotCovered(const std::string& path) {
  const std::vector<MountEntry> table = ReadMountTable();
  const MountEntry* const top = TopMountAt(table, path);
  if (top == nullptr || !top->is_hardlinkfs()) return std::nullopt;
  return FailureOn(path, "a hardlinkfs of " + top->source + " is mounted here already", EBUSY);
}

std::optional<Failure> CheckMountpoint(const MountPoints& points) {
  struct stat attributes {};
  if (stat(points.mountpoint.c_str(), &attributes) != 0) return FailureOn(points.mountpoint, Reason(errno), errno);
  if (!S_ISDIR(attributes.st_mode)) return FailureOn(points.mountpoint, Reason(ENOTDIR), ENOTDIR);
  if (LiesInside(points.mountpoint, points.source_path)) {
    return FailureOn(points.mountpoint,
                     "lies inside the source, so that the server would ask itself; mount over the source itself, or elsewhere", ELOOP);
  }
  return CheckNotCovered(points.mountpoint);
}

}  // namespace

std::variant<SourceDirectory, Failure> OpenSource(const std::string& source) {
  if (auto failure = RemoveDeadMount(source)) return *failure;
  SourceDirectory opened;
  opened.directory = UniqueFd(open(source.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.directory.valid()) return FailureOn(source, Reason(errno), errno);
  opened.path = RealPath(source);
  if (opened.path.empty()) return FailureOn(source, Reason(errno), errno);
  if (auto failure = CheckNotCovered(opened.path)) return *failure;
  return opened;
}

std::variant<MountPoints, Failure> OpenMountPoints(const std::string& source, const std::string& mountpoint) {
  if (auto failure = RemoveDeadMount(mountpoint)) return *failure;
  std::variant<SourceDirectory, Failure> opened = OpenSource(source);
  if (const auto* const failure = std::get_if<Failure>(&opened)) return *failure;
  MountPoints points;
  points.source = std::move(std::get<SourceDirectory>(opened).directory);
  points.source_path = std::move(std::get<SourceDirectory>(opened).path);
  points.mountpoint = RealPath(mountpoint);
  if (points.mountpoint.empty()) return FailureOn(mountpoint, Reason(errno), errno);
  if (auto failure = CheckMountpoint(points)) return *failure;
  return points;
}

bool LiesInside(const std::string& inner, const std::string& outer) {
  if (inner == outer) return false;
  return inner.starts_with(outer == "/" ? outer : outer + "/");
}

std::string MountedAt(const std::string& source_path) {
  for (const MountEntry& entry : ReadMountTable()) {
    if (entry.is_hardlinkfs() && entry.source == source_path) return entry.mountpoint;
  }
  return {};
}

}  // namespace hardlinkfs
