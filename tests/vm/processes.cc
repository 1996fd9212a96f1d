#include "tests/vm/processes.h"

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <future>
#include <iterator>

#include "mount-helpers/run_hardlinkfs.h"
#include "store/base/unique_fd.h"
#include "tests/vm/failure.h"

namespace hardlinkfs {
namespace {

constexpr int kUnmountTries = 2000;
constexpr int kMillisecondsBetween = 5;

// Of a thread of ours: glibc keeps this much in all of stacks that are free.
constexpr size_t kStackBytes = 512 << 10;
constexpr size_t kKeptBytes = 1 << 30;

// What was touched once stays: in a guest a page that is touched for the first time costs a quarter of a millisecond.
void KeepMemory() {
  static const bool kept = [] {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, kStackBytes);
    const bool stacks = pthread_setattr_default_np(&attributes) == 0;
    pthread_attr_destroy(&attributes);
    return stacks && mallopt(M_TRIM_THRESHOLD, kKeptBytes) == 1 && mallopt(M_MMAP_THRESHOLD, 32 << 20) == 1;
  }();
  if (!kept) Fail("memory cannot be kept");
}

// Takes what this process prints meanwhile.
class Captured {
 public:
  Captured() : file_(memfd_create("output", MFD_CLOEXEC)) {
    if (!file_.valid()) FailWithErrno("memfd");
    for (const int stream : kStreams) {
      saved_.emplace_back(fcntl(stream, F_DUPFD_CLOEXEC, 0));
      dup2(file_.get(), stream);
    }
  }
  ~Captured() { Stop(); }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;

  std::string Stop() {
    std::fflush(nullptr);
    for (size_t i = 0; i < saved_.size(); ++i) dup2(saved_[i].get(), kStreams[i]);
    saved_.clear();
    std::string text(static_cast<size_t>(lseek(file_.get(), 0, SEEK_END)), '\0');
    if (pread(file_.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) FailWithErrno("output");
    return text;
  }

 private:
  static constexpr std::array<int, 2> kStreams{STDOUT_FILENO, STDERR_FILENO};
  const UniqueFd file_;
  std::vector<UniqueFd> saved_;
};

// RETURNS: as argv.
std::vector<char*> ToArguments(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  return arguments;
}

int RunHere(std::vector<std::string> words) {
  words.insert(words.begin(), "hardlinkfs");
  return RunHardlinkfs(static_cast<int>(words.size()), ToArguments(words).data());
}

// RETURNS: 0 when it cannot be seen.
dev_t DeviceOf(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? status.st_dev : 0;
}

}  // namespace

CommandEnd Run(const std::vector<std::string>& words) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) FailWithErrno("pipe");
  UniqueFd out(ends[0]);
  UniqueFd in(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, in.get(), STDERR_FILENO);
  pid_t child = 0;
  const int error = posix_spawnp(&child, words[0].c_str(), &actions, nullptr, ToArguments(words).data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) Fail(words[0] + ": " + std::strerror(error));
  in = UniqueFd();
  CommandEnd end;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = read(out.get(), buffer.data(), buffer.size())) > 0;)
    end.output.append(buffer.data(), static_cast<size_t>(got));
  int status = 0;
  if (waitpid(child, &status, 0) != child) FailWithErrno("waitpid");
  end.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return end;
}

CommandEnd RunHardlinkfs(const std::vector<std::string>& words) {
  KeepMemory();
  CommandEnd end;
  Captured output;
  end.status = RunHere(words);
  end.output = output.Stop();
  return end;
}

void UnmountWhenFree(const std::string& mountpoint) {
  for (int i = 0; umount2(mountpoint.c_str(), 0) != 0; ++i) {
    if (errno != EBUSY || i >= kUnmountTries) FailWithErrno("umount " + mountpoint);
    poll(nullptr, 0, kMillisecondsBetween);
  }
}

std::string Mounted::Mount() {
  KeepMemory();
  unlink(log_.c_str());
  const dev_t covered = DeviceOf(where_.mountpoint);
  Captured output;
  server_ = std::async(std::launch::async, [this] {
    return RunHere({"mount", "-f", "-o", "names=catalog,umask=022,commit=1,log=" + log_, where_.source, where_.mountpoint});
  });
  while (server_.wait_for(std::chrono::milliseconds(1)) == std::future_status::timeout) {
    const dev_t device = DeviceOf(where_.mountpoint);
    if (device != 0 && device != covered && Log().find(" mounted on ") != std::string::npos) return "";
  }
  const int status = server_.get();
  return "hardlinkfs mount failed with " + std::to_string(status) + ": " + output.Stop();
}

std::string Mounted::Unmount() {
  UnmountWhenFree(where_.mountpoint);
  const int status = server_.get();
  return status == 0 ? "" : "the server ended with " + std::to_string(status);
}

std::string Mounted::Log() const {
  std::ifstream log(log_);
  return {std::istreambuf_iterator<char>(log), {}};
}

}  // namespace hardlinkfs
