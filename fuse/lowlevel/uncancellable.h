// Uncancellable: keeps the current thread from being cancelled while it lives.
//
// libfuse ends the threads of its io_uring queues by pthread_cancel, in whatever they are doing, and creates them cancellable. Our code is
// not made for that: a system call would unwind it, out of noexcept functions too (close(2) in a destructor), which ends the process before
// anything is settled. So whatever libfuse calls on its own threads begins with one of these.
#ifndef HARDLINKFS_FUSE_LOWLEVEL_UNCANCELLABLE_H_
#define HARDLINKFS_FUSE_LOWLEVEL_UNCANCELLABLE_H_

#include <pthread.h>

namespace hardlinkfs {

class [[nodiscard]] Uncancellable {
 public:
  Uncancellable() { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  // A cancellation that came meanwhile waits for libfuse's next system call.
  ~Uncancellable() { pthread_setcancelstate(before_, nullptr); }
  Uncancellable(const Uncancellable&) = delete;
  Uncancellable& operator=(const Uncancellable&) = delete;

 private:
  int before_ = PTHREAD_CANCEL_ENABLE;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_LOWLEVEL_UNCANCELLABLE_H_
