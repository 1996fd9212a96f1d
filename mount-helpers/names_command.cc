// The server tells the names below a directory that it is asked by, and cannot know which part of its mount a caller sees (a bind mount of
// a subdirectory, a chroot). So the highest directory is asked that is above the file in the same mount and may be listed; and those below
// it where others in between may not.
#include "mount-helpers/names_command.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "fuse/lowlevel/control.h"
#include "mount-helpers/control_file.h"
#include "mount-helpers/failure.h"
#include "mount-helpers/printed_path.h"
#include "store/backing/linux_calls.h"
#include "store/base/result.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {
namespace {

constexpr char kSearchInstead[] =
    "a mirror (names=backing) cannot tell the names of a file; 'find MOUNTPOINT -xdev -samefile FILE' searches them";

struct File {
  UniqueFd itself;  // O_PATH: to open a device or a fifo is to use it
  struct stat seen {};

  bool is_directory() const { return S_ISDIR(seen.st_mode); }
  size_t name_count() const { return is_directory() ? 1 : seen.st_nlink; }
};

bool AreSame(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

Failure FailureOf(const std::string& path, int code) {
  return code == EOPNOTSUPP ? FailureOn(path, kSearchInstead, code, ExitStatus::kSystem) : ControlFailure(path, code);
}

// A symlink is looked at itself: it can have several names, too.
std::variant<File, Failure> OpenItself(const std::string& path) {
  File file{.itself = UniqueFd(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC))};
  if (!file.itself.valid() || fstat(file.itself.get(), &file.seen) != 0) return FailureOf(path, errno);
  if (const int code = CheckReachable(file.itself.get()); code != 0) return FailureOf(path, code);
  return file;
}

// RETURNS: one that is not valid above the root of the mount.
UniqueFd OpenAbove(int directory) {
  const open_how how{.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_NO_XDEV};
  return UniqueFd(static_cast<int>(syscall(SYS_openat2, directory, "..", &how, sizeof how)));
}

// RETURNS: those above `file` in its mount (itself too, if it is one) that may be listed, from the highest down.
std::vector<UniqueFd> ListableAbove(const std::string& path, const File& file) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  UniqueFd at(file.is_directory() ? fcntl(file.itself.get(), F_DUPFD_CLOEXEC, 0)
                                  : open(parent.empty() ? "." : parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  std::vector<UniqueFd> listable;
  struct stat seen {};
  while (at.valid() && fstat(at.get(), &seen) == 0 && seen.st_dev == file.seen.st_dev) {
    UniqueFd opened(openat(at.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (opened.valid()) listable.push_back(std::move(opened));
    UniqueFd above = OpenAbove(at.get());
    struct stat seen_above {};
    const bool is_top = !above.valid() || fstat(above.get(), &seen_above) != 0 || AreSame(seen, seen_above);
    at = is_top ? UniqueFd() : std::move(above);
  }
  std::reverse(listable.begin(), listable.end());
  return listable;
}

// RETURNS: the path of what `fd` refers to, which it shows; ESTALE when another mount covers it, or its own was detached.
Result<std::string> PathOf(int fd) {
  Result<std::string> path = ReadLinkAt(AT_FDCWD, ProcPath(fd).c_str());
  if (!path.ok()) return path;
  struct stat seen {};
  struct stat shown {};
  if (fstat(fd, &seen) != 0 || lstat(path->c_str(), &shown) != 0) return LastError("stat");
  return AreSame(seen, shown) ? path : Error{ESTALE, "the path shows something else"};
}

// Adds the paths of the names below `directory`.
Status Collect(int directory, uint64_t inode, std::set<std::string>& paths) {
  const Result<std::string> top = PathOf(directory);
  if (!top.ok()) return top.error();
  const std::string prefix = *top == "/" ? *top : *top + "/";
  NamesExchange exchange{};
  do {
    exchange.inode = inode;
    if (ioctl(directory, kControlNames, &exchange) != 0) return LastError("ioctl");
    std::string_view text(exchange.text, std::min<size_t>(exchange.bytes, sizeof exchange.text));
    for (size_t end = 0; (end = text.find('\0')) != std::string_view::npos; text.remove_prefix(end + 1)) {
      paths.insert(prefix + std::string(text.substr(0, end)));
    }
  } while (exchange.directory != 0 || exchange.offset != 0);
  return {};
}

std::variant<std::set<std::string>, Failure> FindNames(const std::string& path, const File& file) {
  const std::vector<UniqueFd> directories = ListableAbove(path, file);
  if (directories.empty()) {
    return FailureOn(path, "there is no directory above it in its mount that you may list", EACCES, ExitStatus::kSystem);
  }
  std::set<std::string> paths;
  // The name by which the file was given is no secret to who gave it.
  if (Result<std::string> given = PathOf(file.itself.get()); given.ok()) paths.insert(*std::move(given));
  for (const UniqueFd& directory : directories) {
    if (const Status asked = Collect(directory.get(), file.seen.st_ino, paths); !asked.ok()) return FailureOf(path, asked.code());
    if (paths.size() >= file.name_count()) break;
  }
  return paths;
}

std::optional<Failure> PrintNames(const std::string& path, PathEnd end) {
  const std::variant<File, Failure> opened = OpenItself(path);
  if (const auto* const failure = std::get_if<Failure>(&opened)) return *failure;
  const File& file = std::get<File>(opened);
  const std::variant<std::set<std::string>, Failure> found = FindNames(path, file);
  if (const auto* const failure = std::get_if<Failure>(&found)) return *failure;
  const auto& names = std::get<std::set<std::string>>(found);
  for (const std::string& name : names) PrintPath(name, end);
  if (const size_t count = file.name_count(); count > names.size()) {
    std::fprintf(stderr, "hardlinkfs: %s: %zu more of its names lie outside of this mount, or where you may not list\n", path.c_str(),
                 count - names.size());
  }
  return std::nullopt;
}

}  // namespace

int RunNames(const NamesCommand& command) {
  int status = static_cast<int>(ExitStatus::kSuccess);
  for (const std::string& file : command.files) {
    if (const auto failure = PrintNames(file, command.end); failure.has_value()) status = Fail(*failure);
  }
  if (const auto failure = FinishOutput(); failure.has_value()) status = Fail(*failure);
  return status;
}

}  // namespace hardlinkfs
