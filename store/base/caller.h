// Caller: who asks for an operation, as the kernel's request tells it.
#ifndef HARDLINKFS_STORE_BASE_CALLER_H_
#define HARDLINKFS_STORE_BASE_CALLER_H_

#include <sys/types.h>

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
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BASE_CALLER_H_
