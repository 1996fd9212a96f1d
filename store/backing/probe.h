// Probe: finds out what a backing can do by trying it in a scratch folder, never by the filesystem's name.
#ifndef HARDLINKFS_STORE_BACKING_PROBE_H_
#define HARDLINKFS_STORE_BACKING_PROBE_H_

#include "store/base/capabilities.h"
#include "store/base/result.h"

namespace hardlinkfs {

// Tries everything in Capabilities in a fresh scratch folder below `directory_fd` and removes the folder again, whatever happened.
// What cannot be tried (a read-only backing) counts as not there: RETURNS then EROFS. ENOSPC and EACCES as they come.
Result<Capabilities> Probe(int directory_fd);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BACKING_PROBE_H_
