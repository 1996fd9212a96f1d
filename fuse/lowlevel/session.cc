#include "fuse/lowlevel/session.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <thread>
#include <utility>

#include "fuse/lowlevel/connection.h"
#include "fuse/lowlevel/fuse_api.h"
#include "fuse/lowlevel/fuse_log.h"
#include "fuse/lowlevel/operations.h"
#include "fuse/lowlevel/request_loop.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {
namespace {

// libfuse splits its option strings at commas.
std::string Escaped(const std::string& value) {
  std::string out;
  for (const char c : value) {
    if (c == ',' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

std::vector<std::string> LibfuseOptions(const SessionOptions& options) {
  std::vector<std::string> list{"default_permissions", "subtype=hardlinkfs", "fsname=" + Escaped(options.source)};
  // libfuse always sets nosuid and nodev first. As root we are as any filesystem of a disk, unless
  // kernel_flags say otherwise; fusermount3 insists on them anyway.
  if (geteuid() == 0) list.insert(list.end(), {"suid", "dev"});
  if (options.sharing == MountSharing::kEverybody) list.emplace_back("allow_other");
  if (options.sharing == MountSharing::kRootAndOwner) list.emplace_back("allow_root");
  if (options.io_uring) list.emplace_back("io_uring");
  if (options.debug) list.emplace_back("debug");
  for (const std::string& flag : options.kernel_flags) list.push_back(Escaped(flag));
  return list;
}

fuse_session* NewSession(const SessionOptions& options, const fuse_lowlevel_ops& operations, Server& server) {
  fuse_args arguments = FUSE_ARGS_INIT(0, nullptr);
  fuse_opt_add_arg(&arguments, "hardlinkfs");
  for (const std::string& option : LibfuseOptions(options)) {
    fuse_opt_add_arg(&arguments, "-o");
    fuse_opt_add_arg(&arguments, option.c_str());
  }
  fuse_session* const session = fuse_session_new(&arguments, &operations, sizeof(operations), &server);
  fuse_opt_free_args(&arguments);
  return session;
}

MountFailure FailureOf(const FuseComplaints& complaints) {
  const std::string reason = complaints.reason();
  return {complaints.code(), reason.empty() ? "the mount failed without a message" : reason};
}

}  // namespace

struct Session::State {
  struct Destroy {
    void operator()(fuse_session* ended) const { fuse_session_destroy(ended); }
  };

  State(Vfs& vfs, const Clock& clock, KernelPassthrough& kernel_passthrough, SessionCache& cache, const SessionOptions& wanted)
      : options(wanted),
        connection({wanted.passthrough, wanted.io_uring, wanted.backing, wanted.locks}),
        server{vfs, clock, kernel_passthrough, cache, connection, options} {}

  // RETURNS: 0 when the root directory can be seen at the mountpoint, else an errno.
  int Look() const {
    struct stat root {};
    if (stat(options.mountpoint.c_str(), &root) != 0) return errno;
    // Without the mount, that is after it was ended, the path leads to the directory below.
    return root.st_dev == covered_device ? ENOTCONN : 0;
  }

  const SessionOptions options;
  dev_t covered_device = 0;  // of the directory that the mount covers
  Connection connection;
  Server server;
  std::unique_ptr<fuse_session, Destroy> session;
  std::unique_ptr<RequestLoop> loop;  // null with io_uring
};

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}

Session::MountResult Session::Mount(Vfs& vfs, const Clock& clock, KernelPassthrough& passthrough, SessionCache& cache,
                                    const SessionOptions& options) {
  RouteFuseLog();
  auto state = std::make_unique<State>(vfs, clock, passthrough, cache, options);
  struct stat covered {};
  if (stat(options.mountpoint.c_str(), &covered) != 0) return MountFailure{errno, "the mountpoint cannot be seen"};
  state->covered_device = covered.st_dev;
  const FuseComplaints complaints;
  state->session.reset(NewSession(options, Operations(), state->server));
  if (state->session == nullptr) return FailureOf(complaints);
  if (fuse_session_mount(state->session.get(), options.mountpoint.c_str()) != 0) return FailureOf(complaints);
  if (!options.io_uring) state->loop = std::make_unique<RequestLoop>(state->session.get());
  return std::unique_ptr<Session>(new Session(std::move(state)));
}

Session::~Session() {
  // The descriptor is closed by the unmounting, so nobody may use it any more.
  state_->server.passthrough.Detach();
  state_->server.cache.Detach();
  fuse_session_unmount(state_->session.get());
}

Status Session::Serve(const std::function<void()>& on_ready) {
  fuse_session* const session = state_->session.get();
  if (state_->options.passthrough) state_->server.passthrough.Attach(fuse_session_fd(session));
  state_->server.cache.Attach(session);
  // Asks through the mount, so that it waits for INIT and sees what any program will see. When the loop fails first, the kernel answers it
  // with an error as soon as the descriptor is closed.
  int look = 0;
  std::jthread first_look([this, session, &look, &on_ready] {
    look = state_->Look();
    if (look == 0) return on_ready();
    state_->server.cache.Detach();
    fuse_session_exit(session);
    if (state_->loop != nullptr) state_->loop->Stop();
  });
  // With io_uring the rings have threads of their own, which only libfuse's loop ends.
  const int result = state_->loop == nullptr ? fuse_session_loop_mt(session, nullptr) : -state_->loop->Run();
  state_->server.passthrough.Detach();
  state_->server.cache.Detach();
  state_->server.vfs.EndLockWaits();
  fuse_session_unmount(session);
  first_look.join();
  if (look != 0) return Error{look, "the mount cannot be seen after mounting"};
  if (result != 0) return Error{result < 0 ? -result : EIO, "the connection to the kernel broke"};
  return {};
}

void Session::End() {
  state_->server.vfs.gate().EndDelays();
  // While requests are still served: afterwards the kernel would have to throw those pages away.
  const UniqueFd root(open(state_->options.mountpoint.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (root.valid() && syncfs(root.get()) != 0) spdlog::warn("pages of memory-mapped files could not be written back: errno {}", errno);
  state_->server.cache.Detach();
  fuse_session_exit(state_->session.get());
  if (state_->loop != nullptr) state_->loop->Stop();
}

bool Session::uses_passthrough() const { return state_->connection.passthrough() && state_->server.passthrough.attached(); }

bool Session::uses_io_uring() const { return state_->connection.io_uring(); }

bool KernelHasFuseIoUring() {
  std::ifstream parameter("/sys/module/fuse/parameters/enable_uring");
  char value = 'N';
  parameter >> value;
  return value == 'Y' || value == '1';
}

std::string LibfuseVersion() { return fuse_pkgversion(); }

}  // namespace hardlinkfs
