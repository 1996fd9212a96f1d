#include "mount-helpers/flag_command.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mount-helpers/failure.h"
#include "mount-helpers/printed_path.h"
#include "policy/flags.h"
#include "store/backing/linux_calls.h"
#include "store/base/result.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {
namespace {

constexpr Error kNoFlags{EOPNOTSUPP, "only regular files and directories have flags"};

bool HasFlags(FileType type) { return type == FileType::kRegular || type == FileType::kDirectory; }

// FS_IOC_GETFLAGS says long, what is meant is an int (ioctl_iflags(2)).
Result<uint32_t> FlagsOf(int fd) {
  uint32_t flags = 0;
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return LastError("FS_IOC_GETFLAGS");
  return flags;
}

// Some filesystems overlook what they do not know.
Status SetFlags(int fd, uint32_t before, uint32_t wanted) {
  if (ioctl(fd, FS_IOC_SETFLAGS, &wanted) != 0) return LastError("FS_IOC_SETFLAGS");
  const Result<uint32_t> after = FlagsOf(fd);
  if (!after.ok()) return after.error();
  return ((*after ^ wanted) & (before ^ wanted)) == 0 ? Status() : Error{EOPNOTSUPP, "not kept"};
}

class Flagging {
 public:
  explicit Flagging(const FlagCommand& command) : command_(command) {}

  void Do(const std::string& path);
  bool some_failed() const { return some_failed_; }

 private:
  void Fail(const std::string& path, const std::string& reason, int code);
  // `entry` is O_PATH, of a regular file or a directory.
  void DoOne(const std::string& path, int entry);
  void DoBelow(const std::string& path, int directory);
  void Change(const std::string& path, int fd, uint32_t before);

  const FlagCommand& command_;
  bool some_failed_ = false;
};

void Flagging::Fail(const std::string& path, const std::string& reason, int code) {
  hardlinkfs::Fail(FailureOn(path, reason, code));
  some_failed_ = true;
}

void Flagging::Do(const std::string& path) {
  const UniqueFd entry(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!entry.valid()) return Fail(path, strerrordesc_np(errno), errno);
  const Result<BackingStat> seen = StatAt(entry.get(), "");
  if (!seen.ok()) return Fail(path, strerrordesc_np(seen.code()), seen.code());
  if (!HasFlags(seen->type)) return Fail(path, kNoFlags.what, kNoFlags.code);
  DoOne(path, entry.get());
  if (command_.depth == Depth::kTree && seen->type == FileType::kDirectory) DoBelow(path, entry.get());
}

void Flagging::DoOne(const std::string& path, int entry) {
  const UniqueFd fd(open(ProcPath(entry).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return Fail(path, strerrordesc_np(errno), errno);
  const Result<uint32_t> flags = FlagsOf(fd.get());
  if (!flags.ok()) {
    const bool has_none = flags.code() == ENOTTY || flags.code() == EOPNOTSUPP;
    return Fail(path, has_none ? "this filesystem keeps no flags" : strerrordesc_np(flags.code()), flags.code());
  }
  if (command_.change.has_value()) return Change(path, fd.get(), *flags);
  std::printf("%s  ", FlagNames(*flags).c_str());
  PrintPath(path, PathEnd::kNewline);
}

void Flagging::Change(const std::string& path, int fd, uint32_t before) {
  const uint32_t wanted = command_.change->Apply(before);
  if (wanted == before) return;
  const Status set = SetFlags(fd, before, wanted);
  if (set.ok()) return;
  const std::string names = FlagNames(wanted ^ before);
  std::string reason = strerrordesc_np(set.code());
  if (set.code() == EOPNOTSUPP || set.code() == ENOTTY) reason = "this filesystem does not keep all of " + names;
  if (set.code() == EBUSY) reason = "it is open for writing, or mapped so; " + names + " would not hold";
  if (set.code() == EPERM) {
    const bool is_guarding = ((wanted ^ before) & kGuardingFlags) != 0;
    reason = is_guarding ? "to change immutable, append and iunlink takes CAP_LINUX_IMMUTABLE" : "only the owner changes flags";
  }
  Fail(path, reason, set.code());
}

// By descriptors, so that nobody can lead it out of the tree; what cannot have flags, or lies in another mount, is left out.
void Flagging::DoBelow(const std::string& path, int directory) {
  std::vector<std::string> names;
  const Status listed = ListDirectory(directory, [&names](const BackingEntry& entry) {
    names.push_back(entry.name.bytes());
    return true;
  });
  if (!listed.ok()) return Fail(path, strerrordesc_np(listed.code()), listed.code());
  for (const std::string& name : names) {
    const std::string below = path.back() == '/' ? path + name : path + "/" + name;
    const Result<UniqueFd> entry = Pin(directory, name.c_str());
    if (entry.code() == EXDEV || entry.code() == ENOENT) continue;
    const Result<BackingStat> seen = entry.ok() ? StatAt(entry->get(), "") : Result<BackingStat>(entry.error());
    if (!seen.ok()) {
      Fail(below, strerrordesc_np(seen.code()), seen.code());
      continue;
    }
    if (!HasFlags(seen->type)) continue;
    DoOne(below, entry->get());
    if (seen->type == FileType::kDirectory) DoBelow(below, entry->get());
  }
}

}  // namespace

int RunFlag(const FlagCommand& command) {
  Flagging flagging(command);
  for (const std::string& file : command.files) flagging.Do(file);
  const auto unprinted = FinishOutput();
  if (unprinted.has_value()) Fail(*unprinted);
  return static_cast<int>(flagging.some_failed() || unprinted.has_value() ? ExitStatus::kSomeFailed : ExitStatus::kSuccess);
}

}  // namespace hardlinkfs
