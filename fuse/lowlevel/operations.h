// The table of operations for libfuse: each request becomes one call of Vfs and one reply.
#ifndef HARDLINKFS_FUSE_LOWLEVEL_OPERATIONS_H_
#define HARDLINKFS_FUSE_LOWLEVEL_OPERATIONS_H_

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
};

// RETURNS: the table, to be used with a Server as userdata.
fuse_lowlevel_ops Operations();

// The parts of the table, each defined in the source file of its name.
void AddNamespaceOperations(fuse_lowlevel_ops& table);
void AddAttributeOperations(fuse_lowlevel_ops& table);
void AddFileOperations(fuse_lowlevel_ops& table);
void AddListingOperations(fuse_lowlevel_ops& table);
void AddControlOperations(fuse_lowlevel_ops& table);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_LOWLEVEL_OPERATIONS_H_
