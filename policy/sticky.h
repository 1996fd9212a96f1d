// What a sticky directory protects from those who may write in it: other owners' entries from being removed, and everybody from being led
// astray by others' symlinks. The kernel checks both before it asks; here they are for explaining.
#ifndef HARDLINKFS_POLICY_STICKY_H_
#define HARDLINKFS_POLICY_STICKY_H_

#include "policy/decision.h"
#include "store/base/attributes.h"
#include "store/base/caller.h"

namespace hardlinkfs {

// RETURNS: EPERM when `directory` is sticky, and neither it nor the entry `inode` is the caller's, nor does he hold CAP_FOWNER.
// As __check_sticky in the kernel's fs/namei.c: of unlink, rmdir, rename, and being renamed over.
Decision MayRemoveFrom(const Caller& caller, const Attributes& directory, const Attributes& inode);

// Of protected_symlinks, see proc(5), when that is on: a symlink that is the last component of a path.
// RETURNS: EACCES when `directory` is sticky and open to everybody, and `symlink` neither the caller's nor the directory owner's.
// As may_follow_link in the kernel's fs/namei.c, where no capability helps.
Decision MayFollow(const Caller& caller, const Attributes& directory, const Attributes& symlink);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_POLICY_STICKY_H_
