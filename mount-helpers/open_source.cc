// The choice between the two regimes, and the patience with a server that is ending; see open_source.h.
#include "mount-helpers/open_source.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

#include "mount-helpers/mount_command.h"
#include "mount-helpers/mount_table.h"
#include "store/backing/private_area.h"
#include "store/backing/probe.h"
#include "store/mirror/file_key.h"
#include "store/mirror/open_mirror.h"

namespace hardlinkfs {
namespace {

// umount(8) returns before the server has settled everything and let go of the lock; the next mount waits for that so long.
constexpr std::chrono::seconds kLockPatience{10};
constexpr std::chrono::milliseconds kLockInterval{50};

// The errors that OpenVolume promises explain themselves; others are the backing's, with the name of a step that fails for them.
Failure OpenFailure(const MountPoints& points, const Error& error) {
  switch (error.code) {
    case EBUSY:
    case ESTALE:
    case ENOTSUP:
    case EUCLEAN:
      return FailureOn(points.source_path, error.what, error.code);
    default:
      return FailureOn(points.source_path, std::string("the volume cannot be opened: ") + error.what + ": " + strerrordesc_np(error.code),
                       error.code);
  }
}

// Waits for a server that is ending to let go of the volume.
std::variant<OpenedSource, Failure> OpenWhenFree(const MountPoints& points, const OpenOptions& options, const Clock& clock,
                                                 const TerminationSignals& signals) {
  const auto deadline = std::chrono::steady_clock::now() + kLockPatience;
  for (;;) {
    Result<std::unique_ptr<OpenedVolume>> opened = OpenVolume(UniqueFd(fcntl(points.source.get(), F_DUPFD_CLOEXEC, 0)), options, clock);
    if (opened.ok()) return OpenedSource{.catalog = std::move(*opened), .mirror = nullptr};
    const Error error = opened.error();
    if (error.code != EBUSY) return OpenFailure(points, error);
    const std::string elsewhere = MountedAt(points.source_path);
    if (!elsewhere.empty()) return FailureOn(points.source_path, "is mounted on " + elsewhere + " already", EBUSY);
    if (std::chrono::steady_clock::now() >= deadline || signals.Pending()) return OpenFailure(points, error);
    std::this_thread::sleep_for(kLockInterval);
  }
}

bool HoldsVolume(int source) { return faccessat(source, kPrivateAreaName, F_OK, AT_SYMLINK_NOFOLLOW) == 0; }

// Of these it is known that they have hard links and inode numbers that stay. Others are tried, which leaves a trace: the times of the
// source.
bool IsKnownToSuit(int source) {
  constexpr std::array<uint32_t, 5> kKnown{EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, TMPFS_MAGIC, F2FS_SUPER_MAGIC};
  struct statfs filesystem {};
  return fstatfs(source, &filesystem) == 0 && std::ranges::find(kKnown, static_cast<uint32_t>(filesystem.f_type)) != kKnown.end();
}

// RETURNS: why names=backing cannot be; nothing when it can, or when the backing may not be written to and so not be tried. A mirror with
// ro leaves no trace there, so it is not tried either.
std::optional<Failure> CheckMirror(const MountPoints& points, const MountOptions& options) {
  const int source = points.source.get();
  if (HoldsVolume(source)) {
    return FailureOn(points.source_path, "holds a volume of hardlinkfs, whose names are in its catalog: use names=catalog", EINVAL);
  }
  if (!options.store.empty()) return FailureOn(points.source_path, "store= is of no use with names=backing: there is no catalog", EINVAL);
  if (options.submounts == SubmountUse::kFollow && (options.read_only || options.no_atime)) {
    return FailureOn(points.source_path,
                     "submounts=follow has no mount of its own on which ro and noatime could hold: use the flags of those mounts", EINVAL);
  }
  if (options.read_only || IsKnownToSuit(source)) return std::nullopt;
  const Result<Capabilities> probed = Probe(source);
  if (!probed.ok()) return std::nullopt;
  if (!probed->hard_links) {
    return FailureOn(points.source_path, "names=backing, but its filesystem has no hard links: use names=catalog", EOPNOTSUPP);
  }
  if (!probed->stable_inodes) {
    return FailureOn(points.source_path, "names=backing, but its inode numbers do not stay: use names=catalog", EOPNOTSUPP);
  }
  return std::nullopt;
}

// Without handles each file that is known takes a descriptor: that has to be asked for.
bool SuitsMirror(const MountPoints& points, const MountOptions& options) {
  const int source = points.source.get();
  if (HoldsVolume(source) || !options.store.empty()) return false;
  if (!IsKnownToSuit(source)) {
    const Result<Capabilities> probed = Probe(source);
    if (!probed.ok() || !probed->hard_links || !probed->stable_inodes) return false;
  }
  return CanReopenByHandle(source);
}

// What would be without an effect, and is asked for.
std::optional<Failure> CheckCatalog(const MountPoints& points, const MountOptions& options) {
  const char* const asked = options.maps_ids()                          ? "map="
                            : options.submounts == SubmountUse::kFollow ? "submounts=follow"
                            : options.watch == WatchUse::kOff           ? "watch=off"
                            : options.forces_ids()                      ? "force_user=, force_group= or perms="
                            : options.create_for.has_value()            ? "create_for="
                            : options.locks != LockUse::kAutomatic      ? "locks="
                                                                        : nullptr;
  if (asked == nullptr) return std::nullopt;
  const char* const why = options.naming == Naming::kCatalog ? "" : ", which this source is not suited for by itself";
  return FailureOn(points.source_path, std::string(asked) + " is for names=backing" + why, EINVAL);
}

std::variant<OpenedSource, Failure> OpenAsMirror(const MountPoints& points, const MountOptions& options) {
  if (options.io_uring == IoUringUse::kOn && options.locks != LockUse::kLocal) {
    return FailureOn(points.source_path, "io_uring=on, by which locks cannot be shared with the backing's users: add locks=local", EINVAL);
  }
  if (options.create_for.has_value() && geteuid() != 0) {
    return FailureOn(points.source_path, "create_for=, which takes root", EPERM);
  }
  OpenMirrorOptions open;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) open.volume.max_held = std::min<size_t>(limit.rlim_cur / 8, open.volume.max_held);
  if (options.watch == WatchUse::kOff) open.volume.watching = Watching::kNever;
  if (options.submounts == SubmountUse::kFollow) open.volume.submounts = Submounts::kFollow;
  open.map = {.uids = options.mapped_uids, .gids = options.mapped_gids};
  open.volume.shown = {.uid = options.forced_uid, .gid = options.forced_gid, .modes = options.forced_modes, .maker = {}};
  if (options.create_for.has_value()) open.volume.shown.maker = {options.create_for->first, options.create_for->second};
  if (options.no_atime) open.atime = MirrorAtime::kNever;
  if (options.read_only) open.access = MirrorAccess::kReadOnly;
  Result<std::unique_ptr<MirrorVolume>> mirror = OpenMirror(UniqueFd(fcntl(points.source.get(), F_DUPFD_CLOEXEC, 0)), open);
  if (!mirror.ok()) {
    return FailureOn(points.source_path, std::string("cannot be opened: ") + mirror.error().what + ": " + strerrordesc_np(mirror.code()),
                     mirror.code());
  }
  return OpenedSource{.catalog = nullptr, .mirror = *std::move(mirror)};
}

}  // namespace

std::variant<OpenedSource, Failure> OpenSource(const MountPoints& points, const MountOptions& options, uint32_t process_umask,
                                               const Clock& clock, const TerminationSignals& signals) {
  const bool wants_mirror = options.naming == Naming::kBacking;
  if (wants_mirror) {
    if (std::optional<Failure> failure = CheckMirror(points, options)) return *failure;
  }
  if (wants_mirror || (options.naming == Naming::kAutomatic && SuitsMirror(points, options))) return OpenAsMirror(points, options);
  if (std::optional<Failure> failure = CheckCatalog(points, options)) return *failure;
  return OpenWhenFree(points, ToOpenOptions(options, process_umask), clock, signals);
}

}  // namespace hardlinkfs
