#include "tests/integration/folder.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <ostream>
#include <sstream>
#include <thread>

namespace hardlinkfs {
namespace {

timespec ToTimespec(const statx_timestamp& time) { return {.tv_sec = time.tv_sec, .tv_nsec = static_cast<long>(time.tv_nsec)}; }

Stat Convert(const struct statx& in) {
  Stat out;
  out.mode = in.stx_mode;
  out.nlink = in.stx_nlink;
  out.uid = in.stx_uid;
  out.gid = in.stx_gid;
  out.ino = in.stx_ino;
  out.size = in.stx_size;
  out.blocks = in.stx_blocks;
  out.rdev = makedev(in.stx_rdev_major, in.stx_rdev_minor);
  out.atime = ToTimespec(in.stx_atime);
  out.mtime = ToTimespec(in.stx_mtime);
  out.ctime = ToTimespec(in.stx_ctime);
  out.btime = ToTimespec(in.stx_btime);
  out.has_btime = (in.stx_mask & STATX_BTIME) != 0;
  return out;
}

std::ostream& operator<<(std::ostream& out, const timespec& time) { return out << time.tv_sec << "." << time.tv_nsec; }

}  // namespace

std::ostream& operator<<(std::ostream& out, const Errno& error) {
  if (error.code == 0) return out << "success";
  const char* const name = strerrorname_np(error.code);
  return out << (name == nullptr ? "unknown errno" : name) << " (" << error.code << ")";
}

Errno Ended(ssize_t result) { return Errno{result == -1 ? errno : 0}; }

bool IsOfDeadServer(const Errno& error) { return error == ENOTCONN || error == ECONNABORTED; }

Stat StatOf(int fd) {
  struct statx raw {};
  const Errno error = Ended(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &raw));
  Stat stat = Convert(raw);
  stat.error = error;
  return stat;
}

bool Later(const timespec& a, const timespec& b) { return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec; }

void AwaitNextTick() {
  const auto clock = [] {
    timespec now{};
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now;
  };
  for (const timespec begun = clock(); !Later(clock(), begun);) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

std::string Description(const Stat& stat) {
  std::ostringstream out;
  out << "errno " << stat.error.code << "\nmode " << std::oct << stat.mode << std::dec << "\nnlink " << stat.nlink << "\nuid " << stat.uid
      << "\ngid " << stat.gid << "\nino " << stat.ino << "\nsize " << stat.size << "\nrdev " << stat.rdev << "\nmtime " << stat.mtime
      << "\nctime " << stat.ctime << "\nbtime " << stat.has_btime << " " << stat.btime << "\n";
  return out.str();
}

Errno Folder::Link(std::string_view from, std::string_view to) const { return Ended(link(Path(from).c_str(), Path(to).c_str())); }

Errno Folder::Rename(std::string_view from, std::string_view to, unsigned flags) const {
  return Ended(renameat2(AT_FDCWD, Path(from).c_str(), AT_FDCWD, Path(to).c_str(), flags));
}

Errno Folder::Unlink(std::string_view name) const { return Ended(unlink(Path(name).c_str())); }
Errno Folder::Mkdir(std::string_view name, mode_t mode) const { return Ended(mkdir(Path(name).c_str(), mode)); }
Errno Folder::Rmdir(std::string_view name) const { return Ended(rmdir(Path(name).c_str())); }

Errno Folder::Symlink(std::string_view target, std::string_view name) const {
  return Ended(symlink(std::string(target).c_str(), Path(name).c_str()));
}

Errno Folder::Mknod(std::string_view name, mode_t mode, dev_t device) const { return Ended(mknod(Path(name).c_str(), mode, device)); }

std::string Folder::Readlink(std::string_view name) const {
  std::string target(4096, '\0');
  const ssize_t length = readlink(Path(name).c_str(), target.data(), target.size());
  if (length < 0) return std::string("(") + strerrorname_np(errno) + ")";
  target.resize(static_cast<size_t>(length));
  return target;
}

UniqueFd Folder::Open(std::string_view name, int flags, mode_t mode) const {
  return UniqueFd(open(Path(name).c_str(), flags | O_CLOEXEC, mode));
}

Errno Folder::Opens(std::string_view name, int flags, mode_t mode) const {
  const int fd = open(Path(name).c_str(), flags | O_CLOEXEC, mode);
  const Errno error = Ended(fd);
  if (fd >= 0) close(fd);
  return error;
}

Errno WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0) return Ended(written);
    text.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

std::string ReadAll(int fd) {
  std::string text;
  std::array<char, 65536> part{};
  for (off_t at = 0;;) {
    const ssize_t n = pread(fd, part.data(), part.size(), at);
    if (n < 0) return std::string("(") + strerrorname_np(errno) + ")";
    if (n == 0) return text;
    text.append(part.data(), static_cast<size_t>(n));
    at += n;
  }
}

