// How `hardlinkfs explain` words what it found: inodes, callers, mounts, and commands that can be pasted into a shell.
#ifndef HARDLINKFS_MOUNT_HELPERS_EXPLAIN_TEXT_H_
#define HARDLINKFS_MOUNT_HELPERS_EXPLAIN_TEXT_H_

#include <string>
#include <string_view>

#include "mount-helpers/explain_facts.h"

namespace hardlinkfs {

// RETURNS: a word that a shell reads as `text`, whatever bytes are in it; also safe to print.
std::string ShellWord(std::string_view text);

// "drwxr-xr-x", with a "+" for an ACL.
std::string ModeText(const ExplainedInode& inode);
// "/data/file (-rw-r--r-- 1011 users)"
std::string Describe(const ExplainedInode& inode);
// "1011 (no such user)", "alice (1000)"
std::string OwnerText(const ExplainedInode& inode);
std::string CallerText(const ExplainedCaller& caller);
// "/srv (fuse.bindfs of /data)"
std::string Describe(const ExplainedMount& mount);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_EXPLAIN_TEXT_H_
