#include "store/backing/lock_wait.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>
#include <utility>

namespace hardlinkfs {
namespace {

// Ends a system call of the thread that gets it, and does nothing else.
int WakingSignal() {
  static const int signal = [] {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    sigaction(SIGRTMIN, &action, nullptr);  // without SA_RESTART
    return SIGRTMIN;
  }();
  return signal;
}

}  // namespace

void LockWait::Interrupt(int error) {
  interrupted_ = error;
  EndCall();
}

void LockWait::WakeUp() {
  woken_ = true;
  EndCall();
}

// A signal that comes just before the system call begins is lost on it, so it is sent until the call has ended.
void LockWait::EndCall() {
  const MutexLock lock(mutex_);
  while (blocked_) {
    pthread_kill(thread_, WakingSignal());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

int LockWait::Block(const std::function<int()>& wait) {
  sigset_t waking;
  sigemptyset(&waking);
  sigaddset(&waking, WakingSignal());
  pthread_sigmask(SIG_UNBLOCK, &waking, nullptr);
  thread_ = pthread_self();
  blocked_ = true;
  int error = EINTR;
  while (error == EINTR && interrupted_ == 0 && !woken_) error = wait() == 0 ? 0 : errno;
  blocked_ = false;
  return error == EINTR ? interrupted_.load() : error;  // 0 when it was woken up
}

Status LockWaits::Begin(std::shared_ptr<LockWait> wait, std::function<void()> body) {
  const MutexLock lock(mutex_);
  if (ended_) return Error{ENOLCK, "the mount is ending"};
  if (waits_.size() >= kMost) return Error{ENOLCK, "too many wait for locks"};
  waits_.insert(wait);
  try {
    std::thread([this, wait, body = std::move(body)]() mutable {
      body();
      body = nullptr;
      wait->End();
      const MutexLock ending(mutex_);
      waits_.erase(wait);
      if (waits_.empty()) none_.notify_all();
    }).detach();
  } catch (...) {  // no thread, or no memory for one
    waits_.erase(wait);
    return Error{ENOLCK, "no thread to wait for a lock in"};
  }
  return {};
}

void LockWaits::End() {
  std::unordered_set<std::shared_ptr<LockWait>> waits;
  {
    const MutexLock lock(mutex_);
    ended_ = true;
    waits = waits_;
  }
  for (const std::shared_ptr<LockWait>& wait : waits) wait->Interrupt(ECONNABORTED);
  const MutexLock lock(mutex_);
  while (!waits_.empty()) none_.wait(mutex_);
}

}  // namespace hardlinkfs
