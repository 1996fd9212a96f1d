// Which capabilities(7) a thread that asks for something has, from /proc.
#ifndef HARDLINKFS_FUSE_LOWLEVEL_THREAD_CAPABILITIES_H_
#define HARDLINKFS_FUSE_LOWLEVEL_THREAD_CAPABILITIES_H_

#include <sys/types.h>

namespace hardlinkfs {

// RETURNS: whether the thread has the capability in effect, in the server's user namespace: root of a container is not root here. What
// cannot be read counts as not held. REQUIRES: the thread waits for us (its number could be another's else).
bool HasCapability(pid_t thread, unsigned capability);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_LOWLEVEL_THREAD_CAPABILITIES_H_
