// OpenVolume: from a directory of the backing to a Volume that is ready for use: lock, probe, engine, catalog, recovery.
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
#include "store/volume/fallback.h"
#include "store/volume/volume.h"

namespace hardlinkfs {

struct OpenOptions {
  std::string store;  // where the catalog lies; empty: `.hardlinkfs/catalog` in the backing
  VolumeOptions volume;
  std::chrono::seconds snapshot_interval{3600};  // between two snapshots of the catalog; 0: none
};

// Everything that a mounted volume consists of, destroyed in the right order. Thread safety: any thread, as Volume; one destroys it, when
// no other uses it any more.
class OpenedVolume {
 public:
  virtual ~OpenedVolume() = default;
  virtual Volume& volume() = 0;
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

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_OPEN_VOLUME_H_
