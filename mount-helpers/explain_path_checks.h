// The checks that several operations have in common: the way to a name, and what is demanded of the directory that it is in.
#ifndef HARDLINKFS_MOUNT_HELPERS_EXPLAIN_PATH_CHECKS_H_
#define HARDLINKFS_MOUNT_HELPERS_EXPLAIN_PATH_CHECKS_H_

#include "mount-helpers/explain_check_list.h"
#include "policy/flags.h"

namespace hardlinkfs {

// Each directory on the way to the last component has to let itself be searched: path_resolution(7).
void CheckWalk(CheckList& list, const ExplainedPath& path);

// That the last component is there; and a directory, if a slash follows it. Nothing when the walk did not come as far.
void CheckExists(CheckList& list, const ExplainedPath& path);

// EROFS of the mount, as mnt_want_write in the kernel: for whatever changes names.
void CheckWritable(CheckList& list, const ExplainedInode& directory);

// EXDEV when a link, or the new place of a rename, would be in another mount.
void CheckOneMount(CheckList& list, const ExplainedInode& old_inode, const ExplainedInode& new_parent);

// inode_permission of the parent, for entries to be made or removed: immutable, then permissions.
void CheckDirectoryWritable(CheckList& list, const ExplainedInode& directory);

// What the inode's flags forbid. Nothing for filesystems behind FUSE, whose flags the kernel does not know.
void CheckFlags(CheckList& list, const ExplainedInode& inode, Change change);

// On an idmapped mount inodes and callers may have no number at all: EOVERFLOW. Nobody tells which.
void CheckIdMapping(CheckList& list, const ExplainedInode& inode);

// EXDEV inside of a mount: subvolumes, projects, encrypted directories.
void CheckOneFilesystemPart(CheckList& list, const ExplainedInode& inode, const ExplainedInode& new_parent);

// RETURNS: whether both are the same file, seen through one mount.
bool IsSame(const ExplainedInode& a, const ExplainedInode& b);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_EXPLAIN_PATH_CHECKS_H_
