#include "mount-helpers/termination.h"

#include <pthread.h>

#include <stop_token>
#include <utility>

namespace hardlinkfs {

TerminationSignals::TerminationSignals() {
  sigemptyset(&set_);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set_, signal);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  // A log to a closed terminal is no reason to end.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGIO, SIG_IGN);  // somebody waits for a lease that is had for a moment
}

bool TerminationSignals::Pending() const {
  sigset_t pending{};
  sigpending(&pending);
  for (const int signal : {SIGTERM, SIGINT}) {
    if (sigismember(&pending, signal) == 1) return true;
  }
  return false;
}

TerminationSignals::Watch::Watch(const TerminationSignals& signals, std::function<void(int)> on_signal)
    : thread_([set = signals.set_, on_signal = std::move(on_signal)](const std::stop_token& stop) {
        int signal = 0;
        while (sigwait(&set, &signal) == 0 && !stop.stop_requested()) on_signal(signal);
      }) {}

TerminationSignals::Watch::~Watch() {
  thread_.request_stop();
  pthread_kill(thread_.native_handle(), SIGTERM);
}

}  // namespace hardlinkfs
