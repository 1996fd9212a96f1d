// openat2, statx, renameat2 and friends; see linux_calls.h.
#include "store/backing/linux_calls.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "store/backing/case_fold.h"

namespace hardlinkfs {
namespace {

constexpr uint64_t kStayInside = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;

Timestamp FromStatx(const statx_timestamp& time) { return {time.tv_sec, time.tv_nsec}; }

uint32_t FlagsOf(const struct statx& found) {
  uint32_t flags = 0;
  if ((found.stx_attributes & STATX_ATTR_IMMUTABLE) != 0) flags |= FS_IMMUTABLE_FL;
  if ((found.stx_attributes & STATX_ATTR_APPEND) != 0) flags |= FS_APPEND_FL;
  return flags;
}

BackingStat FromStatx(const struct statx& found) {
  BackingStat stat;
  stat.type = TypeOfMode(found.stx_mode);
  stat.mode = found.stx_mode & 07777U;
  stat.uid = found.stx_uid;
  stat.gid = found.stx_gid;
  stat.device = makedev(found.stx_dev_major, found.stx_dev_minor);
  stat.inode = found.stx_ino;
  stat.nlink = found.stx_nlink;
  stat.rdev = makedev(found.stx_rdev_major, found.stx_rdev_minor);
  stat.size = found.stx_size;
  stat.blocks = found.stx_blocks;
  stat.atime = FromStatx(found.stx_atime);
  stat.mtime = FromStatx(found.stx_mtime);
  stat.ctime = FromStatx(found.stx_ctime);
  stat.flags = FlagsOf(found);
  if ((found.stx_mask & STATX_BTIME) != 0) stat.btime = FromStatx(found.stx_btime);
  return stat;
}

bool SameEntry(const BackingStat& a, const BackingStat& b) { return a.device == b.device && a.inode == b.inode; }

// Calls `call(buffer, size)`, which answers with the length needed or ERANGE, until the buffer is large enough.
template <typename Call>
Result<std::string> ReadGrowing(size_t size, const char* what, Call call) {
  while (true) {
    std::string buffer(size, '\0');
    const ssize_t got = call(buffer.data(), buffer.size());
    if (got >= 0 && static_cast<size_t>(got) < size) return buffer.substr(0, static_cast<size_t>(got));
    if (got < 0 && errno != ERANGE) return LastError(what);
    size *= 2;
  }
}

std::vector<std::string> SplitAtNul(const std::string& list) {
  std::vector<std::string> parts;
  for (size_t start = 0; start < list.size();) {
    const size_t end = std::min(list.find('\0', start), list.size());
    parts.push_back(list.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

timespec TimeOrOmit(const std::optional<Timestamp>& time) { return time ? time->ToTimespec() : timespec{0, UTIME_OMIT}; }

Status SetTimesOnce(int fd, const std::optional<Timestamp>& atime, const std::optional<Timestamp>& mtime) {
  const timespec times[] = {TimeOrOmit(atime), TimeOrOmit(mtime)};
  if (utimensat(fd, "", times, AT_EMPTY_PATH) != 0) return LastError("utimensat");
  return {};
}

// As near as the coarsest mtime there is, FAT's.
bool Near(const Timestamp& a, const Timestamp& b) { return a.seconds - b.seconds >= -2 && a.seconds - b.seconds <= 2; }

struct Spellings {
  bool from = false;
  bool to = false;
};

Result<Spellings> ListedSpellings(int directory_fd, std::string_view from, std::string_view to) {
  Spellings listed;
  const Status status = ListDirectory(directory_fd, [&](const BackingEntry& entry) {
    listed.from = listed.from || entry.name.bytes() == from;
    listed.to = listed.to || entry.name.bytes() == to;
    return !(listed.from && listed.to);
  });
  if (!status.ok()) return status.error();
  return listed;
}

// Whether `to`, which is taken, is just `from` in another case. Equal inode numbers alone prove nothing: some backings give all empty
// files the same one. So the names have to fold alike and the listing must not show both of them.
Result<bool> IsChangeOfCase(int from_fd, const char* from, int to_fd, const char* to, const BackingStat& target) {
  if (CaseFold(from) != CaseFold(to)) return false;
  const auto source = StatAt(from_fd, from);
  if (!source.ok()) return source.error();
  const auto from_directory = StatAt(from_fd, "");
  if (!from_directory.ok()) return from_directory.error();
  const auto to_directory = StatAt(to_fd, "");
  if (!to_directory.ok()) return to_directory.error();
  if (!SameEntry(*source, target) || !SameEntry(*from_directory, *to_directory)) return false;
  if (std::string_view(from) == to) return true;
  const auto listed = ListedSpellings(from_fd, from, to);
  if (!listed.ok()) return listed.error();
  return listed->from && !listed->to;
}

Status PlainRename(int from_fd, const char* from, int to_fd, const char* to) {
  if (renameat(from_fd, from, to_fd, to) != 0) return LastError("rename");
  return {};
}

Status ChangeCase(int directory_fd, const char* from, const char* to) {
  if (const Status renamed = PlainRename(directory_fd, from, directory_fd, to); !renamed.ok()) return renamed;
  // The kernel's vfat takes both names for one file and answers success without doing anything. Doing it in two steps is left to the
  // caller: a crash between them would leave the content under a name that nobody has recorded.
  const auto listed = ListedSpellings(directory_fd, from, to);
  if (!listed.ok()) return listed.error();
  if (!listed->to) return Error{EEXIST, "the backing does not change the case of a name in one step"};
  return {};
}

Status RenameToTaken(int from_fd, const char* from, int to_fd, const char* to, const BackingStat& target) {
  const auto change_of_case = IsChangeOfCase(from_fd, from, to_fd, to, target);
  if (!change_of_case.ok()) return change_of_case.error();
  if (!*change_of_case) return Error{EEXIST, "rename onto another entry"};
  return ChangeCase(from_fd, from, to);
}

}  // namespace

Status CheckComponent(std::string_view name) {
  const bool single = !name.empty() && name != "." && name != ".." && name.find_first_of(std::string_view("/\0", 2)) == name.npos;
  if (!single) return Error{EINVAL, "not a single path component"};
  return {};
}

Result<UniqueFd> OpenBeneath(int directory_fd, const char* name, uint64_t flags, uint32_t mode) {
  open_how how{};
  how.flags = flags | O_NOFOLLOW | O_CLOEXEC;
  how.mode = mode;
  how.resolve = kStayInside;
  const long fd = RetryInterrupted([&] { return syscall(SYS_openat2, directory_fd, name, &how, sizeof(how)); });
  if (fd < 0) return LastError("openat2");
  return UniqueFd(static_cast<int>(fd));
}

Result<UniqueFd> Pin(int directory_fd, const char* name) { return OpenBeneath(directory_fd, name, O_PATH); }

Result<UniqueFd> ReopenDirectory(int directory_fd) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  int fd = RetryInterrupted([&] { return openat(directory_fd, ".", kFlags | O_NOATIME); });
  if (fd < 0 && errno == EPERM) fd = RetryInterrupted([&] { return openat(directory_fd, ".", kFlags); });
  if (fd < 0) return LastError("open directory for reading");
  return UniqueFd(fd);
}

std::string ProcPath(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

Result<BackingStat> StatAt(int directory_fd, const char* name) {
  struct statx found {};
  constexpr int kFlags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH;
  if (RetryInterrupted([&] { return statx(directory_fd, name, kFlags, STATX_BASIC_STATS | STATX_BTIME, &found); }) != 0) {
    return LastError("statx");
  }
  // One call instead of an openat2 with RESOLVE_NO_XDEV. Not st_dev: a btrfs subvolume has its own without being a mount.
  if (*name != '\0' && (found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) return Error{EXDEV, "a mount point in the backing"};
  return FromStatx(found);
}

bool IsOpenForWriting(int fd) { return (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY; }

Status ListDirectory(int directory_fd, const Backing::EntryVisitor& visit) {
  const auto opened = ReopenDirectory(directory_fd);
  if (!opened.ok()) return opened.error();
  // fdopendir takes the descriptor over, so it gets one of its own.
  const int own = fcntl(opened->get(), F_DUPFD_CLOEXEC, 0);
  if (own < 0) return LastError("dup directory");
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(own), closedir);
  if (!stream) {
    const Error error = LastError("fdopendir");
    close(own);
    return error;
  }
  while (true) {
    errno = 0;
    const dirent* entry = readdir(stream.get());
    if (entry == nullptr && errno != 0) return LastError("readdir");
    if (entry == nullptr) return {};
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (!visit({BackingName(std::string(name)), static_cast<FileType>(entry->d_type)})) return {};
  }
}

Status RenameNoReplace(int from_fd, const char* from, int to_fd, const char* to, bool native_noreplace) {
  if (native_noreplace) {
    if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0) return {};
    if (errno != EINVAL && errno != ENOSYS && errno != EEXIST) return LastError("renameat2");
  }
  const Error refused = LastError("renameat2");
  const auto target = StatAt(to_fd, to);
  if (target.ok()) return RenameToTaken(from_fd, from, to_fd, to, *target);
  if (target.code() != ENOENT) return target.error();
  if (native_noreplace && refused.code == EEXIST) return refused;  // it was there a moment ago
  return PlainRename(from_fd, from, to_fd, to);
}

Status WriteFully(int fd, std::span<const char> from, uint64_t offset) {
  while (!from.empty()) {
    const ssize_t written = RetryInterrupted([&] { return pwrite(fd, from.data(), from.size(), static_cast<off_t>(offset)); });
    if (written < 0) return LastError("pwrite");
    if (written == 0) return Error{EIO, "pwrite wrote nothing"};
    from = from.subspan(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
  return {};
}

Result<size_t> ReadFully(int fd, std::span<char> into, uint64_t offset) {
  size_t total = 0;
  while (total < into.size()) {
    const auto rest = into.subspan(total);
    const ssize_t got = RetryInterrupted([&] { return pread(fd, rest.data(), rest.size(), static_cast<off_t>(offset + total)); });
    if (got < 0) return LastError("pread");
    if (got == 0) break;
    total += static_cast<size_t>(got);
  }
  return total;
}

Status SyncDirectoryEntries(int directory_fd) {
  const auto opened = ReopenDirectory(directory_fd);
  if (!opened.ok()) return opened.error();
  if (RetryInterrupted([&] { return fsync(opened->get()); }) == 0) return {};
  // "Not for directories", in the dialects of the backings; anything else is a lost write.
  if (errno == EINVAL || errno == ENOTSUP || errno == ENOSYS || errno == EBADF) return {};
  return LastError("fsync of a directory");
}

Status SyncDirectoryAbove(int directory_fd) {
  const UniqueFd above(RetryInterrupted([&] { return openat(directory_fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC); }));
  const Status synced = above.valid() ? SyncDirectoryEntries(above.get()) : LastError("open of the directory above");
  return synced.code() == EACCES || synced.code() == EPERM ? Status() : synced;
}

bool AcceptsDirectorySync(int directory_fd) {
  const auto opened = ReopenDirectory(directory_fd);
  return opened.ok() && RetryInterrupted([&] { return fsync(opened->get()); }) == 0;
}

Result<std::string> ReadLinkAt(int directory_fd, const char* name) {
  return ReadGrowing(256, "readlink", [&](char* buffer, size_t size) { return readlinkat(directory_fd, name, buffer, size); });
}

Result<std::vector<std::string>> ListXattrsOf(int fd) {
  const std::string path = ProcPath(fd);
  const auto list = ReadGrowing(1024, "listxattr", [&](char* buffer, size_t size) { return listxattr(path.c_str(), buffer, size); });
  if (list.code() == ENOTSUP || list.code() == ENOSYS) return std::vector<std::string>{};
  if (!list.ok()) return list.error();
  return SplitAtNul(*list);
}

Result<std::string> GetXattrOf(int fd, const std::string& xattr) {
  const std::string path = ProcPath(fd);
  return ReadGrowing(256, "getxattr", [&](char* buffer, size_t size) { return getxattr(path.c_str(), xattr.c_str(), buffer, size); });
}

Result<BackingSpace> SpaceOf(int fd) {
  struct statvfs found {};
  if (RetryInterrupted([&] { return fstatvfs(fd, &found); }) != 0) return LastError("statvfs");
  const uint64_t unit = found.f_frsize;
  return BackingSpace{unit, found.f_blocks * unit, found.f_bfree * unit, found.f_bavail * unit, found.f_files, found.f_ffree};
}

Status SetTimesOf(int fd, const std::optional<Timestamp>& atime, const std::optional<Timestamp>& mtime) {
  if (const Status set = SetTimesOnce(fd, atime, mtime); !set.ok()) return set;
  if (atime.has_value() == mtime.has_value()) return {};
  // A FUSE backing built with libfuse 2 (exfat-fuse) ignores a change of one time only, and says that it succeeded. It has to be told both;
  // not at once, as on all others that would take back what a writer changes at the same moment.
  const auto stat = StatAt(fd, "");
  if (!stat.ok()) return stat.error();
  if (Near(atime ? stat->atime : stat->mtime, atime ? *atime : *mtime)) return {};
  return SetTimesOnce(fd, atime ? *atime : stat->atime, mtime ? *mtime : stat->mtime);
}

}  // namespace hardlinkfs
