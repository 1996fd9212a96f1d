// The same place by another path: through other mounts of its filesystem, or in the directory that a FUSE filesystem shows.
#ifndef HARDLINKFS_MOUNT_HELPERS_EXPLAIN_PLACES_H_
#define HARDLINKFS_MOUNT_HELPERS_EXPLAIN_PLACES_H_

#include <optional>
#include <string>
#include <vector>

#include "mount-helpers/explain_facts.h"
#include "mount-helpers/mount_table.h"

namespace hardlinkfs {

// Pure: where `path`, which is in `mount`, would be seen according to the table, itself among them.
std::vector<std::string> OtherPaths(const std::vector<MountEntry>& table, const MountEntry& mount, const std::string& path);

// RETURNS: paths of one mount for what is at `old_inode`, and for `name` in `new_parent`, after looking whether they lead there; nullopt
// when there are none that can be seen.
std::optional<OneMount> FindOneMount(const std::vector<MountEntry>& table, const ExplainedInode& old_inode,
                                     const ExplainedInode& new_parent, const std::string& name);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_EXPLAIN_PLACES_H_
