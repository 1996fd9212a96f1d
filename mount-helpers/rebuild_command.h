// `hardlinkfs rebuild DIR`
#ifndef HARDLINKFS_MOUNT_HELPERS_REBUILD_COMMAND_H_
#define HARDLINKFS_MOUNT_HELPERS_REBUILD_COMMAND_H_

#include <string>

#include "mount-helpers/console.h"

namespace hardlinkfs {

struct RebuildCommand {
  std::string directory;
  std::string options;  // as for mount
  bool yes = false;
  bool force = false;  // also when the catalog is whole
};

// RETURNS: 0; 1 when it was not wanted, 2 when it was refused or failed, 32 when it was interrupted.
int RunRebuild(const RebuildCommand& command, Console& console);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_REBUILD_COMMAND_H_
