// Boundaries: directories that are as filesystems of their own for link and rename, like bind mounts, or projects of XFS.
#ifndef HARDLINKFS_POLICY_BOUNDARY_H_
#define HARDLINKFS_POLICY_BOUNDARY_H_

#include <string>
#include <string_view>
#include <vector>

#include "policy/decision.h"
#include "policy/glob.h"
#include "policy/known_paths.h"

namespace hardlinkfs {

// RETURNS: the innermost directory that lies behind a boundary and has the entry `path` somewhere below; empty: none.
std::string_view DomainOf(const std::vector<Glob>& boundary, std::string_view path);

// RETURNS: EXDEV for a link or rename from behind one boundary to behind another, or none; also when a directory is renamed so that
// boundaries at or below it come or go. A file that has names behind several is in all of them. `rule` is whose boundary it is, and lives
// as long as the refusal.
Decision MayCross(const std::vector<Glob>& boundary, KnownPaths& paths, const char* rule = "boundary");

}  // namespace hardlinkfs

#endif  // HARDLINKFS_POLICY_BOUNDARY_H_
