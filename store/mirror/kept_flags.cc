#include "store/mirror/kept_flags.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <string>

#include "store/backing/linux_calls.h"

namespace hardlinkfs {

bool HasFlags(int directory) {
  unsigned flags = 0;
  return ioctl(directory, FS_IOC_GETFLAGS, &flags) == 0;
}

Result<uint32_t> KeptFlags(int fd) {
  std::array<char, 9> text{};
  const ssize_t length = getxattr(ProcPath(fd).c_str(), kFlagsXattr.data(), text.data(), text.size());
  if (length < 0) {
    const bool is_absent = errno == ENODATA || errno == EOPNOTSUPP || errno == ENOSYS || errno == EPERM;
    return is_absent ? Result<uint32_t>(0) : LastError("flags of a file");
  }
  uint32_t flags = 0;
  const char* const end = text.data() + length;
  const auto [stopped, error] = std::from_chars(text.data(), end, flags, 16);
  if (error != std::errc() || stopped != end) return Error{EUCLEAN, "flags of a file that cannot be read"};
  return flags;
}

Status KeepFlags(int fd, uint32_t flags) {
  std::array<char, 8> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), flags, 16);
  if (setxattr(ProcPath(fd).c_str(), kFlagsXattr.data(), text.data(), static_cast<size_t>(end - text.data()), 0) == 0) return {};
  if (errno == EPERM || errno == ENOSYS) return Error{EOPNOTSUPP, "flags cannot be kept on this backing"};
  return LastError("flags of a file");
}

}  // namespace hardlinkfs
