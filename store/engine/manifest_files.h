// ManifestFiles: a rocksdb::FileSystem under which RocksDB's change from one MANIFEST to the next, and each addition to one, is power-safe
// where rename is not atomic. RocksDB thinks that it renames CURRENT; there is no such file.
//
// CURRENT.0 and CURRENT.1 hold a ManifestSlot each, written in place by turns: nothing of a directory changes, and no length. A slot is
// written when its MANIFEST is durable, and says how much of it is: RocksDB would refuse a MANIFEST with a torn end, and believe one that
// has lost its end.
#ifndef HARDLINKFS_STORE_ENGINE_MANIFEST_FILES_H_
#define HARDLINKFS_STORE_ENGINE_MANIFEST_FILES_H_

#include <rocksdb/file_system.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace hardlinkfs {

inline constexpr std::array<std::string_view, 2> kManifestSlotNames{"CURRENT.0", "CURRENT.1"};

// For the one database in `directory`. A CURRENT of RocksDB's own counts as long as there are no slots, and goes when there are. A file
// that RocksDB renames is synced once more: vfat's new entry has no content until then.
std::shared_ptr<rocksdb::FileSystem> MakeManifestFiles(std::shared_ptr<rocksdb::FileSystem> base, std::string directory);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_ENGINE_MANIFEST_FILES_H_
