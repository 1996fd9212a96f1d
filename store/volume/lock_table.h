// LockTable: the inode locks. Stripes instead of a lock an inode, so that they cost no memory an inode; taken once an operation, all at
// once and in the order of stripes, so that no two operations can wait for each other.
#ifndef HARDLINKFS_STORE_VOLUME_LOCK_TABLE_H_
#define HARDLINKFS_STORE_VOLUME_LOCK_TABLE_H_

#include <array>
#include <cstddef>
#include <shared_mutex>
#include <span>
#include <vector>

#include "store/base/inode_id.h"

namespace hardlinkfs {

class LockTable {
 public:
  // Holds stripes until destroyed. Movable, so that it can be returned.
  class Held {
   public:
    Held(Held&& other) noexcept = default;
    Held& operator=(Held&& other) = delete;
    ~Held();

   private:
    friend class LockTable;
    enum class Mode { kShared, kExclusive };
    Held(Mode mode, std::vector<std::shared_mutex*> stripes);
    Mode mode_;
    std::vector<std::shared_mutex*> stripes_;
  };

  // REQUIRES: the calling thread holds nothing of this table.
  Held Shared(InodeId inode);
  Held Exclusive(std::span<const InodeId> inodes);
  Held Exclusive(InodeId inode) { return Exclusive(std::span<const InodeId>(&inode, 1)); }

 private:
  static constexpr size_t kStripes = 1024;
  std::shared_mutex& StripeOf(InodeId inode) { return stripes_[Raw(inode) % kStripes]; }
  std::array<std::shared_mutex, kStripes> stripes_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_LOCK_TABLE_H_
