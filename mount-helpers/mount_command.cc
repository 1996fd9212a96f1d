#include "mount-helpers/mount_command.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "fuse/lowlevel/kernel_cache.h"
#include "fuse/lowlevel/passthrough.h"
#include "fuse/lowlevel/session.h"
#include "fuse/vfs/vfs.h"
#include "mount-helpers/background.h"
#include "mount-helpers/failure.h"
#include "mount-helpers/inherited_flags.h"
#include "mount-helpers/logging.h"
#include "mount-helpers/mount_points.h"
#include "mount-helpers/open_source.h"
#include "mount-helpers/policy_source.h"
#include "mount-helpers/termination.h"
#include "store/base/clock.h"
#include "store/base/mutex.h"
#include "store/base/privilege.h"
#include "store/volume/open_volume.h"

namespace hardlinkfs {
namespace {

std::optional<Failure> CheckSupport(const MountCommand& command, const MountOptions& options) {
  if (options.io_uring == IoUringUse::kOn && !KernelHasFuseIoUring()) {
    return FailureOn(command.source, "io_uring=on, but the kernel does not permit it to FUSE (/sys/module/fuse/parameters/enable_uring)",
                     EOPNOTSUPP);
  }
  return std::nullopt;
}

uint32_t Masked(std::optional<uint32_t> mask, const MountOptions& options, uint32_t process_umask) {
  return 0777U & ~mask.value_or(options.umask.value_or(process_umask));
}

Durability ToDurability(Synchronous synchronous) {
  switch (synchronous) {
    case Synchronous::kNothing:
      break;
    case Synchronous::kNames:
      return Durability::kNames;
    case Synchronous::kEverything:
      return Durability::kEverything;
  }
  return Durability::kOnRequest;
}

VfsOptions ToVfsOptions(const MountOptions& options, size_t max_open) {
  VfsOptions out;
  out.max_open = max_open;
  out.commit = options.commit;
  out.durability = ToDurability(options.synchronous);
  out.atime = options.no_atime || options.read_only ? Atime::kNever : Atime::kRelative;
  return out;
}

std::string Joined(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) joined.append(joined.empty() ? "" : ",").append(word);
  return joined;
}

SessionOptions ToSessionOptions(const MountOptions& options, const MountPoints& points) {
  const bool is_root = geteuid() == 0;
  SessionOptions out;
  out.source = points.source_path;
  out.mountpoint = points.mountpoint;
  const bool shows_others = options.maps_ids() || options.forces_ids() || options.submounts == SubmountUse::kFollow;
  out.kernel_flags =
      InheritedFlags(points.source.get(), options.store, shows_others ? Shown::kOthersToo : Shown::kTheSource, options.kernel_flags);
  if (!out.kernel_flags.empty()) spdlog::info("{}: {}, as the backing requires", points.source_path, Joined(out.kernel_flags));
  out.kernel_flags.insert(out.kernel_flags.end(), options.kernel_flags.begin(), options.kernel_flags.end());
  if (options.sharing == Sharing::kRootAndOwner) out.sharing = MountSharing::kRootAndOwner;
  if (options.sharing == Sharing::kEverybody || (options.sharing == Sharing::kDefault && is_root)) out.sharing = MountSharing::kEverybody;
  out.passthrough = options.passthrough == PassthroughUse::kAutomatic && is_root;
  out.debug = options.debug;
  return out;
}

// A request that waits in a ring keeps its place there, so that those who wait for locks could keep out who gives them back. And where the
// kernel does not permit it, asking would make libfuse complain at each mount.
bool UsesIoUring(IoUringUse use, LockSharing locks) {
  return use == IoUringUse::kOn || (use == IoUringUse::kAutomatic && KernelHasFuseIoUring() && locks == LockSharing::kThisMount);
}

LockSharing ToLockSharing(LockUse use, BackingUse backing) {
  return backing == BackingUse::kShared && use != LockUse::kLocal ? LockSharing::kWithBacking : LockSharing::kThisMount;
}

Believe ToBelieve(const MountOptions& options, BackingUse use) {
  constexpr double kSecond = 1;
  const double otherwise = use == BackingUse::kOurs ? kForever : kSecond;
  return {.attributes = options.attribute_timeout.value_or(otherwise), .names = options.entry_timeout.value_or(otherwise)};
}

// Each content that is open takes a descriptor. RETURNS: for how many there are some.
size_t RaiseDescriptorLimit() {
  // RocksDB's tables (64), the backing's directories (256), the session's, and what syncs and operations open for a moment.
  constexpr rlim_t kOwn = 512;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return SIZE_MAX;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return SIZE_MAX;
  return std::max(limit.rlim_cur, 2 * kOwn) - kOwn;
}

// Blocks of the cache and what is known of inodes are allocated by one thread and freed by another. With an arena for each thread, as glibc
// would have it, half of the memory is holes after a while. Few threads are at work at the same time.
void ShareArenas() { mallopt(M_ARENA_MAX, 2); }

std::string ExplainQuotas(const Status& failed) {
  return std::string("what there is cannot be counted for quotas: ") + failed.error().what + ": " + strerrordesc_np(failed.code());
}

// RETURNS: what is wrong with the policy, when the old one stays in force.
std::string Reload(const PolicySource& source, Vfs& vfs) {
  std::variant<std::shared_ptr<const LoadedPolicy>, std::string> loaded;
  try {
    loaded = source.Load();
  } catch (const std::exception& exception) {
    // Of the thread that takes signals it would be the end.
    loaded = std::string(exception.what());
  }
  if (const auto* const wrong = std::get_if<std::string>(&loaded)) {
    spdlog::error("the policy was not loaded, the old one stays in force: {}", *wrong);
    return *wrong;
  }
  const auto& policy = std::get<std::shared_ptr<const LoadedPolicy>>(loaded);
  if (const Status taken = vfs.LoadPolicy(policy); !taken.ok()) {
    spdlog::error("the policy was not loaded, the old one stays in force: {}", ExplainQuotas(taken));
    return ExplainQuotas(taken);
  }
  spdlog::info("the policy was loaded again{}", policy->source.empty() ? ": there is no file" : " from " + policy->source);
  return {};
}

// One mount from the opened volume to its end.
class Mount {
 public:
  Mount(const MountPoints& points, const MountOptions& options, const TerminationSignals& signals, StartupReport& report)
      : points_(points), options_(options), signals_(signals), report_(report) {}

