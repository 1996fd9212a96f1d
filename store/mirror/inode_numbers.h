// InodeNumbers: a st_ino for each file, although files of several filesystems (submounts, subvolumes of btrfs) may have the same one, and a
// mount has only one st_dev: programs that look for hard links (tar, rsync -H) would take them for one file.
#ifndef HARDLINKFS_STORE_MIRROR_INODE_NUMBERS_H_
#define HARDLINKFS_STORE_MIRROR_INODE_NUMBERS_H_

#include <cstdint>
#include <map>

#include "store/base/mutex.h"

namespace hardlinkfs {

// Thread safety: any thread.
class InodeNumbers {
 public:
  // Files of `device` keep their numbers.
  explicit InodeNumbers(uint64_t device) : device_(device) {}

  // Those of another device have what counts the devices in the upper 16 bits, in the order in which they were seen in this session.
  uint64_t Of(uint64_t device, uint64_t inode) {
    if (device == device_) return inode;
    MutexLock lock(mutex_);
    const auto found = others_.emplace(device, others_.size() + 1).first;
    return inode ^ found->second << 48;
  }

 private:
  const uint64_t device_;
  Mutex mutex_;  // leaf
  std::map<uint64_t, uint64_t> others_ GUARDED_BY(mutex_);
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_MIRROR_INODE_NUMBERS_H_
