// Connection: what is agreed with the kernel when it opens the conversation (FUSE_INIT).
#ifndef HARDLINKFS_FUSE_LOWLEVEL_CONNECTION_H_
#define HARDLINKFS_FUSE_LOWLEVEL_CONNECTION_H_

#include <atomic>

#include "fuse/vfs/vfs.h"

struct fuse_conn_info;

namespace hardlinkfs {

// What we would like beyond what is always asked for.
struct ConnectionWishes {
  bool passthrough = false;
  bool io_uring = false;
  BackingUse backing = BackingUse::kOurs;
  LockSharing locks = LockSharing::kThisMount;
};

// Thread safety: Negotiate is called once, by libfuse; the rest from any thread.
class Connection {
 public:
  explicit Connection(ConnectionWishes wishes) : wishes_(wishes) {}

  // Asks for all that the kernel offers of what we can use, and logs the outcome at debug level.
  void Negotiate(fuse_conn_info& info);

  // False until negotiated.
  bool passthrough() const { return passthrough_; }
  bool io_uring() const { return io_uring_; }

 private:
  const ConnectionWishes wishes_;
  std::atomic<bool> passthrough_ = false;
  std::atomic<bool> io_uring_ = false;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_LOWLEVEL_CONNECTION_H_
