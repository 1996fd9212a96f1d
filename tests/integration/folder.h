// Folder: system calls on names below one directory, for tests that read like a list of commands. It hides nothing: each function is one
// call, and answers with that call's errno.
#ifndef HARDLINKFS_TESTS_INTEGRATION_FOLDER_H_
#define HARDLINKFS_TESTS_INTEGRATION_FOLDER_H_

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/base/unique_fd.h"

namespace hardlinkfs {

// How a system call ended: 0 or its errno. Prints by name.
struct Errno {
  int code = 0;
  friend bool operator==(const Errno& a, int b) { return a.code == b; }
};
std::ostream& operator<<(std::ostream& out, const Errno& error);
// Of a call that has just returned `result`.
Errno Ended(ssize_t result);
// RETURNS: whether this is how calls end on a mount whose server has died: ENOTCONN, or ECONNABORTED while the kernel finds out.
bool IsOfDeadServer(const Errno& error);

// What statx(2) says, and nothing that may differ for no reason.
struct Stat {
  Errno error;
  uint32_t mode = 0;  // with the type
  uint32_t nlink = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t ino = 0;
  uint64_t size = 0;
  uint64_t blocks = 0;
  uint64_t rdev = 0;
  timespec atime{}, mtime{}, ctime{}, btime{};
  bool has_btime = false;

  uint32_t permissions() const { return mode & 07777U; }
};
Stat StatOf(int fd);
bool Later(const timespec& a, const timespec& b);
// Waits until a change of a file shows in its times: kernels give them by a clock that moves on every few milliseconds.
void AwaitNextTick();

// All of it that must not change by itself, one field a line; without atime, which a look may change.
std::string Description(const Stat& stat);

struct DirEntry {
  uint64_t ino = 0;
  int64_t next = 0;  // d_off
  uint8_t type = 0;
  std::string name;
};

class Folder {
 public:
  explicit Folder(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  std::string Path(std::string_view name) const { return path_ + "/" + std::string(name); }
  Folder Sub(std::string_view name) const { return Folder(Path(name)); }

  // Names.
  Errno Link(std::string_view from, std::string_view to) const;  // does not follow a symlink
  Errno Rename(std::string_view from, std::string_view to, unsigned flags = 0) const;
  Errno Unlink(std::string_view name) const;
  Errno Mkdir(std::string_view name, mode_t mode = 0755) const;
  Errno Rmdir(std::string_view name) const;
  Errno Symlink(std::string_view target, std::string_view name) const;
  Errno Mknod(std::string_view name, mode_t mode, dev_t device = 0) const;
  std::string Readlink(std::string_view name) const;

  // Contents. Write replaces the content, Append adds to it; Read is "(errno name)" when there is none.
  UniqueFd Open(std::string_view name, int flags, mode_t mode = 0644) const;
  Errno Opens(std::string_view name, int flags, mode_t mode = 0644) const;
  Errno Write(std::string_view name, std::string_view text, mode_t mode = 0644) const;
  Errno Append(std::string_view name, std::string_view text) const;
  Errno Truncate(std::string_view name, off_t size) const;
  std::string Read(std::string_view name) const;

  // Attributes. None follows a symlink, but Chmod, which Linux has no other way for.
  Stat Status(std::string_view name) const;
  bool Exists(std::string_view name) const { return Status(name).error.code == 0; }
  uint32_t Nlink(std::string_view name) const { return Status(name).nlink; }
  uint64_t Ino(std::string_view name) const { return Status(name).ino; }
  Errno Chmod(std::string_view name, mode_t mode) const;
  Errno Chown(std::string_view name, uid_t uid, gid_t gid) const;
  Errno SetTimes(std::string_view name, timespec atime, timespec mtime) const;
  Errno SetXattr(std::string_view name, const std::string& xattr, std::string_view value, int flags = 0) const;
  Errno RemoveXattr(std::string_view name, const std::string& xattr) const;
  // nullopt: there is none.
  std::optional<std::string> Xattr(std::string_view name, const std::string& xattr) const;
  Errno XattrError(std::string_view name, const std::string& xattr) const;
  std::vector<std::string> Xattrs(std::string_view name) const;  // sorted

  // Listings without "." and "..". Names are sorted, Entries come in the directory's order.
  std::vector<std::string> Names(std::string_view directory = ".") const;
  std::vector<DirEntry> Entries(std::string_view directory = ".") const;
  // All paths below, sorted, directories with a "/" behind; without the private area.
  std::vector<std::string> Tree() const;

 private:
  std::string path_;
};

Errno WriteAll(int fd, std::string_view text);
std::string ReadAll(int fd);  // from the beginning
// Entries from where `directory` stands to its end, "." and ".." too.
std::vector<DirEntry> ReadEntries(int directory);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_INTEGRATION_FOLDER_H_
