// The thread that sends what has to be dropped, see invalidator.h.
#include "fuse/vfs/invalidator.h"

#include <mutex>
#include <utility>

namespace hardlinkfs {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Changes come in bursts, many of the same directory.
constexpr std::chrono::milliseconds kPause{5};

}  // namespace

void Invalidator::Changes::Bound() {
  if (!everything && attributes.size() + listings.size() + names.size() <= kMaxChanges) return;
  *this = {};
  everything = true;
}

void Invalidator::Changes::Merge(const Changes& more) {
  attributes.insert(more.attributes.begin(), more.attributes.end());
  listings.insert(more.listings.begin(), more.listings.end());
  names.insert(more.names.begin(), more.names.end());
  everything = everything || more.everything;
  Bound();
}

void Invalidator::AttributesChanged(InodeId inode) {
  {
    MutexLock lock(mutex_);
    if (!pending_.everything) pending_.attributes.insert(inode);
    pending_.Bound();
  }
  wake_.notify_one();
}

void Invalidator::ListingChanged(InodeId directory) {
  {
    MutexLock lock(mutex_);
    if (!pending_.everything) pending_.listings.insert(directory);
    pending_.Bound();
  }
  wake_.notify_one();
}

void Invalidator::NameChanged(InodeId directory, const Name& name) {
  {
    MutexLock lock(mutex_);
    if (!pending_.everything) pending_.names.emplace(directory, name.bytes());
    pending_.Bound();
  }
  wake_.notify_one();
}

void Invalidator::EverythingChanged() {
  {
    MutexLock lock(mutex_);
    pending_.everything = true;
    pending_.Bound();
  }
  wake_.notify_one();
}

void Invalidator::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Invalidator::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Invalidator::Run() {
  Changes sent;         // since the last repetition
  Changes sent_before;  // up to then: due at the next
  for (SteadyClock::time_point repetition;;) {
    Changes now;
    {
      MutexLock lock(mutex_);
      const auto has_work = [this]() {
        mutex_.AssertHeld();
        return HasWork();
      };
      if (sent.empty() && sent_before.empty()) {
        wake_.wait(mutex_, has_work);
        repetition = SteadyClock::now() + again_;
      } else {
        wake_.wait_until(mutex_, repetition, has_work);
      }
      if (stopping_) return;
      now = std::exchange(pending_, {});
    }
    Send(now);
    sent.Merge(now);
    if (SteadyClock::now() >= repetition) {
      Send(sent_before);
      sent_before = std::exchange(sent, {});
      repetition = SteadyClock::now() + again_;
    }
    std::unique_lock<Mutex> lock(mutex_);
    wake_.wait_for(lock, kPause, [this]() {
      mutex_.AssertHeld();
      return IsStopping();
    });
  }
}

void Invalidator::Send(const Changes& changes) {
  if (changes.everything) {
    cache_.DropAllNames();
    cache_.DropContents(kRootInode);
    for (const InodeId inode : table_.Known()) cache_.DropContents(inode);
    return;
  }
  for (const auto& [directory, name] : changes.names) cache_.DropName(directory, name);
  for (const InodeId directory : changes.listings) cache_.DropContents(directory);
  for (const InodeId inode : changes.attributes) cache_.DropAttributes(inode);
}

}  // namespace hardlinkfs
