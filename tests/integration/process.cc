#include "tests/integration/process.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace hardlinkfs {
namespace {

constexpr std::chrono::seconds kPatience{120};
constexpr std::chrono::milliseconds kInterval{2};

void Become(const User& user) {
  if (setgroups(user.groups.size(), user.groups.data()) != 0 || setresgid(user.gid, user.gid, user.gid) != 0 ||
      setresuid(user.uid, user.uid, user.uid) != 0) {
    std::perror("cannot become another user");
    _exit(125);
  }
}

int ToStatus(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

int WaitFor(pid_t child) {
  int status = 0;
  const bool ended = Eventually([&] { return waitpid(child, &status, WNOHANG) == child; }, kPatience);
  if (!ended) {
    std::fprintf(stderr, "a child did not end in time and is killed\n");
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
  }
  return ToStatus(status);
}

pid_t Fork(const std::function<int()>& body) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child != 0) return child;
  const int status = body();
  std::fflush(nullptr);
  _exit(status);  // no exit(3): what the test set up is the parent's to tear down
}

std::string Drain(int fd) {
  std::string text;
  char part[4096];
  if (lseek(fd, 0, SEEK_SET) != 0) return text;
  for (ssize_t n = 0; (n = read(fd, part, sizeof part)) > 0;) text.append(part, static_cast<size_t>(n));
  return text;
}

}  // namespace

CommandResult RunCommand(const std::vector<std::string>& arguments, const std::optional<User>& user) {
  // Files, not pipes: a server that stays in the background must not keep us waiting for the end of its output.
  const int out = memfd_create("stdout", MFD_CLOEXEC);
  const int err = memfd_create("stderr", MFD_CLOEXEC);
  std::vector<std::string> copies = arguments;
  std::vector<char*> words;
  std::transform(copies.begin(), copies.end(), std::back_inserter(words), [](std::string& word) { return word.data(); });
  words.push_back(nullptr);
  const pid_t child = Fork([&] {
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    if (user.has_value()) Become(*user);
    execvp(words[0], words.data());
    std::perror(words[0]);
    return 127;
  });
  CommandResult result;
  result.status = WaitFor(child);
  result.out = Drain(out);
  result.err = Drain(err);
  close(out);
  close(err);
  return result;
}

int InChild(const std::function<int()>& body) { return WaitFor(Fork(body)); }

int AsUser(const User& user, const std::function<int()>& body) {
  return InChild([&] {
    Become(user);
    return body();
  });
}

int InChildren(int count, const std::function<int(int)>& body) {
  std::vector<pid_t> children;
  for (int i = 0; i < count; ++i) children.push_back(Fork([&, i] { return body(i); }));
  int worst = 0;
  for (const pid_t child : children) worst = std::max(worst, WaitFor(child));
  return worst;
}

bool Eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kInterval);
  }
  return true;
}

}  // namespace hardlinkfs
