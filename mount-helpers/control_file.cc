#include "mount-helpers/control_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <sstream>
#include <utility>

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

int CheckReachable(int fd) {
  struct statfs found {};
  if (fstatfs(fd, &found) != 0) return errno;
  return found.f_type == FUSE_SUPER_MAGIC ? 0 : ENOTTY;
}

std::variant<UniqueFd, Failure> OpenInMount(const std::string& path) {
  UniqueFd file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid()) return ControlFailure(path, errno);
  if (const int code = CheckReachable(file.get()); code != 0) return ControlFailure(path, code);
  return file;
}

Result<std::vector<std::string>> LinesOf(int mount, unsigned request) {
  std::vector<std::string> lines;
  const auto exchange = std::make_unique<TextExchange>();
  for (uint64_t from = 0;;) {
    *exchange = {};
    exchange->offset = from;
    if (ioctl(mount, request, exchange.get()) != 0) return Error{errno, "asking for lines"};
    std::istringstream text(std::string(exchange->text, std::min<size_t>(exchange->bytes, sizeof exchange->text)));
    for (std::string line; std::getline(text, line);) lines.push_back(std::move(line));
    if (exchange->bytes == 0 || exchange->offset <= from) return lines;
    from = exchange->offset;
  }
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
