// A child makes the namespace, we write its maps, and keep it by a descriptor; see id_map.h.
#include "store/mirror/id_map.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <limits>
#include <set>

#include "store/backing/linux_calls.h"

namespace hardlinkfs {
namespace {

constexpr uint64_t kIds = std::numeric_limits<uint32_t>::max();  // the last one is no id

// A child in a user namespace of its own, until destroyed.
class NamespaceChild {
 public:
  NamespaceChild() {
    std::array<int, 2> pipe_fds{};
    if (pipe2(pipe_fds.data(), O_CLOEXEC) != 0) {
      error_ = errno;
      return;
    }
    const UniqueFd read_end(pipe_fds[0]);
    UniqueFd write_end(pipe_fds[1]);
    pid_ = fork();
    if (pid_ == 0) {
      // Only calls that are safe after a fork of a process with threads.
      const int failed = unshare(CLONE_NEWUSER) == 0 ? 0 : errno;
      static_cast<void>(write(write_end.get(), &failed, sizeof failed));
      for (;;) pause();
    }
    if (pid_ < 0) {
      error_ = errno;
      return;
    }
    write_end = UniqueFd();
    if (RetryInterrupted([&] { return read(read_end.get(), &error_, sizeof error_); }) != sizeof error_) error_ = EIO;
  }
  ~NamespaceChild() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    RetryInterrupted([&] { return waitpid(pid_, nullptr, 0); });
  }
  NamespaceChild(const NamespaceChild&) = delete;
  NamespaceChild& operator=(const NamespaceChild&) = delete;

  int error() const { return error_; }
  std::string Path(const char* file) const { return "/proc/" + std::to_string(pid_) + "/" + file; }

 private:
  pid_t pid_ = -1;
  int error_ = 0;
};

// In one write, as the kernel demands.
Status WriteMap(const std::string& path, const std::string& text) {
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.valid() || write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return LastError("id map");
  return {};
}

}  // namespace

std::string MapText(const IdPairs& pairs) {
  std::set<uint64_t> named;
  for (const auto& [from, to] : pairs) {
    named.insert(from);
    named.insert(to);
  }
  std::string text;
  const auto add = [&text](uint64_t from, uint64_t to, uint64_t count) {
    if (count > 0) text += std::to_string(from) + " " + std::to_string(to) + " " + std::to_string(count) + "\n";
  };
  uint64_t next = 0;
  for (const uint64_t id : named) {
    add(next, next, id - next);
    next = id + 1;
  }
  add(next, next, kIds - next);
  for (const auto& [from, to] : pairs) add(from, to, 1);
  return text;
}

Result<UniqueFd> MakeUserNamespace(const IdMap& map) {
  const NamespaceChild child;
  if (child.error() != 0) return Error{child.error(), "a user namespace"};
  if (Status written = WriteMap(child.Path("uid_map"), MapText(map.uids)); !written.ok()) return written.error();
  if (Status written = WriteMap(child.Path("gid_map"), MapText(map.gids)); !written.ok()) return written.error();
  UniqueFd ns(open(child.Path("ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  if (!ns.valid()) return LastError("a user namespace");
  return ns;
}

}  // namespace hardlinkfs
