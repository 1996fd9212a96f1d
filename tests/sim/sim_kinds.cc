// The names are few, so that operations meet.
#include "tests/sim/sim_kinds.h"

namespace hardlinkfs {

SimKind JournalKind() {
  SimKind kind{"Journal", Ext4().options, {"a", "b", "c", "d", "A", "e:", "f"}};
  kind.options.backing.disk = Disk::kJournal;
  return kind;
}

SimKind FatKind() {
  SimKind kind{"Fat", Exfat().options, {"a", "b", "c", "d", "A", "e:", "f"}};
  kind.options.backing.disk = Disk::kFat;
  kind.options.backing.capabilities.time_granularity = Vfat().options.backing.capabilities.time_granularity;
  return kind;
}

SimKind FatNamesKind() {
  const std::string longest(254, 'n');
  SimKind kind{"FatNames", Vfat().options, {longest + "1", longest + "2", "lower", "LOWER", "Lower", "dot.", "\xff", "a"}};
  kind.options.backing.disk = Disk::kFat;
  kind.options.backing.changes_case_in_one_step = false;
  return kind;
}

SimKind JournalRocksdbKind() {
  SimKind kind = JournalKind();
  kind.name = "JournalRocksdb";
  kind.catalog_disk = DiskManner::kJournal;
  return kind;
}

SimKind FatRocksdbKind() {
  SimKind kind = FatKind();
  kind.name = "FatRocksdb";
  kind.catalog_disk = DiskManner::kFat;
  return kind;
}

}  // namespace hardlinkfs
