// The background thread, see background.h.
#include "fuse/vfs/background.h"

#include <malloc.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>

namespace hardlinkfs {
namespace {

// Space that was freed is given back this soon; a sync of the catalog comes before, so not at once.
constexpr std::chrono::seconds kTick{1};
constexpr size_t kReclaimAtOnce = 256;
constexpr size_t kSettleAtOnce = 64;
constexpr size_t kManyForgotten = 100'000;  // some 20 MB

void Report(const char* work, const Status& status) {
  if (!status.ok()) spdlog::warn("{} failed: {} ({})", work, status.error().what, std::strerror(status.code()));
}

}  // namespace

void Background::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Background::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Background::Run() {
  for (auto last_commit = std::chrono::steady_clock::now();;) {
    {
      std::unique_lock<Mutex> lock(mutex_);
      if (wake_.wait_for(lock, std::min(kTick, commit_), [this]() {
            mutex_.AssertHeld();
            return IsStopping();
          }))
        return;
    }
    Reclaim();
    ReturnMemory();
    const auto now = std::chrono::steady_clock::now();
    if (now - last_commit < commit_) continue;
    last_commit = now;
    if (volume_.NeedsSync()) Report("sync", volume_.SyncAll());
    Settle();
  }
}

void Background::Reclaim() {
  while (volume_.NeedsReclaim()) {
    const Result<size_t> reclaimed = volume_.ReclaimSome(kReclaimAtOnce);
    Report("removing unlinked files", reclaimed.status());
    if (!reclaimed.ok() || *reclaimed < kReclaimAtOnce) break;
  }
}

// The C library keeps what is freed in small pieces, so that a walk through millions of files would be to be seen for ever.
void Background::ReturnMemory() {
  if (forgotten_.load(std::memory_order_relaxed) < kManyForgotten) return;
  forgotten_ = 0;
  malloc_trim(0);
}

void Background::Settle() {
  // Settling costs the backing two steps a file, so it waits for a pause.
  const uint64_t commits = volume_.commits();
  const bool quiet = commits == commits_seen_;
  if (quiet && volume_.NeedsSettling()) Report("settling", volume_.SettleSome(kSettleAtOnce).status());
  commits_seen_ = volume_.commits();
}

}  // namespace hardlinkfs
