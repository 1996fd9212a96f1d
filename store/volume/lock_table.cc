// Striped inode locks, see lock_table.h.
#include "store/volume/lock_table.h"

#include <algorithm>
#include <utility>

namespace hardlinkfs {

LockTable::Held::Held(Mode mode, std::vector<std::shared_mutex*> stripes) : mode_(mode), stripes_(std::move(stripes)) {
  for (std::shared_mutex* stripe : stripes_) {
    if (mode_ == Mode::kShared) {
      stripe->lock_shared();
    } else {
      stripe->lock();
    }
  }
}

LockTable::Held::~Held() {
  for (std::shared_mutex* stripe : stripes_) {
    if (mode_ == Mode::kShared) {
      stripe->unlock_shared();
    } else {
      stripe->unlock();
    }
  }
}

LockTable::Held LockTable::Shared(InodeId inode) { return Held(Held::Mode::kShared, {&StripeOf(inode)}); }

LockTable::Held LockTable::Exclusive(std::span<const InodeId> inodes) {
  std::vector<std::shared_mutex*> stripes;
  stripes.reserve(inodes.size());
  for (InodeId inode : inodes) stripes.push_back(&StripeOf(inode));
  std::sort(stripes.begin(), stripes.end());
  stripes.erase(std::unique(stripes.begin(), stripes.end()), stripes.end());
  return Held(Held::Mode::kExclusive, std::move(stripes));
}

}  // namespace hardlinkfs
