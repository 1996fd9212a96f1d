// The table of operations for libfuse: each request becomes one call of Vfs and one reply.
#ifndef HARDLINKFS_FUSE_LOWLEVEL_OPERATIONS_H_
#define HARDLINKFS_FUSE_LOWLEVEL_OPERATIONS_H_

#include <atomic>
#include <cstdint>

#include "fuse/lowlevel/connection.h"
#include "fuse/lowlevel/fuse_api.h"
#include "fuse/lowlevel/kernel_cache.h"
#include "fuse/lowlevel/passthrough.h"
#include "fuse/lowlevel/session.h"
#include "fuse/vfs/vfs.h"
#include "store/base/clock.h"

namespace hardlinkfs {

// What every operation works on; the session's userdata.
struct Server {
  Vfs& vfs;
  const Clock& clock;
  KernelPassthrough& passthrough;
  SessionCache& cache;
  Connection& connection;
  const SessionOptions& options;
  std::atomic<uint64_t> opens{0};  // so far
};

// What fuse_file_info::fh is of a file: the number of the open, and the path it got.
inline uint64_t HandleOf(uint64_t open, IoPath path) { return open << 1U | static_cast<uint64_t>(path); }
inline uint64_t OpenOf(uint64_t handle) { return handle >> 1U; }
inline IoPath PathOf(uint64_t handle) { return static_cast<IoPath>(handle & 1U); }

// RETURNS: the table, to be used with a Server as userdata.
fuse_lowlevel_ops Operations();

// The parts of the table, each defined in the source file of its name.
void AddNamespaceOperations(fuse_lowlevel_ops& table);
void AddAttributeOperations(fuse_lowlevel_ops& table);
void AddFileOperations(fuse_lowlevel_ops& table);
void AddListingOperations(fuse_lowlevel_ops& table);
void AddLockOperations(fuse_lowlevel_ops& table);
void AddControlOperations(fuse_lowlevel_ops& table);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_LOWLEVEL_OPERATIONS_H_
