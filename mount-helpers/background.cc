#include "mount-helpers/background.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace hardlinkfs {
namespace {

// On the pipe: the exit status as one byte, then the line to print.

void WriteReport(int pipe, ExitStatus status, const std::string& line) {
  const std::string report = static_cast<char>(status) + line;
  // Less than PIPE_BUF, so whole; when the command has been killed there is nobody left to tell.
  if (write(pipe, report.data(), report.size()) < 0) return;
}

std::string ReadReport(int pipe) {
  std::string report;
  std::array<char, 4096> part{};
  for (;;) {
    const ssize_t length = read(pipe, part.data(), part.size());
    if (length > 0) report.append(part.data(), static_cast<size_t>(length));
    if (length == 0 || (length < 0 && errno != EINTR)) return report;
  }
}

void LetGoOfTerminal() {
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid()) return;
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null.get(), stream);
}

int WaitForReport(UniqueFd pipe, pid_t server) {
  const std::string report = ReadReport(pipe.get());
  if (!report.empty()) {
    if (report.size() > 1) std::fprintf(stderr, "%s\n", report.c_str() + 1);
    return static_cast<unsigned char>(report.front());
  }
  int status = 0;
  waitpid(server, &status, 0);
  if (WIFSIGNALED(status))
    std::fprintf(stderr, "hardlinkfs: the server was killed by signal %d before the mount worked\n", WTERMSIG(status));
  if (WIFEXITED(status)) std::fprintf(stderr, "hardlinkfs: the server ended with status %d before the mount worked\n", WEXITSTATUS(status));
  return static_cast<int>(ExitStatus::kMountFailed);
}

}  // namespace

// The server still has the command's terminal.
void StartupReport::Tell(const std::string& line) {
  if (!made_) std::fprintf(stderr, "%s\n", line.c_str());
}

void StartupReport::Ready() {
  if (std::exchange(made_, true) || !background_) return;
  LetGoOfTerminal();
  WriteReport(pipe_.get(), ExitStatus::kSuccess, {});
  pipe_ = UniqueFd();
}

void StartupReport::Failed(const Failure& failure) {
  if (std::exchange(made_, true)) return;
  if (!background_) {
    std::fprintf(stderr, "%s\n", failure.line.c_str());
    return;
  }
  WriteReport(pipe_.get(), failure.status, failure.line);
  pipe_ = UniqueFd();
}

int RunInBackground(const ServerMain& server) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    std::perror("hardlinkfs: pipe");
    return static_cast<int>(ExitStatus::kSystem);
  }
  UniqueFd from(ends[0]);
  UniqueFd to(ends[1]);
  const pid_t child = fork();
  if (child < 0) {
    std::perror("hardlinkfs: fork");
    return static_cast<int>(ExitStatus::kSystem);
  }
  if (child > 0) {
    to = UniqueFd();
    return WaitForReport(std::move(from), child);
  }
  from = UniqueFd();
  setsid();
  // The directory we were started in must not be kept from being unmounted.
  if (chdir("/") != 0) std::perror("hardlinkfs: chdir");
  StartupReport report(std::move(to));
  return server(report);
}

int RunInForeground(const ServerMain& server) {
  StartupReport report;
  return server(report);
}

}  // namespace hardlinkfs
