// Rebuild: a new catalog for a volume whose own is lost, from the files on the bare backing.
#ifndef HARDLINKFS_STORE_VOLUME_REBUILD_H_
#define HARDLINKFS_STORE_VOLUME_REBUILD_H_

#include <cstdint>
#include <functional>
#include <string>

#include "store/base/clock.h"
#include "store/base/result.h"
#include "store/base/unique_fd.h"
#include "store/volume/open_volume.h"

namespace hardlinkfs {

// What the lost catalog is known to have given out; 0 where that is not known.
struct GivenOut {
  uint64_t next_inode = 0;
  uint64_t session = 0;
};

struct RebuildSummary {
  uint64_t inodes = 0;
  uint64_t directories = 0;
  std::string kept;  // where the old catalog is now; empty if there was none
};

// Takes over everything below `volume`'s root, as a first mount does, and at once. `go_on` is called now and then with the number of inodes
// so far. RETURNS: ECANCELED when it returned false; as CatalogVolume's functions.
Result<RebuildSummary> TakeOverAll(CatalogVolume& volume, const std::function<bool(uint64_t)>& go_on);

// Builds the catalog beside the old one and puts it in its place, which is kept under another name: at any moment there is the one or the
// other, or none (between two renames), and then this can be run again. Contents in homes/ go to lost+found. Inode numbers and sessions
// begin beyond all that the old catalog can have given out. What the backing does not say comes from `options.volume`, also where the
// backing has owners and modes. RETURNS: EBUSY when the volume is in use; ENOENT when there is none; ECANCELED; else as OpenVolume.
Result<RebuildSummary> RebuildVolume(UniqueFd root, const OpenOptions& options, const GivenOut& given_out, const Clock& clock,
                                     const std::function<bool(uint64_t)>& go_on);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_REBUILD_H_
