// CutDisk: disks as a power cut may leave them, made from the log of all writes to a disk that was empty.
#ifndef HARDLINKFS_TESTS_VM_CUT_DISK_H_
#define HARDLINKFS_TESTS_VM_CUT_DISK_H_

#include <cstddef>
#include <cstdint>

#include "store/base/unique_fd.h"
#include "tests/vm/write_log.h"

namespace hardlinkfs {

// What of the writes before the cut is on the disk.
enum class CutMode {
  kPrefix,   // all: a disk without a volatile cache
  kFlushed,  // what a flush made durable, and no more: the worst of disks with one
  kRandom,   // that, and any of the later writes, some of them only in some of their sectors
};

const char* NameOf(CutMode mode);

class CutDisk {
 public:
  // A disk of so many bytes; what was written behind is left out. Borrows the log.
  CutDisk(uint64_t bytes, const WriteLog& log) : log_(log), bytes_(bytes) {}

  // RETURNS: a memfd with the disk after a cut right before log entry `position`. The same seed gives the same disk.
  UniqueFd At(size_t position, CutMode mode, uint64_t seed) const;

 private:
  void Apply(int disk, const WriteLog::Entry& entry) const;

  const WriteLog& log_;
  const uint64_t bytes_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_VM_CUT_DISK_H_
