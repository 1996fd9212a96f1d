// InodeRef: an inode that its volume keeps known as long as this lives. A catalog knows all of its inodes for good; a mirror has to
// remember for which file of the backing a number stands.
#ifndef HARDLINKFS_STORE_VOLUME_INODE_REF_H_
#define HARDLINKFS_STORE_VOLUME_INODE_REF_H_

#include <utility>

#include "store/base/inode_id.h"

namespace hardlinkfs {

// Thread safety: any thread, with any lock held: must return at once.
class InodeKeeper {
 public:
  virtual ~InodeKeeper() = default;
  virtual void LetGo(InodeId inode) = 0;
};

class InodeRef {
 public:
  InodeRef() = default;
  // Without a keeper, for an inode that need not be kept.
  explicit InodeRef(InodeId inode, InodeKeeper* keeper = nullptr) : inode_(inode), keeper_(keeper) {}
  InodeRef(InodeRef&& other) noexcept : inode_(other.inode_), keeper_(std::exchange(other.keeper_, nullptr)) {}
  InodeRef& operator=(InodeRef&& other) noexcept {
    std::swap(inode_, other.inode_);
    std::swap(keeper_, other.keeper_);
    return *this;
  }
  ~InodeRef() {
    if (keeper_ != nullptr) keeper_->LetGo(inode_);
  }

  InodeId inode() const { return inode_; }
  // RETURNS: whether this is what keeps it.
  bool keeps() const { return keeper_ != nullptr; }

 private:
  InodeId inode_{};
  InodeKeeper* keeper_ = nullptr;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_INODE_REF_H_
