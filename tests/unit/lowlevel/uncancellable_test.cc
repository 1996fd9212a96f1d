#include "fuse/lowlevel/uncancellable.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>

namespace hardlinkfs {
namespace {

struct Progress {
  std::atomic<bool> begun = false;
  std::atomic<bool> cancelled = false;
  std::atomic<bool> went_on = false;
  std::atomic<bool> went_on_afterwards = false;
};

// close(2) is a point where a thread may be cancelled; as here it is called by destructors.
void CloseNothing() noexcept { close(-1); }

void* Work(void* argument) {
  Progress& progress = *static_cast<Progress*>(argument);
  {
    const Uncancellable uncancellable;
    progress.begun = true;
    while (!progress.cancelled) sched_yield();
    CloseNothing();
    progress.went_on = true;
  }
  pthread_testcancel();
  progress.went_on_afterwards = true;
  return nullptr;
}

TEST(Uncancellable, PutsACancellationOffToItsEnd) {
  Progress progress;
  pthread_t thread{};
  ASSERT_EQ(pthread_create(&thread, nullptr, Work, &progress), 0);
  while (!progress.begun) sched_yield();
  ASSERT_EQ(pthread_cancel(thread), 0);
  progress.cancelled = true;
  void* result = nullptr;
  ASSERT_EQ(pthread_join(thread, &result), 0);
  EXPECT_TRUE(result == PTHREAD_CANCELED);
  EXPECT_TRUE(progress.went_on);
  EXPECT_FALSE(progress.went_on_afterwards);
}

}  // namespace
}  // namespace hardlinkfs
