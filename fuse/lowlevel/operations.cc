#include "fuse/lowlevel/operations.h"

#include "fuse/lowlevel/uncancellable.h"

namespace hardlinkfs {
namespace {

void Init(void* userdata, fuse_conn_info* connection) {
  const Uncancellable uncancellable;
  static_cast<Server*>(userdata)->connection.Negotiate(*connection);
}

}  // namespace

// Left unset on purpose:
// - access: default_permissions is always on, and the kernel then never asks.
// - write_buf: it is for splice, which is off (a pipe for each request, and passthrough makes it needless); libfuse then calls write.
fuse_lowlevel_ops Operations() {
  fuse_lowlevel_ops table{};
  table.init = Init;
  AddNamespaceOperations(table);
  AddAttributeOperations(table);
  AddFileOperations(table);
  AddListingOperations(table);
  AddLockOperations(table);
  AddControlOperations(table);
  return table;
}

}  // namespace hardlinkfs
