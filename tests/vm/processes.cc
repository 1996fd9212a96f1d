#include "tests/vm/processes.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>

#include "mount-helpers/run_hardlinkfs.h"
#include "store/base/unique_fd.h"
#include "tests/vm/failure.h"

namespace hardlinkfs {
namespace {

constexpr int kUnmountTries = 2000;
constexpr int kMillisecondsBetween = 5;

constexpr char kLog[] = "/tmp/hardlinkfs.log";

// The server becomes our child when the command that started it ends.
pid_t OnlyChild() {
  std::ifstream children("/proc/thread-self/children");
  pid_t child = 0;
  children >> child;
  return child;
}

int ToShellStatus(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

// Runs `start`, which is given the end of a pipe to write to, and RETURNS: the process.
CommandEnd RunWith(const std::function<pid_t(int out)>& start) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) FailWithErrno("pipe");
  UniqueFd out(ends[0]);
  UniqueFd in(ends[1]);
  const pid_t child = start(in.get());
  in = UniqueFd();
  CommandEnd end;
  std::array<char, 4096> buffer{};
  // Until it ends, or closes its output as a server does.
  for (ssize_t got = 0; (got = read(out.get(), buffer.data(), buffer.size())) > 0;)
    end.output.append(buffer.data(), static_cast<size_t>(got));
  int status = 0;
  if (waitpid(child, &status, 0) != child) FailWithErrno("waitpid");
  end.status = ToShellStatus(status);
  return end;
}

// RETURNS: as argv.
std::vector<char*> ToArguments(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  return arguments;
}

}  // namespace

CommandEnd Run(const std::vector<std::string>& words) {
  return RunWith([&](int out) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
    pid_t child = 0;
    const int error = posix_spawnp(&child, words[0].c_str(), &actions, nullptr, ToArguments(words).data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) Fail(words[0] + ": " + std::strerror(error));
    return child;
  });
}

CommandEnd RunHardlinkfs(const std::vector<std::string>& words) {
  return RunWith([&](int out) {
    const pid_t child = fork();
    if (child < 0) FailWithErrno("fork");
    if (child > 0) return child;
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    close(out);  // or the server would keep it
    std::vector<std::string> all{"hardlinkfs"};
    all.insert(all.end(), words.begin(), words.end());
    const int status = RunHardlinkfs(static_cast<int>(all.size()), ToArguments(all).data());
    std::fflush(nullptr);
    _exit(status);
  });
}

void UnmountWhenFree(const std::string& mountpoint) {
  for (int i = 0; umount2(mountpoint.c_str(), 0) != 0; ++i) {
    if (errno != EBUSY || i >= kUnmountTries) FailWithErrno("umount " + mountpoint);
    poll(nullptr, 0, kMillisecondsBetween);
  }
}

std::string Mounted::Mount() {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  unlink(kLog);
  const CommandEnd end = RunHardlinkfs({"mount", "-o", std::string("commit=1,log=") + kLog, where_.source, where_.mountpoint});
  if (end.status != 0) return "hardlinkfs mount failed with " + std::to_string(end.status) + ": " + end.output;
  server_ = OnlyChild();
  return server_ > 0 ? "" : "hardlinkfs mount left no server";
}

std::string Mounted::Unmount() {
  UnmountWhenFree(where_.mountpoint);
  int status = 0;
  if (waitpid(server_, &status, 0) != server_) FailWithErrno("waitpid for the server");
  server_ = 0;
  return status == 0 ? "" : "the server ended with " + std::to_string(ToShellStatus(status));
}

std::string Mounted::Log() const {
  std::ifstream log(kLog);
  return {std::istreambuf_iterator<char>(log), {}};
}

}  // namespace hardlinkfs
