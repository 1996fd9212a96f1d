// OpenSource: from the directory that was named to a volume, in the regime that the options ask for, or else the backing allows.
#ifndef HARDLINKFS_MOUNT_HELPERS_OPEN_SOURCE_H_
#define HARDLINKFS_MOUNT_HELPERS_OPEN_SOURCE_H_

#include <memory>
#include <optional>
#include <variant>

#include "fuse/lowlevel/options.h"
#include "fuse/lowlevel/session.h"
#include "mount-helpers/failure.h"
#include "mount-helpers/mount_points.h"
#include "mount-helpers/termination.h"
#include "store/base/clock.h"
#include "store/mirror/mirror_volume.h"
#include "store/volume/open_volume.h"

namespace hardlinkfs {

// Exactly one of them is set.
struct OpenedSource {
  std::unique_ptr<OpenedVolume> catalog;
  std::unique_ptr<MirrorVolume> mirror;

  Volume& volume() const { return mirror != nullptr ? static_cast<Volume&>(*mirror) : catalog->volume(); }
  BackingUse use() const { return mirror != nullptr ? BackingUse::kShared : BackingUse::kOurs; }
  // RETURNS: what the catalog went back to, see OpenedVolume.
  std::optional<Restoration> restoration() const { return catalog != nullptr ? catalog->restoration() : std::nullopt; }
};

// Waits a moment for a server that is ending to let go of the volume, unless a signal comes. The umask is that of who mounts.
std::variant<OpenedSource, Failure> OpenSource(const MountPoints& points, const MountOptions& options, uint32_t process_umask,
                                               const Clock& clock, const TerminationSignals& signals);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_OPEN_SOURCE_H_
