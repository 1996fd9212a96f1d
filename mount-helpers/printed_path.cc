#include "mount-helpers/printed_path.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace hardlinkfs {

std::string ShownOnTerminal(std::string path) {
  std::replace_if(
      path.begin(), path.end(), [](unsigned char byte) { return byte < 0x20 || byte == 0x7f; }, '?');
  return path;
}

void PrintPath(const std::string& path, PathEnd end) {
  const bool is_for_people = end == PathEnd::kNewline && isatty(STDOUT_FILENO) == 1;
  const std::string shown = is_for_people ? ShownOnTerminal(path) : path;
  std::fwrite(shown.data(), 1, shown.size(), stdout);
  std::putchar(static_cast<char>(end));
}

std::optional<Failure> FinishOutput() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return std::nullopt;
  return FailureOn("stdout", strerrordesc_np(errno), errno, ExitStatus::kSystem);
}

}  // namespace hardlinkfs
