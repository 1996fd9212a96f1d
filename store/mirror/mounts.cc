// A short list, see mounts.h.
#include "store/mirror/mounts.h"

#include <utility>

namespace hardlinkfs {

std::optional<uint32_t> Mounts::IndexOf(int mount_id) const {
  for (uint32_t index = 0; index < mounts_.size(); ++index) {
    if (mounts_[index].id == mount_id) return index;
  }
  return std::nullopt;
}

std::optional<uint32_t> Mounts::Find(int mount_id) const {
  MutexLock lock(mutex_);
  return IndexOf(mount_id);
}

uint32_t Mounts::Add(int mount_id, UniqueFd any) {
  MutexLock lock(mutex_);
  if (const std::optional<uint32_t> index = IndexOf(mount_id); index.has_value()) return *index;
  mounts_.push_back({mount_id, std::move(any)});
  return static_cast<uint32_t>(mounts_.size() - 1);
}

int Mounts::descriptor(uint32_t index) const {
  MutexLock lock(mutex_);
  return mounts_[index].any.get();
}

}  // namespace hardlinkfs
