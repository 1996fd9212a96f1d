// SessionCache: has the kernel drop what it keeps, by notices on the session's /dev/fuse.
#ifndef HARDLINKFS_FUSE_LOWLEVEL_KERNEL_CACHE_H_
#define HARDLINKFS_FUSE_LOWLEVEL_KERNEL_CACHE_H_

#include <shared_mutex>
#include <string>

#include "fuse/vfs/kernel_cache.h"

struct fuse_session;

namespace hardlinkfs {

// Exists before the session, since Vfs wants it when it is built; does nothing until Attach. Thread safety: any thread.
class SessionCache final : public KernelCache {
 public:
  // `session` is borrowed until Detach.
  void Attach(fuse_session* session);
  // Waits for the notices that are being sent. REQUIRES: requests are served meanwhile, or the mount is gone: the kernel may have to finish
  // one before it takes a notice in.
  void Detach();

  void DropAttributes(InodeId inode) override;
  void DropContents(InodeId inode) override;
  void DropName(InodeId directory, const std::string& name) override;
  void DropAllNames() override;

 private:
  // Shared while a notice is sent: one may wait in the kernel for a request that another is sent for.
  std::shared_mutex mutex_;
  fuse_session* session_ = nullptr;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_LOWLEVEL_KERNEL_CACHE_H_
