// The mounts of this process's namespace, as /proc/self/mountinfo tells them.
#ifndef HARDLINKFS_MOUNT_HELPERS_MOUNT_TABLE_H_
#define HARDLINKFS_MOUNT_HELPERS_MOUNT_TABLE_H_

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hardlinkfs {

struct MountEntry {
  std::string mountpoint;
  std::string type;                        // "fuse.hardlinkfs"
  std::string source;                      // as the filesystem calls it
  uint64_t id = 0;                         // as statx(2) tells it
  std::string device;                      // "8:1", the same for all mounts of one filesystem
  std::string root;                        // what of the filesystem is mounted: "/", or a path in it
  std::vector<std::string> options;        // of this mount: "ro", "nodev" …
  std::vector<std::string> super_options;  // of the filesystem, whichever its mount

  bool is_hardlinkfs() const { return type == "fuse.hardlinkfs"; }
};

// Lines that cannot be understood are left out.
std::vector<MountEntry> ParseMountTable(std::istream& mountinfo);
std::vector<MountEntry> ReadMountTable();

bool HasOption(const std::vector<std::string>& options, std::string_view option);
// RETURNS: the number behind `key`, as "user_id="; nullopt when there is none.
std::optional<uint32_t> NumberOption(const std::vector<std::string>& options, std::string_view key);

// RETURNS: what is mounted on top at exactly `mountpoint`; null when nothing is. The pointer is into `table`.
const MountEntry* TopMountAt(const std::vector<MountEntry>& table, const std::string& mountpoint);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_MOUNT_TABLE_H_
