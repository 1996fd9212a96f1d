// The mount table first, since f_type only says "some FUSE" where "fuse.sshfs" is to be had. It may be missing in a container.
#include "store/backing/filesystem_name.h"

#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string_view>

namespace hardlinkfs {
namespace {

struct KnownType {
  uint32_t type;
  std::string_view name;
};

// From statfs(2) and linux/magic.h.
constexpr std::array<KnownType, 13> kKnown = {{{0xEF53, "ext4"},
                                               {0x58465342, "xfs"},
                                               {0x9123683E, "btrfs"},
                                               {0x01021994, "tmpfs"},
                                               {0x4D44, "vfat"},
                                               {0x2011BAB0, "exfat"},
                                               {0x65735546, "fuse"},
                                               {0xFF534D42, "cifs"},
                                               {0xFE534D42, "smb2"},
                                               {0x6969, "nfs"},
                                               {0x01021997, "9p"},
                                               {0x794C7630, "overlay"},
                                               {0x7366746E, "ntfs3"}}};

// A line is: id parent major:minor root mountpoint options [fields] - type source options; proc(5).
std::string MountedType(dev_t device) {
  const std::string wanted = std::to_string(major(device)) + ":" + std::to_string(minor(device));
  std::ifstream table("/proc/self/mountinfo");
  for (std::string line; std::getline(table, line);) {
    std::istringstream words(line);
    std::string id, parent, number;
    words >> id >> parent >> number;
    const size_t separator = line.find(" - ");
    if (number != wanted || separator == std::string::npos) continue;
    const std::string rest = line.substr(separator + 3);
    return rest.substr(0, rest.find(' '));
  }
  return {};
}

}  // namespace

std::string FilesystemName(int fd) {
  struct stat found {};
  if (fstat(fd, &found) == 0) {
    if (std::string name = MountedType(found.st_dev); !name.empty()) return name;
  }
  struct statfs filesystem {};
  if (fstatfs(fd, &filesystem) != 0) return "unknown";
  const auto type = static_cast<uint32_t>(filesystem.f_type);
  for (const KnownType& known : kKnown) {
    if (known.type == type) return std::string(known.name);
  }
  std::array<char, 16> number{};
  std::snprintf(number.data(), number.size(), "0x%08X", type);
  return number.data();
}

}  // namespace hardlinkfs
