// ManifestSlot: one of the two records that say which MANIFEST is in force, and how much of it. Text, of one sector. No I/O.
#ifndef HARDLINKFS_STORE_ENGINE_MANIFEST_SLOT_H_
#define HARDLINKFS_STORE_ENGINE_MANIFEST_SLOT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hardlinkfs {

inline constexpr size_t kManifestSlotBytes = 512;

struct ManifestSlot {
  uint64_t sequence = 0;  // the higher one counts; 0: none is in force yet
  std::string manifest;   // MANIFEST-000005; empty with sequence 0
  uint64_t length = 0;    // what of it was synced

  bool operator==(const ManifestSlot&) const = default;
};

// RETURNS: exactly kManifestSlotBytes.
std::string FormatManifestSlot(const ManifestSlot& slot);

// RETURNS: nullopt for anything that FormatManifestSlot did not write.
std::optional<ManifestSlot> ParseManifestSlot(std::string_view text);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_ENGINE_MANIFEST_SLOT_H_
