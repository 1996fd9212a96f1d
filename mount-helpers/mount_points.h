// Looks at SOURCE and MOUNTPOINT before anything is done, and opens the source while it is not covered yet.
#ifndef HARDLINKFS_MOUNT_HELPERS_MOUNT_POINTS_H_
#define HARDLINKFS_MOUNT_HELPERS_MOUNT_POINTS_H_

#include <string>
#include <variant>

#include "mount-helpers/failure.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {

struct MountPoints {
  UniqueFd source;          // the directory, open for reading
  std::string source_path;  // absolute, without symlinks
  std::string mountpoint;   // the same
};

// Unmounts, with a line on stderr, a hardlinkfs whose server has died, where it is in the way.
// RETURNS: a failure when one of them is no directory that can be used, is covered by a hardlinkfs already, or one lies inside the other in
// a way that would make the server ask itself.
std::variant<MountPoints, Failure> OpenMountPoints(const std::string& source, const std::string& mountpoint);

struct SourceDirectory {
  UniqueFd directory;  // open for reading
  std::string path;    // absolute, without symlinks
};

// The same for a source that is not to be mounted. RETURNS: a failure also when it is mounted, or covered by a hardlinkfs.
std::variant<SourceDirectory, Failure> OpenSource(const std::string& source);

// RETURNS: whether `inner` is below `outer`, and not `outer` itself. Both are absolute and without symlinks.
bool LiesInside(const std::string& inner, const std::string& outer);

// RETURNS: where `source_path` is mounted by hardlinkfs in this namespace; empty when it is not.
std::string MountedAt(const std::string& source_path);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_MOUNT_POINTS_H_
