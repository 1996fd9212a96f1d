// `hardlinkfs names`: all names of a file, without a search.
#ifndef HARDLINKFS_MOUNT_HELPERS_NAMES_COMMAND_H_
#define HARDLINKFS_MOUNT_HELPERS_NAMES_COMMAND_H_

#include "mount-helpers/command_line.h"

namespace hardlinkfs {

// Prints the names on stdout; how many others a file has, and what failed, on stderr. RETURNS: the exit status: kSystem when one of the
// files could not be asked for.
int RunNames(const NamesCommand& command);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_NAMES_COMMAND_H_
