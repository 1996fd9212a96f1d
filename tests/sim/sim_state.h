// What a run of the simulation knows of the volume: names, attributes and contents as they were acknowledged.
#ifndef HARDLINKFS_TESTS_SIM_SIM_STATE_H_
#define HARDLINKFS_TESTS_SIM_SIM_STATE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "store/base/attributes.h"
#include "store/base/inode_id.h"
#include "store/base/timestamp.h"

namespace hardlinkfs {

inline constexpr char kForeignName[] = "foreign";  // what names begin with that somebody else makes
inline constexpr size_t kSimActors = 3;
inline constexpr uint64_t kSectorBytes = 512;
inline constexpr size_t kSimSectors = 16;  // two pages: a disk tears within a page, and between pages

// One state of a content: a stamp a sector, written all over it (0: zeros), and the size in sectors.
struct SimContent {
  uint64_t sectors = 0;
  std::array<uint64_t, kSimSectors> stamps{};
};

// What the catalog says of an inode.
struct SimNode {
  FileType type = FileType::kRegular;
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t nlink = 0;  // of a directory it follows from the names
  uint64_t rdev = 0;
  std::string target;
  std::map<std::string, std::string> xattrs;
  std::optional<Timestamp> mtime;  // as it was set by utimes and nothing changed it since
};

// What a sync of the log promises as a whole.
struct SimState {
  using Entries = std::map<std::string, InodeId>;

  std::map<InodeId, Entries> names;  // of directories
  std::map<InodeId, SimNode> nodes;
};

// A regular file's content, and who uses it.
struct SimFile {
  std::vector<SimContent> history{SimContent{}};  // of [floor …] a power cut leaves any, sector by sector
  size_t floor = 0;
  bool known = true;  // not looked at since the last power cut: it is one of these, or several
  bool mtime_promised = false;
  bool linkable = false;
  std::array<int, kSimActors> handles{};

  bool is_open() const {
    for (const int count : handles) {
      if (count > 0) return true;
    }
    return false;
  }
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_SIM_SIM_STATE_H_
