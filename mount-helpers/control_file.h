// What the commands that ask a mount's server share.
#ifndef HARDLINKFS_MOUNT_HELPERS_CONTROL_FILE_H_
#define HARDLINKFS_MOUNT_HELPERS_CONTROL_FILE_H_

#include <string>
#include <variant>
#include <vector>

#include "mount-helpers/failure.h"
#include "store/base/result.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {

// RETURNS: a descriptor on which the requests of fuse/lowlevel/control.h reach the server of the mount that `path` lies in.
std::variant<UniqueFd, Failure> OpenInMount(const std::string& path);
// RETURNS: 0 when such requests reach a FUSE filesystem by `fd`, else an errno: another one could take our numbers for requests of its own.
int CheckReachable(int fd);
// RETURNS: what an errno of such a request means.
Failure ControlFailure(const std::string& path, int code);

// RETURNS: the lines of one of the requests that tell an object a line (kControlRefusals, kControlAccounts).
Result<std::vector<std::string>> LinesOf(int mount, unsigned request);
// RETURNS: the policy in force, as TOML. `mount` is as of OpenInMount.
Result<std::string> PolicyTextOf(int mount);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_CONTROL_FILE_H_
