#include "mount-helpers/control_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "fuse/lowlevel/control.h"

namespace hardlinkfs {
namespace {

constexpr char kNoMount[] = "not in a mounted hardlinkfs";

}  // namespace

Failure ControlFailure(const std::string& path, int code) {
  if (code == ENOTCONN || code == ECONNABORTED) {
    return FailureOn(path, "the server of this mount has died; 'hardlinkfs mount' on it cleans that up", code, ExitStatus::kSystem);
  }
  if (code == ENOTTY) return FailureOn(path, kNoMount, 0, ExitStatus::kSystem);
  return FailureOn(path, strerrordesc_np(code), code, ExitStatus::kSystem);
}

// Another filesystem could take our numbers for a request of its own.
std::variant<UniqueFd, Failure> OpenInMount(const std::string& path) {
  UniqueFd file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid()) return ControlFailure(path, errno);
  struct statfs found {};
  if (fstatfs(file.get(), &found) != 0) return ControlFailure(path, errno);
  if (found.f_type != FUSE_SUPER_MAGIC) return ControlFailure(path, ENOTTY);
  return file;
}

Result<std::string> PolicyTextOf(int mount) {
  std::string text;
  const auto exchange = std::make_unique<TextExchange>();
  do {
    *exchange = {};
    exchange->offset = text.size();
    if (ioctl(mount, kControlPolicy, exchange.get()) != 0) return Error{errno, "asking for the policy"};
    text.append(exchange->text, std::min<size_t>(exchange->bytes, sizeof exchange->text));
  } while (exchange->bytes > 0 && text.size() < exchange->total);
  return text;
}

}  // namespace hardlinkfs
