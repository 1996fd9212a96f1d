#include "fuse/lowlevel/kernel_cache.h"

#include <cerrno>
#include <mutex>

#include "fuse/lowlevel/fuse_api.h"

namespace hardlinkfs {

void SessionCache::Attach(fuse_session* session) {
  const std::unique_lock lock(mutex_);
  session_ = session;
}

void SessionCache::Detach() {
  const std::unique_lock lock(mutex_);
  session_ = nullptr;
}

void SessionCache::DropAttributes(InodeId inode) {
  const std::shared_lock lock(mutex_);
  constexpr off_t kAttributesOnly = -1;
  if (session_ != nullptr) fuse_lowlevel_notify_inval_inode(session_, Raw(inode), kAttributesOnly, 0);
}

void SessionCache::DropContents(InodeId inode) {
  const std::shared_lock lock(mutex_);
  if (session_ != nullptr) fuse_lowlevel_notify_inval_inode(session_, Raw(inode), 0, 0);
}

// Expired rather than invalidated where the kernel knows the difference (Linux >= 6.2): that leaves mounts and working directories below
// alone.
void SessionCache::DropName(InodeId directory, const std::string& name) {
  const std::shared_lock lock(mutex_);
  if (session_ == nullptr) return;
  if (fuse_lowlevel_notify_expire_entry(session_, Raw(directory), name.c_str(), name.size()) != -ENOSYS) return;
  fuse_lowlevel_notify_inval_entry(session_, Raw(directory), name.c_str(), name.size());
}

void SessionCache::DropAllNames() {
  const std::shared_lock lock(mutex_);
  if (session_ != nullptr) fuse_lowlevel_notify_increment_epoch(session_);
}

}  // namespace hardlinkfs
