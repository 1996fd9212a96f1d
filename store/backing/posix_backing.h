// PosixBacking: a Backing over a real directory, by openat2(2) with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV below one root
// descriptor.
#ifndef HARDLINKFS_STORE_BACKING_POSIX_BACKING_H_
#define HARDLINKFS_STORE_BACKING_POSIX_BACKING_H_

#include "store/backing/backing.h"
#include "store/base/capabilities.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {

// `root` is an open directory (it may be covered by a mount later). Of `capabilities` only rename_noreplace matters.
std::unique_ptr<Backing> MakePosixBacking(UniqueFd root, const Capabilities& capabilities);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BACKING_POSIX_BACKING_H_
