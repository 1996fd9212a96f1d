// KernelCache: what the kernel keeps of names and attributes, to be dropped. fuse/lowlevel implements it, since only that layer may talk to
// the kernel.
#ifndef HARDLINKFS_FUSE_VFS_KERNEL_CACHE_H_
#define HARDLINKFS_FUSE_VFS_KERNEL_CACHE_H_

#include <string>

#include "store/base/inode_id.h"

namespace hardlinkfs {

// Dropping what is not there is no error; nor is there anything to be done about a kernel that cannot. Thread safety: any thread, but never
// while an operation waits for it: the kernel may be waiting for that operation first. (DropAttributes waits for nothing.)
class KernelCache {
 public:
  virtual ~KernelCache() = default;
  virtual void DropAttributes(InodeId inode) = 0;
  // And what it contains: the names that a directory lists, the pages of a file.
  virtual void DropContents(InodeId inode) = 0;
  virtual void DropName(InodeId directory, const std::string& name) = 0;
  virtual void DropAllNames() = 0;  // Linux >= 6.16
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_VFS_KERNEL_CACHE_H_
