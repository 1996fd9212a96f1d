// InodeSet: a set of inode numbers as pages of bits: what was verified or reconciled in this session. Numbers are dense, so a million of
// them take 128 KiB. Only grows.
#ifndef HARDLINKFS_STORE_VOLUME_INODE_SET_H_
#define HARDLINKFS_STORE_VOLUME_INODE_SET_H_

#include <bitset>
#include <memory>
#include <shared_mutex>
#include <unordered_map>

#include "store/base/inode_id.h"

namespace hardlinkfs {

// Thread safety: any thread.
class InodeSet {
 public:
  bool Contains(InodeId inode) const {
    std::shared_lock lock(mutex_);
    const auto page = pages_.find(Raw(inode) / kBits);
    return page != pages_.end() && page->second->test(Raw(inode) % kBits);
  }

  void Insert(InodeId inode) {
    std::unique_lock lock(mutex_);
    std::unique_ptr<Page>& page = pages_[Raw(inode) / kBits];
    if (page == nullptr) page = std::make_unique<Page>();
    page->set(Raw(inode) % kBits);
  }

 private:
  static constexpr uint64_t kBits = 4096;
  using Page = std::bitset<kBits>;

  mutable std::shared_mutex mutex_;  // guards pages_
  std::unordered_map<uint64_t, std::unique_ptr<Page>> pages_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_INODE_SET_H_