  std::optional<Failure> Run(const OpenedSource& opened, const Clock& clock, const PolicySource& policy, const VfsOptions& vfs_options) {
    auto loaded = policy.Load();
    if (const auto* const wrong = std::get_if<std::string>(&loaded))
      return Failure{ExitStatus::kMountFailed,
                     *wrong + "\nhardlinkfs: " + points_.source_path + ": not mounted, as its policy cannot be used"};
    const BackingUse use = vfs_options.backing;
    KernelPassthrough passthrough;
    SessionCache cache;
    Vfs vfs(opened.volume(), clock, &passthrough, vfs_options, &cache);
    if (const Status counted = vfs.LoadPolicy(std::get<std::shared_ptr<const LoadedPolicy>>(std::move(loaded))); !counted.ok()) {
      return FailureOn(points_.source_path, ExplainQuotas(counted), counted.code());
    }
    vfs.Start();
    SessionOptions session = ToSessionOptions(options_, points_);
    if (const auto restoration = opened.restoration()) session.restored_from = restoration->taken;
    session.backing = use;
    session.believe = ToBelieve(options_, use);
    session.locks = ToLockSharing(options_.locks, use);
    session.io_uring = UsesIoUring(options_.io_uring, session.locks);
    // One at a time: else the file that was read first could come into force last.
    Mutex reloading;
    session.reload_policy = [&] {
      MutexLock lock(reloading);
      return Reload(policy, vfs);
    };
    std::optional<Failure> failure = Serve(vfs, clock, passthrough, cache, session, opened.volume().capabilities());
    const Status stopped = vfs.Stop();
    if (!stopped.ok() && !failure) failure = FailureOn(points_.source_path, stopped.error().what, stopped.code(), ExitStatus::kSystem);
    return failure;
  }

 private:
  std::optional<Failure> Serve(Vfs& vfs, const Clock& clock, KernelPassthrough& passthrough, SessionCache& cache,
                               const SessionOptions& session_options, const Capabilities& capabilities) {
    Session::MountResult mounted = Session::Mount(vfs, clock, passthrough, cache, session_options);
    if (const auto* const failure = std::get_if<MountFailure>(&mounted)) {
      return FailureOn(points_.source_path, "cannot be mounted on " + points_.mountpoint + ": " + failure->reason, failure->code);
    }
    Session& session = *std::get<std::unique_ptr<Session>>(mounted);
    const TerminationSignals::Watch watch(signals_, [&session, &session_options](int signal) {
      if (signal == SIGHUP) {
        session_options.reload_policy();
        return;
      }
      spdlog::info("ending on signal {}", signal);
      session.End();
    });
    const Status served = session.Serve([this, &session, &capabilities] {
      spdlog::info("{} ({}) mounted on {}{}, passthrough {}, io_uring {}", points_.source_path, capabilities.filesystem, points_.mountpoint,
                   options_.read_only ? " read-only" : "", session.uses_passthrough() ? "on" : "off",
                   session.uses_io_uring() ? "on" : "off");
      report_.Ready();
    });
    if (served.ok()) return std::nullopt;
    return FailureOn(points_.source_path, served.error().what, served.code());
  }

