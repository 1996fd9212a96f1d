// OpenVolume: from a directory of the backing to a CatalogVolume that is ready for use: lock, probe, engine, catalog, recovery.
#ifndef HARDLINKFS_STORE_VOLUME_OPEN_VOLUME_H_
#define HARDLINKFS_STORE_VOLUME_OPEN_VOLUME_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "store/base/capabilities.h"
#include "store/base/clock.h"
#include "store/base/result.h"
#include "store/base/unique_fd.h"
#include "store/volume/catalog_volume.h"
#include "store/volume/fallback.h"
#include "store/volume/scrub.h"

namespace hardlinkfs {

struct OpenOptions {
  std::string store;  // where the catalog lies; empty: `.hardlinkfs/catalog` in the backing
  VolumeOptions volume;
  std::chrono::seconds snapshot_interval{3600};  // between two snapshots of the catalog; 0: none
};

// Everything that a mounted volume consists of, destroyed in the right order. Thread safety: any thread, as CatalogVolume; one destroys it,
// when no other uses it any more.
class OpenedVolume {
 public:
  virtual ~OpenedVolume() = default;
  virtual CatalogVolume& volume() = 0;
  virtual const Capabilities& capabilities() const = 0;
  // RETURNS: nullopt unless the catalog was damaged once, and the volume went on from a snapshot.
  virtual std::optional<Restoration> restoration() const = 0;
  // RETURNS: when the last good snapshot of the catalog was made, seconds since the epoch; nullopt: there is none.
  virtual std::optional<int64_t> last_snapshot() = 0;
};

// `root` is the opened source directory. RETURNS: EBUSY (another server holds the volume), ESTALE (the catalog is another volume's),
// ENOTSUP (newer format), EUCLEAN (damaged, and no snapshot of the catalog is left), else as the backing and the engine. The Error's text
// says which of them it was. On an error nothing is changed. Thread safety: any thread; of two that open the same volume one gets EBUSY.
Result<std::unique_ptr<OpenedVolume>> OpenVolume(UniqueFd root, const OpenOptions& options, const Clock& clock);

// A volume that is not mounted, for fsck: its parts, with no session open on it. Not thread-safe.
class UnmountedVolume {
 public:
  enum class Access { kReadOnly, kReadWrite };

  virtual ~UnmountedVolume() = default;
  // Borrows from this object, and `clock`.
  virtual ScrubTarget Target(const Clock& clock) = 0;
  // Begins a session as a mount does, which finishes what a crash left half done, and leaves it as a crash would.
  // REQUIRES: kReadWrite. RETURNS: what a mount would fail with.
  virtual Status Recover(const Clock& clock) = 0;
  // Begins a session and ends it: what an unmount does as well. REQUIRES: kReadWrite.
  virtual Status Finish(const Clock& clock) = 0;
};

// With kReadOnly not a byte is changed. RETURNS: as OpenVolume, but never makes a volume: ENOENT, and EINPROGRESS for one whose
// first mount did not come to an end: no operation on it was ever acknowledged.
Result<std::unique_ptr<UnmountedVolume>> OpenUnmounted(UniqueFd root, const OpenOptions& options, UnmountedVolume::Access access);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_OPEN_VOLUME_H_
