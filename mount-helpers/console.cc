#include "mount-helpers/console.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace hardlinkfs {
namespace {

constexpr int kLookForSignals = 100;  // milliseconds: the signals are blocked, and do not end a poll

}  // namespace

void Terminal::Print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

void Terminal::Complain(const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); }

bool Terminal::IsInteractive() const { return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1; }

std::optional<std::string> Terminal::ReadLine() {
  std::string line;
  for (;;) {
    if (Interrupted()) return std::nullopt;
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    const int ready = poll(&input, 1, kLookForSignals);
    if (ready < 0 && errno != EINTR) return std::nullopt;
    if (ready <= 0) continue;
    char c = 0;
    const ssize_t got = read(STDIN_FILENO, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    if (c == '\n') return line;
    line.push_back(c);
  }
}

void Terminal::WriteTo(int descriptor, const std::string& line) {
  if (write(descriptor, line.data(), line.size()) < 0) return;
}

}  // namespace hardlinkfs
