#include "store/backing/session_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "store/backing/linux_calls.h"

namespace hardlinkfs {
namespace {

constexpr char kBootId[] = "/proc/sys/kernel/random/boot_id";
constexpr size_t kLongest = 256;
// Never given twice, unlike STATX_MNT_ID; Linux 6.8, and newer than some headers.
constexpr unsigned kStatxMountIdUnique = 0x4000;

std::optional<std::string> FirstLineOf(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return std::nullopt;
  std::string text(kLongest, '\0');
  const ssize_t got = RetryInterrupted([&] { return read(file.get(), text.data(), text.size()); });
  if (got <= 0) return std::nullopt;
  text.resize(static_cast<size_t>(got));
  return text.substr(0, text.find('\n'));
}

}  // namespace

Result<std::string> PageCacheIdentity(const std::vector<int>& descriptors) {
  std::optional<std::string> identity = FirstLineOf(kBootId);
  if (!identity.has_value()) return Error{EIO, "boot_id"};
  for (const int fd : descriptors) {
    struct statx seen {};
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID | kStatxMountIdUnique, &seen) != 0) return LastError("statx");
    identity->append(" ").append(std::to_string(seen.stx_mnt_id));
    const std::string device = std::to_string(seen.stx_dev_major) + ":" + std::to_string(seen.stx_dev_minor);
    identity->append((seen.stx_mask & kStatxMountIdUnique) != 0 ? "u:" : ":").append(device);
    // Where mount ids are given again a stick that was pulled and plugged in could get the same: its disk has a number of its own.
    identity->append(" ").append(FirstLineOf("/sys/dev/block/" + device + "/diskseq").value_or(""));
  }
  return *identity + "\n";
}

void ForgetSession(int area_fd) { unlinkat(area_fd, kSessionName, 0); }

bool IsSession(int area_fd, const std::string& identity) {
  const auto file = OpenBeneath(area_fd, kSessionName, O_RDONLY | O_NONBLOCK);
  if (!file.ok()) return false;
  std::string text(kLongest, '\0');
  const auto got = ReadFully(file->get(), text, 0);
  return got.ok() && text.substr(0, *got) == identity;
}

Status NoteSession(int area_fd, const std::string& identity) {
  const auto file = OpenBeneath(area_fd, kSessionName, O_WRONLY | O_CREAT | O_NONBLOCK, 0600);
  if (!file.ok()) return file.error();
  if (Status written = WriteFully(file->get(), identity, 0); !written.ok()) return written;
  if (ftruncate(file->get(), static_cast<off_t>(identity.size())) != 0) return LastError("ftruncate of the session file");
  return {};
}

}  // namespace hardlinkfs
