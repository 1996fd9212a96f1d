// The kinds of disks and backings on which the simulation runs.
#ifndef HARDLINKFS_TESTS_SIM_SIM_KINDS_H_
#define HARDLINKFS_TESTS_SIM_SIM_KINDS_H_

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "tests/fakes/fake_disk.h"
#include "tests/model/kinds.h"

namespace hardlinkfs {

struct SimKind {
  const char* name;
  MachineOptions options;
  std::vector<std::string> names;  // that operations give
  std::optional<DiskManner> catalog_disk = std::nullopt;  // under RocksDB; without it the catalog is in a MemoryEngine
};

inline void PrintTo(const SimKind& kind, std::ostream* out) { *out << kind.name; }

// A journal under a backing that keeps everything.
SimKind JournalKind();
// FAT's manners, and exFAT's names.
SimKind FatKind();
// FAT's manners and vfat's names: long ones, several that are one without regard to case, and what it refuses.
SimKind FatNamesKind();
// The first two with RocksDB on such a disk.
SimKind JournalRocksdbKind();
SimKind FatRocksdbKind();

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_SIM_SIM_KINDS_H_
