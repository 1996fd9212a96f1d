// Session: one mount: from mount(2) over the loop that serves it to its end. Daemonising, signals and messages to the user are the
// caller's.
#ifndef HARDLINKFS_FUSE_LOWLEVEL_SESSION_H_
#define HARDLINKFS_FUSE_LOWLEVEL_SESSION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "fuse/lowlevel/kernel_cache.h"
#include "fuse/lowlevel/passthrough.h"
#include "fuse/vfs/vfs.h"
#include "store/base/clock.h"
#include "store/base/result.h"

namespace hardlinkfs {

enum class MountSharing { kOwner, kRootAndOwner, kEverybody };

// A year, so as good as for ever.
inline constexpr double kForever = 365.0 * 86400.0;

// How long the kernel may believe what it was told, in seconds. For ever, where nothing changes but by requests of this very kernel, which
// brings its caches up to date with each of them, and by reconciling, after which the Invalidator has them dropped. A reply cannot bring
// back what a later change removed: the kernel holds the directory's lock from the request of a lookup, create or removal to the end of its
// reply, and stamps attributes with a version so that those that were overtaken by a change are not kept (fuse_change_attributes).
struct Believe {
  double attributes = kForever;
  double names = kForever;  // also that there is none
};

struct SessionOptions {
  std::string source;                     // shown as the mount's source
  std::string mountpoint;                 // absolute
  std::vector<std::string> kernel_flags;  // mount flags and security contexts as mount(8) spells them
  MountSharing sharing = MountSharing::kOwner;
  BackingUse backing = BackingUse::kOurs;
  LockSharing locks = LockSharing::kThisMount;
  Believe believe;
  bool passthrough = false;  // if the kernel has it
  bool io_uring = false;     // if the kernel has it
  bool debug = false;        // log each request
  // Loads the policy again. RETURNS: what is wrong with it, if it was not loaded. Thread safety: any thread.
  std::function<std::string()> reload_policy;
  std::optional<int64_t> restored_from;  // of what time the snapshot is that the catalog went back to last, seconds since the epoch
};

// Why a mount failed. The reason is in libfuse's or fusermount3's words, and they have no literals that could be an Error's.
struct MountFailure {
  int code = 0;  // errno; 0 when it is not known
  std::string reason;
};

class Session {
 public:
  using MountResult = std::variant<std::unique_ptr<Session>, MountFailure>;

  // Mounts. Operations wait until Serve is called. Borrows all.
  // REQUIRES: nothing else of this process uses libfuse. Standard error is redirected during the call.
  static MountResult Mount(Vfs& vfs, const Clock& clock, KernelPassthrough& passthrough, SessionCache& cache,
                           const SessionOptions& options);
  // Unmounts, lazily when files are open, unless that has happened already.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Serves requests with several threads until the mount is gone or End is called. As soon as the root directory can be seen through the
  // mount, `on_ready` is called, from another thread. RETURNS: an error when the loop ended by one; requests that were under way are done
  // in any case.
  Status Serve(const std::function<void()>& on_ready);

  // Makes Serve return, after the pages that the kernel still keeps of mmap were written back. Not async-signal-safe. Thread safety: any
  // thread.
  void End();

  // What was agreed upon; false before Serve's on_ready. Thread safety: any thread.
  bool uses_passthrough() const;
  bool uses_io_uring() const;

 private:
  struct State;
  explicit Session(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// RETURNS: whether the kernel lets FUSE use io_uring (module parameter enable_uring).
bool KernelHasFuseIoUring();

// RETURNS: the version of libfuse, as "3.18.3".
std::string LibfuseVersion();

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_LOWLEVEL_SESSION_H_
