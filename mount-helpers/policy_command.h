// `hardlinkfs policy check`, `hardlinkfs policy show`, `hardlinkfs reload` and `hardlinkfs why`.
#ifndef HARDLINKFS_MOUNT_HELPERS_POLICY_COMMAND_H_
#define HARDLINKFS_MOUNT_HELPERS_POLICY_COMMAND_H_

#include "mount-helpers/command_line.h"

namespace hardlinkfs {

// Prints what is wrong with the files on stderr. RETURNS: the exit status: kUsage when something is.
int RunPolicyCheck(const PolicyCheckCommand& command);
// Prints the policy in force as TOML.
int RunPolicyShow(const PolicyShowCommand& command);
// RETURNS: the exit status: kUsage when the file is wrong, and the old policy stays in force.
int RunReload(const ReloadCommand& command);
// Prints the last refusals, oldest first.
int RunWhy(const WhyCommand& command);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_POLICY_COMMAND_H_
