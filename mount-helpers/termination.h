// TerminationSignals: SIGTERM and SIGINT, and SIGHUP, as an event for one thread, instead of an interruption of any.
#ifndef HARDLINKFS_MOUNT_HELPERS_TERMINATION_H_
#define HARDLINKFS_MOUNT_HELPERS_TERMINATION_H_

#include <csignal>
#include <functional>
#include <thread>

namespace hardlinkfs {

// Blocks the signals for good, in this thread and those it starts afterwards: a handler would make system calls on the backing fail with
// EINTR, and RocksDB takes some of those for the end of the world. REQUIRES: made before any other thread.
class TerminationSignals {
 public:
  TerminationSignals();

  // RETURNS: whether one that ends us has arrived, and nobody has taken it yet.
  bool Pending() const;

  // Waits for the next one, from now on. While it exists, `on_signal` is called with each that arrives, from a thread of its own.
  class Watch {
   public:
    Watch(const TerminationSignals& signals, std::function<void(int)> on_signal);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    std::jthread thread_;
  };

 private:
  sigset_t set_{};
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_TERMINATION_H_
