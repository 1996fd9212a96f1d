// RequestLoop: receives requests and has them served by several threads, so that a quick one costs no change of threads.
//
// libfuse's own loop wakes another thread for each request, which on a virtual machine costs more than the request. Here one worker
// holds the baton: it receives a request and serves it, and the next one, by itself. It hands the baton on when more requests are waiting
// already, when the request is one that waits for a disk, or when a watchdog finds that it has been busy with one request for too long.
#ifndef HARDLINKFS_FUSE_LOWLEVEL_REQUEST_LOOP_H_
#define HARDLINKFS_FUSE_LOWLEVEL_REQUEST_LOOP_H_

#include <semaphore.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "store/base/unique_fd.h"

struct fuse_session;
struct fuse_buf;

namespace hardlinkfs {

// std::counting_semaphore of libstdc++ 12 wakes all that wait for each release, and they spin before they sleep again.
class Semaphore {
 public:
  explicit Semaphore(unsigned count) { sem_init(&semaphore_, 0, count); }
  ~Semaphore() { sem_destroy(&semaphore_); }
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  void Acquire() {
    // The only other way to return is EINTR.
    while (sem_wait(&semaphore_) != 0) {
    }
  }
  void Release() { sem_post(&semaphore_); }

 private:
  sem_t semaphore_{};
};

class RequestLoop {
 public:
  // Borrows the mounted session.
  explicit RequestLoop(fuse_session* session);
  ~RequestLoop();
  RequestLoop(const RequestLoop&) = delete;
  RequestLoop& operator=(const RequestLoop&) = delete;

  // Serves until the mount is gone or Stop is called. RETURNS: 0, or the errno of a broken connection; requests that were under way are
  // done in any case.
  int Run();
  // Thread safety: any thread.
  void Stop();

 private:
  static constexpr int kWorkers = 10;
  static constexpr uint64_t kBusy = 1;  // lowest bit of baton_: its holder is serving; the rest counts how often it was handed on

  void Work();
  // Receives into `buffer`. RETURNS: false at the end.
  bool Receive(fuse_buf& buffer);
  bool ServeWithBaton(fuse_buf& buffer, uint64_t& held);
  bool AnotherIsWaiting() const;
  void Finish(int error);

  void Watch();

  fuse_session* const session_;
  const int descriptor_;
  const UniqueFd stop_;  // eventfd: readable when it is over
  std::atomic<bool> stopping_{false};
  std::atomic<int> error_{0};

  Semaphore baton_free_{1};
  std::atomic<uint64_t> baton_{0};
  std::atomic<uint64_t> received_{0};

  // The watchdog sleeps while nothing is received.
  std::mutex watch_mutex_;
  std::condition_variable watch_wake_;
  std::atomic<bool> watching_{false};
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_LOWLEVEL_REQUEST_LOOP_H_
