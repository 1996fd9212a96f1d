// Caller: who asks for an operation, as the kernel's request tells it.
#ifndef HARDLINKFS_STORE_BASE_CALLER_H_
#define HARDLINKFS_STORE_BASE_CALLER_H_

#include <sys/types.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

namespace hardlinkfs {

struct Caller {
  uint32_t uid = 0;
  uint32_t gid = 0;
  pid_t pid = 0;
  uint32_t umask = 0;
  // Supplementary groups, read on demand from /proc; empty when they cannot be read, and then count as not held.
  std::function<std::vector<gid_t>()> groups;
  // Whether he has a capability (CAP_…) in the server's user namespace, read on demand from /proc; unset: he has none.
  std::function<bool(unsigned)> has_capability;

  bool Holds(unsigned capability) const { return has_capability && has_capability(capability); }
  bool IsIn(gid_t group) const {
    if (group == gid) return true;
    if (!groups) return false;
    const std::vector<gid_t> others = groups();
    return std::find(others.begin(), others.end(), group) != others.end();
  }
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BASE_CALLER_H_