  const MountPoints& points_;
  const MountOptions& options_;
  const TerminationSignals& signals_;
  StartupReport& report_;
};

// One line for who mounts; the log has more.
void TellRestoration(const MountPoints& points, const OpenedSource& opened, StartupReport& report) {
  const std::optional<Restoration> restoration = opened.restoration();
  if (!restoration.has_value() || !restoration->this_session) return;
  const std::time_t taken = restoration->taken;
  std::array<char, 64> time{};
  std::tm parts{};
  if (localtime_r(&taken, &parts) != nullptr) std::strftime(time.data(), time.size(), "%F %T", &parts);
  report.Tell("hardlinkfs: " + points.source_path + ": the catalog was damaged; going on from its snapshot of " + time.data() +
              ", see the log");
}

std::optional<Failure> ServeVolume(const MountPoints& points, const MountOptions& options, StartupReport& report) {
  const TerminationSignals signals;
  const uint32_t process_umask = umask(0);
  VfsOptions vfs_options = ToVfsOptions(options, RaiseDescriptorLimit());
  ShareArenas();
  const SystemClock clock;
  const std::variant<OpenedSource, Failure> opened = OpenSource(points, options, process_umask, clock, signals);
  if (const auto* const failure = std::get_if<Failure>(&opened)) return *failure;
  const auto& source = std::get<OpenedSource>(opened);
  TellRestoration(points, source, report);
  vfs_options.backing = source.use();
  // By it somebody else's writes would get root's reserve of a full filesystem, and past his quota.
  if (source.use() == BackingUse::kShared) GiveUpPrivilege(CAP_SYS_RESOURCE);
  const PolicySource policy(options, points.source.get(), points.source_path, points.mountpoint, source.use());
  return Mount(points, options, signals, report).Run(source, clock, policy, vfs_options);
}

int ServerProcess(const MountCommand& command, const MountPoints& points, const MountOptions& options, StartupReport& report) {
  const LogDetail detail = options.debug ? LogDetail::kDebug : LogDetail::kNormal;
  std::optional<Failure> failure = StartLogging(options.log_file, command.foreground ? LogDefault::kTerminal : LogDefault::kSyslog, detail);
  if (!failure) failure = ServeVolume(points, options, report);
  if (!failure) {
    spdlog::info("{} unmounted, everything is on the backing", points.source_path);
    return static_cast<int>(ExitStatus::kSuccess);
  }
  // Until the mount has worked somebody is waiting for the line; afterwards there is only the log.
  if (report.made()) spdlog::error("{}", failure->line);
  report.Failed(*failure);
  return static_cast<int>(failure->status);
}

// RocksDB opens files of the store by name all the time, and must not get through the mount when it does.
std::optional<Failure> CheckStore(const MountOptions& options, const MountPoints& points) {
  if (options.store.empty()) return std::nullopt;
  std::error_code ignored;
  const std::string store = std::filesystem::weakly_canonical(options.store, ignored).string();
  if (store != points.mountpoint && !LiesInside(store, points.mountpoint)) return std::nullopt;
  return FailureOn(points.source_path, "store=" + options.store + " would be covered by the mount", ELOOP);
}

}  // namespace

OpenOptions ToOpenOptions(const MountOptions& options, uint32_t process_umask) {
  OpenOptions out;
  out.store = options.store;
  out.snapshot_interval = options.snapshot;
  out.volume.uid = options.uid.value_or(getuid());
  out.volume.gid = options.gid.value_or(getgid());
  out.volume.keeper_uid = getuid();
  out.volume.keeper_gid = getgid();
  out.volume.file_mode = Masked(options.file_umask, options, process_umask);
  out.volume.directory_mode = Masked(options.directory_umask, options, process_umask);
  return out;
}

int RunMount(const MountCommand& command) {
  // What whoever calls us has open, a lock for instance, must not stay open as long as the mount lasts.
  if (!command.foreground) close_range(STDERR_FILENO + 1, ~0U, 0);
  const std::variant<MountOptions, OptionsError> parsed = ParseMountOptions(command.options, command.unknown_options);
  if (const auto* const error = std::get_if<OptionsError>(&parsed)) return Fail({ExitStatus::kUsage, "hardlinkfs: " + error->line});
  const MountOptions& options = std::get<MountOptions>(parsed);
  if (const auto failure = CheckSupport(command, options)) return Fail(*failure);
  const std::variant<MountPoints, Failure> opened = OpenMountPoints(command.source, command.mountpoint);
  if (const auto* const failure = std::get_if<Failure>(&opened)) return Fail(*failure);
  const MountPoints& points = std::get<MountPoints>(opened);
  if (const auto failure = CheckStore(options, points)) return Fail(*failure);
  if (command.fake) return static_cast<int>(ExitStatus::kSuccess);
  const auto server = [&](StartupReport& report) { return ServerProcess(command, points, options, report); };
  return command.foreground ? RunInForeground(server) : RunInBackground(server);
}

}  // namespace hardlinkfs
