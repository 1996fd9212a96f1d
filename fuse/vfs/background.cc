// The background thread, see background.h.
#include "fuse/vfs/background.h"

#include <spdlog/spdlog.h>

#include <cstring>

namespace hardlinkfs {
namespace {

constexpr size_t kReclaimAtOnce = 256;
constexpr size_t kSettleAtOnce = 64;

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
  for (;;) {
    {
      std::unique_lock<Mutex> lock(mutex_);
      if (wake_.wait_for(lock, commit_, [this]() { return IsStopping(); })) return;
    }
    Work();
  }
}

void Background::Work() {
  if (volume_.NeedsSync()) Report("sync", volume_.SyncAll());
  for (;;) {
    const Result<size_t> reclaimed = volume_.ReclaimSome(kReclaimAtOnce);
    Report("removing unlinked files", reclaimed.status());
    if (!reclaimed.ok() || *reclaimed < kReclaimAtOnce) break;
  }
  // Settling costs the backing two steps a file, so it waits for a pause.
  const uint64_t commits = volume_.commits();
  const bool quiet = commits == commits_seen_;
  if (quiet && volume_.NeedsSettling()) Report("settling", volume_.SettleSome(kSettleAtOnce).status());
  commits_seen_ = volume_.commits();
}

}  // namespace hardlinkfs
