// The `hardlinkfs` command, which is also mount.hardlinkfs and fsck.hardlinkfs when called by those names.
#ifndef HARDLINKFS_MOUNT_HELPERS_RUN_HARDLINKFS_H_
#define HARDLINKFS_MOUNT_HELPERS_RUN_HARDLINKFS_H_

namespace hardlinkfs {

// Does all that the program does, with the arguments of main. RETURNS: its exit status. A server goes on in a process of its own, if it is
// to.
int RunHardlinkfs(int argc, char** argv);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_RUN_HARDLINKFS_H_
