// LoopGuard: tells when a way from directory to directory leads round, as only a damaged catalog has it. Brent's algorithm: no memory, and
// at most three times around.
#ifndef HARDLINKFS_STORE_VOLUME_LOOP_GUARD_H_
#define HARDLINKFS_STORE_VOLUME_LOOP_GUARD_H_

#include <bit>
#include <cstdint>

#include "store/base/inode_id.h"

namespace hardlinkfs {

class LoopGuard {
 public:
  explicit LoopGuard(InodeId start) : mark_(start) {}
  // To be asked at each step. RETURNS: whether `at` is known to have been passed before.
  bool Repeats(InodeId at) {
    if (at == mark_) return true;
    if (std::has_single_bit(++steps_)) mark_ = at;
    return false;
  }

 private:
  InodeId mark_;
  uint64_t steps_ = 0;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_LOOP_GUARD_H_
