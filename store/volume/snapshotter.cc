#include "store/volume/snapshotter.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace hardlinkfs {
namespace {

constexpr std::chrono::seconds kTick{5};
constexpr int kShareOfTime = 100;
// While others work each piece is followed by a pause of so many times its length.
constexpr int kPauses = 9;

}  // namespace

Snapshotter::Snapshotter(CatalogVolume& volume, SnapshotFolder& folder, const Clock& clock, const Reserve* reserve,
                         std::chrono::seconds interval)
    : volume_(volume), folder_(folder), clock_(clock), reserve_(reserve), interval_(interval) {
  const std::vector<SnapshotFolder::Found> found = folder_.List();
  const MutexLock lock(mutex_);
  sound_ = found.size();
  if (!found.empty()) last_taken_ = found.front().head.taken;
}

void Snapshotter::Start() {
  if (interval_.count() > 0) thread_ = std::thread([this] { Run(); });
}

void Snapshotter::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  const MutexLock lock(mutex_);
  stopping_ = false;
}

void Snapshotter::Run() {
  for (;;) {
    {
      std::unique_lock<Mutex> lock(mutex_);
      if (wake_.wait_for(lock, std::min<std::chrono::seconds>(kTick, interval_), [this]() {
            mutex_.AssertHeld();
            return stopping_;
          }))
        return;
    }
    if (IsDue()) static_cast<void>(Take());  // it has been logged
  }
}

// The clock may be set back: then one is due.
bool Snapshotter::IsDue(Moment moment) {
  if (interval_.count() == 0) return false;
  const int64_t now = clock_.Now().seconds;
  const MutexLock lock(mutex_);
  if (last_taken_.has_value() && commits_taken_ == volume_.commits()) return false;
  if (moment == Moment::kUnmount && sound_ < 2) return true;
  const int64_t last = std::max(last_taken_.value_or(0), last_tried_);
  const auto cost = std::chrono::duration_cast<std::chrono::seconds>(cost_ * kShareOfTime);
  return now < last || now - last >= std::max(interval_, cost).count();
}

std::optional<int64_t> Snapshotter::last_taken() {
  const MutexLock lock(mutex_);
  return last_taken_;
}

Status Snapshotter::Take() {
  const uint64_t commits = volume_.commits();
  const int64_t now = clock_.Now().seconds;
  worked_ = std::chrono::nanoseconds(0);
  const Status taken = WriteOne();
  const MutexLock lock(mutex_);
  last_tried_ = now;
  cost_ = worked_;
  // The next mount reads all of it before it relies on it.
  if (taken.code() == EUCLEAN) volume_.DoubtCatalog();
  if (taken.ok()) {
    last_taken_ = now;
    sound_ = std::min<size_t>(sound_ + 1, 2);
    commits_taken_ = commits;
  } else if (taken.code() == EUCLEAN && last_error_ != EUCLEAN) {
    spdlog::error("the catalog is damaged: {}; the next mount will go back to a snapshot of it", taken.error().what);
  } else if (taken.code() != ECANCELED && taken.code() != last_error_) {
    spdlog::warn("no snapshot of the catalog for now: {} ({})", taken.error().what, std::strerror(taken.code()));
  }
  if (taken.code() != ECANCELED) last_error_ = taken.code();
  return taken;
}

Status Snapshotter::WriteOne() {
  if (Status writable = volume_.Writable(); !writable.ok()) return writable;
  if (reserve_ != nullptr && !reserve_->IsWhole()) return Error{ENOSPC, "snapshots: the reserve is not whole"};
  auto piece_began = std::chrono::steady_clock::now();
  uint64_t commits_seen = volume_.commits();
  const auto rows = volume_.catalog().engine().Scan("", "");
  const Result<uint64_t> written = folder_.Write(
      *rows, clock_.Now().seconds, [&](uint64_t) { return MayGoOn(piece_began, commits_seen); }, [this] { return volume_.SyncCatalog(); });
  worked_ += std::chrono::steady_clock::now() - piece_began;
  return written.status();
}

Status Snapshotter::MayGoOn(std::chrono::steady_clock::time_point& piece_began, uint64_t& commits_seen) {
  const std::chrono::nanoseconds worked = std::chrono::steady_clock::now() - piece_began;
  worked_ += worked;
  if (reserve_ != nullptr && !reserve_->IsWhole()) return Error{ENOSPC, "snapshots: the reserve is not whole"};
  const bool others_work = std::exchange(commits_seen, volume_.commits()) != volume_.commits();
  {
    std::unique_lock<Mutex> lock(mutex_);
    const bool stopped = wake_.wait_for(lock, others_work ? worked * kPauses : std::chrono::nanoseconds(0), [this]() {
      mutex_.AssertHeld();
      return stopping_;
    });
    if (stopped) return Error{ECANCELED, "snapshots: the volume is being closed"};
  }
  piece_began = std::chrono::steady_clock::now();
  return {};
}

}  // namespace hardlinkfs