Errno Folder::Write(std::string_view name, std::string_view text, mode_t mode) const {
  const int fd = open(Path(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return Ended(fd);
  const Errno written = WriteAll(fd, text);
  const Errno closed = Ended(close(fd));
  return written == 0 ? closed : written;
}

Errno Folder::Append(std::string_view name, std::string_view text) const {
  const int fd = open(Path(name).c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) return Ended(fd);
  const Errno written = WriteAll(fd, text);
  const Errno closed = Ended(close(fd));
  return written == 0 ? closed : written;
}

Errno Folder::Truncate(std::string_view name, off_t size) const { return Ended(truncate(Path(name).c_str(), size)); }

std::string Folder::Read(std::string_view name) const {
  const UniqueFd fd = Open(name, O_RDONLY);
  if (!fd.valid()) return std::string("(") + strerrorname_np(errno) + ")";
  return ReadAll(fd.get());
}

Stat Folder::Status(std::string_view name) const {
  struct statx raw {};
  const Errno error = Ended(statx(AT_FDCWD, Path(name).c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &raw));
  Stat stat = Convert(raw);
  stat.error = error;
  return stat;
}

Errno Folder::Chmod(std::string_view name, mode_t mode) const { return Ended(chmod(Path(name).c_str(), mode)); }
Errno Folder::Chown(std::string_view name, uid_t uid, gid_t gid) const { return Ended(lchown(Path(name).c_str(), uid, gid)); }

Errno Folder::SetTimes(std::string_view name, timespec atime, timespec mtime) const {
  const std::array<timespec, 2> times{atime, mtime};
  return Ended(utimensat(AT_FDCWD, Path(name).c_str(), times.data(), AT_SYMLINK_NOFOLLOW));
}

Errno Folder::SetXattr(std::string_view name, const std::string& xattr, std::string_view value, int flags) const {
  return Ended(lsetxattr(Path(name).c_str(), xattr.c_str(), value.data(), value.size(), flags));
}

Errno Folder::RemoveXattr(std::string_view name, const std::string& xattr) const {
  return Ended(lremovexattr(Path(name).c_str(), xattr.c_str()));
}

std::optional<std::string> Folder::Xattr(std::string_view name, const std::string& xattr) const {
  std::string value(65536, '\0');
  const ssize_t length = lgetxattr(Path(name).c_str(), xattr.c_str(), value.data(), value.size());
  if (length < 0) return std::nullopt;
  value.resize(static_cast<size_t>(length));
  return value;
}

Errno Folder::XattrError(std::string_view name, const std::string& xattr) const {
  return Ended(lgetxattr(Path(name).c_str(), xattr.c_str(), nullptr, 0));
}

std::vector<std::string> Folder::Xattrs(std::string_view name) const {
  std::string list(65536, '\0');
  const ssize_t length = llistxattr(Path(name).c_str(), list.data(), list.size());
  if (length < 0) return {std::string("(") + strerrorname_np(errno) + ")"};
  std::vector<std::string> names;
  for (size_t at = 0; at < static_cast<size_t>(length); at += names.back().size() + 1) names.emplace_back(list.c_str() + at);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<DirEntry> ReadEntries(int directory) {
  std::vector<DirEntry> entries;
  alignas(8) std::array<char, 32768> part{};
  for (long n = 0; (n = syscall(SYS_getdents64, directory, part.data(), part.size())) > 0;) {
    for (long at = 0; at < n;) {
      const auto* const raw = reinterpret_cast<const dirent64*>(part.data() + at);  // linux_dirent64 has the same layout
      entries.push_back({raw->d_ino, raw->d_off, raw->d_type, raw->d_name});
      at += raw->d_reclen;
    }
  }
  return entries;
}

std::vector<DirEntry> Folder::Entries(std::string_view directory) const {
  const UniqueFd fd = Open(directory, O_RDONLY | O_DIRECTORY);
  if (!fd.valid()) return {{0, 0, 0, std::string("(") + strerrorname_np(errno) + ")"}};
  std::vector<DirEntry> entries = ReadEntries(fd.get());
  std::erase_if(entries, [](const DirEntry& entry) { return entry.name == "." || entry.name == ".."; });
  return entries;
}

std::vector<std::string> Folder::Names(std::string_view directory) const {
  std::vector<std::string> names;
  for (const DirEntry& entry : Entries(directory)) names.push_back(entry.name);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> Folder::Tree() const {
  std::vector<std::string> paths;
  for (auto at = std::filesystem::recursive_directory_iterator(path_); at != std::filesystem::recursive_directory_iterator(); ++at) {
    if (at->path().filename() == ".hardlinkfs") {
      at.disable_recursion_pending();
      continue;
    }
    const bool is_directory = at->is_directory() && !at->is_symlink();
    paths.push_back(at->path().string().substr(path_.size() + 1) + (is_directory ? "/" : ""));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace hardlinkfs
