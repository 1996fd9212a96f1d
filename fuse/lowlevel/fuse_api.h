// The one way in which this folder includes libfuse: the version of its interface must be the same everywhere.
#ifndef HARDLINKFS_FUSE_LOWLEVEL_FUSE_API_H_
#define HARDLINKFS_FUSE_LOWLEVEL_FUSE_API_H_

#ifndef FUSE_USE_VERSION
#define FUSE_USE_VERSION 318
#endif
#include <fuse_lowlevel.h>

#endif  // HARDLINKFS_FUSE_LOWLEVEL_FUSE_API_H_
