// The mounts of this process's namespace, as /proc/self/mountinfo tells them.
#ifndef HARDLINKFS_MOUNT_HELPERS_MOUNT_TABLE_H_
#define HARDLINKFS_MOUNT_HELPERS_MOUNT_TABLE_H_

#include <istream>
#include <string>
#include <vector>

namespace hardlinkfs {

struct MountEntry {
  std::string mountpoint;
  std::string type;    // "fuse.hardlinkfs"
  std::string source;  // as the filesystem calls it

  bool is_hardlinkfs() const { return type == "fuse.hardlinkfs"; }
};

// Lines that cannot be understood are left out.
std::vector<MountEntry> ParseMountTable(std::istream& mountinfo);
std::vector<MountEntry> ReadMountTable();

// RETURNS: what is mounted on top at exactly `mountpoint`; null when nothing is. The pointer is into `table`.
const MountEntry* TopMountAt(const std::vector<MountEntry>& table, const std::string& mountpoint);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_MOUNT_TABLE_H_
