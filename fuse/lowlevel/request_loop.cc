// The loop that serves /dev/fuse, see request_loop.h.
#include "fuse/lowlevel/request_loop.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "fuse/lowlevel/fuse_api.h"

namespace hardlinkfs {
namespace {

// A request that takes longer than this has the others served by another worker meanwhile.
constexpr auto kPatience = std::chrono::milliseconds(2);
// Without requests for this long the watchdog goes to sleep.
constexpr int kIdleTicks = 250;

enum class Duration {
  kInstant,  // not worth a second worker, whatever else is waiting
  kUnknown,
  kWaitsForDisk,  // by its nature
};

Duration DurationOf(const fuse_buf& buffer) {
  fuse_in_header header{};
  if ((buffer.flags & FUSE_BUF_IS_FD) != 0 || buffer.size < sizeof header) return Duration::kWaitsForDisk;
  std::memcpy(&header, buffer.mem, sizeof header);
  switch (header.opcode) {
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
      return Duration::kInstant;
    case FUSE_FSYNC:
    case FUSE_FSYNCDIR:
    case FUSE_SYNCFS:
    case FUSE_FALLOCATE:
    case FUSE_COPY_FILE_RANGE:
    case FUSE_OPENDIR:
      return Duration::kWaitsForDisk;
    default:
      return Duration::kUnknown;
  }
}

}  // namespace

RequestLoop::RequestLoop(fuse_session* session)
    : session_(session), descriptor_(fuse_session_fd(session)), stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  // A request can be taken back between poll and read; nobody may be stuck in the read then.
  fcntl(descriptor_, F_SETFL, fcntl(descriptor_, F_GETFL) | O_NONBLOCK);
}

RequestLoop::~RequestLoop() = default;

int RequestLoop::Run() {
  {
    std::vector<std::jthread> threads;
    threads.emplace_back([this] { Watch(); });
    for (int i = 0; i < kWorkers; ++i) threads.emplace_back([this] { Work(); });
  }
  return error_;
}

void RequestLoop::Stop() { Finish(0); }

void RequestLoop::Finish(int error) {
  if (error != 0) error_ = error;
  stopping_ = true;
  const uint64_t one = 1;
  // Cannot fail but for a full counter, and then it is readable already.
  [[maybe_unused]] const ssize_t written = write(stop_.get(), &one, sizeof one);
  for (int i = 0; i < kWorkers; ++i) baton_free_.Release();
  const std::lock_guard lock(watch_mutex_);
  watch_wake_.notify_all();
}

bool RequestLoop::Receive(fuse_buf& buffer) {
  for (;;) {
    std::array<pollfd, 2> waiting{pollfd{descriptor_, POLLIN, 0}, pollfd{stop_.get(), POLLIN, 0}};
    if (poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) {
      Finish(errno);
      return false;
    }
    if (stopping_) return false;
    const int received = fuse_session_receive_buf(session_, &buffer);
    if (received == -EINTR || received == -EAGAIN) continue;
    if (received > 0) return true;
    // 0: unmounted. So is ECONNABORTED, when that happens while a request is being read; without FUSE_ABORT_ERROR it means nothing else.
    Finish(received == -ECONNABORTED ? 0 : -received);
    return false;
  }
}

bool RequestLoop::AnotherIsWaiting() const {
  pollfd waiting{descriptor_, POLLIN, 0};
  return poll(&waiting, 1, 0) == 1 && (waiting.revents & POLLIN) != 0;
}

// RETURNS: whether this worker still holds the baton afterwards.
bool RequestLoop::ServeWithBaton(fuse_buf& buffer, uint64_t& held) {
  const Duration duration = DurationOf(buffer);
  if (duration == Duration::kInstant) {
    fuse_session_process_buf(session_, &buffer);
    return true;
  }
  if (duration == Duration::kWaitsForDisk || AnotherIsWaiting()) {
    baton_ = held + 2;
    baton_free_.Release();
    fuse_session_process_buf(session_, &buffer);
    return false;
  }
  received_.fetch_add(1, std::memory_order_relaxed);
  baton_ = held | kBusy;
  if (!watching_.load()) {
    const std::lock_guard lock(watch_mutex_);
    watching_ = true;
    watch_wake_.notify_all();
  }
  fuse_session_process_buf(session_, &buffer);
  uint64_t expected = held | kBusy;
  return baton_.compare_exchange_strong(expected, held);
}

void RequestLoop::Work() {
  fuse_buf buffer{};
  while (!stopping_) {
    baton_free_.Acquire();
    if (stopping_) break;
    uint64_t held = baton_;
    while (Receive(buffer) && ServeWithBaton(buffer, held)) {
    }
  }
  std::free(buffer.mem);
}

void RequestLoop::Watch() {
  uint64_t seen_baton = 0, seen_received = 0;
  int idle_ticks = 0;
  while (!stopping_) {
    if (idle_ticks >= kIdleTicks) {
      std::unique_lock lock(watch_mutex_);
      watching_ = false;
      // A worker marks itself busy first and looks for us then; so one of us sees the other. Who saw us still awake wakes nobody.
      watch_wake_.wait(lock, [this] { return watching_.load() || stopping_.load() || (baton_.load() & kBusy) != 0; });
      watching_ = true;
      idle_ticks = 0;
    }
    std::this_thread::sleep_for(kPatience);
    const uint64_t received = received_.load(std::memory_order_relaxed);
    uint64_t baton = baton_;
    const bool same_request = received == seen_received && baton == seen_baton;
    if (same_request && (baton & kBusy) != 0) {
      // The holder finds out when it has served its request.
      if (baton_.compare_exchange_strong(baton, (baton & ~kBusy) + 2)) baton_free_.Release();
    }
    idle_ticks = same_request && (baton & kBusy) == 0 ? idle_ticks + 1 : 0;
    seen_received = received;
    seen_baton = baton;
  }
}

}  // namespace hardlinkfs
