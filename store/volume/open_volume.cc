// Puts a CatalogVolume together from a directory, see open_volume.h.
#include "store/volume/open_volume.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/backing/linux_calls.h"
#include "store/backing/posix_backing.h"
#include "store/backing/private_area.h"
#include "store/backing/probe.h"
#include "store/backing/session_file.h"
#include "store/engine/reserve.h"
#include "store/engine/rocksdb_engine.h"
#include "store/volume/fallback.h"
#include "store/volume/snapshot_folder.h"
#include "store/volume/snapshotter.h"

namespace hardlinkfs {
namespace {

// Room on the backing's filesystem and on the catalog's; most often these are the same.
struct Reserves {
  std::unique_ptr<Reserve> backing;
  std::unique_ptr<Reserve> store;  // none when it is the same filesystem

  Reserve* catalogs() const { return store != nullptr ? store.get() : backing.get(); }
  void Restore() const {
    backing->Restore();
    if (store != nullptr) store->Restore();
  }
};

class RealVolume final : public OpenedVolume {
 public:
  RealVolume(std::unique_ptr<PrivateArea> area, Reserves reserves, const Capabilities& capabilities, std::unique_ptr<Backing> backing,
             OpenedCatalog catalog, SnapshotFolder snapshots)
      : area_(std::move(area)),
        reserves_(std::move(reserves)),
        capabilities_(capabilities),
        backing_(std::move(backing)),
        engine_(std::move(catalog.engine)),
        restoration_(catalog.restoration),
        catalog_(*engine_),
        snapshots_(std::move(snapshots)) {}
  // The last moment for a snapshot of all there is.
  ~RealVolume() override {
    if (snapshotter_ == nullptr) return;
    snapshotter_->Stop();
    if (!snapshotter_->IsDue(Snapshotter::Moment::kUnmount)) return;
    // What goes wrong has been logged.
    if (snapshotter_->Take().code() == EUCLEAN) static_cast<void>(MarkUnclean());
  }
  RealVolume(const RealVolume&) = delete;
  RealVolume& operator=(const RealVolume&) = delete;

  void StartSnapshots(const Clock& clock, std::chrono::seconds interval) {
    snapshotter_ = std::make_unique<Snapshotter>(*volume_, snapshots_, clock, reserves_.catalogs(), interval);
    snapshotter_->Start();
  }

  // Before the area is discarded after a failure: RocksDB still writes while it closes, and a file that is open keeps its folder on some
  // backings.
  void CloseFiles() {
    volume_.reset();
    engine_.reset();
    reserves_ = {};
  }

  void RestoreReserves() const { reserves_.Restore(); }

  CatalogVolume& volume() override { return *volume_; }
  const Capabilities& capabilities() const override { return capabilities_; }
  std::optional<Restoration> restoration() const override { return restoration_; }
  std::optional<int64_t> last_snapshot() override { return snapshotter_->last_taken(); }

  Status Open(const Clock& clock, const VolumeOptions& options) {
    Result<BackingDirectoryRef> area = backing_->OpenDirectory(backing_->root(), BackingName(kPrivateAreaName));
    if (!area.ok()) return area.error();
    Result<BackingDirectoryRef> homes = backing_->OpenDirectory(*area, BackingName(kHomesName));
    if (!homes.ok()) return homes.error();
    volume_ = std::make_unique<CatalogVolume>(*backing_, catalog_, clock, capabilities_, *homes, options);
    return volume_->Open(area_->volume().uuid);
  }

 private:
  // The volume was closed as a clean one before damage was found: the next mount is to look at all of it.
  Status MarkUnclean() {
    Result<MetaRecord> meta = catalog_.ReadMeta();
    if (!meta.ok()) return meta.error();
    meta->clean = false;
    Transaction transaction(catalog_);
    transaction.PutMeta(*meta);
    if (Status committed = transaction.Commit(); !committed.ok()) return committed;
    return engine_->Sync();
  }

  // In the order of construction; the area, and with it the lock, goes last.
  std::unique_ptr<PrivateArea> area_;
  Reserves reserves_;
  const Capabilities capabilities_;
  std::unique_ptr<Backing> backing_;
  std::unique_ptr<Engine> engine_;
  const std::optional<Restoration> restoration_;
  Catalog catalog_;
  SnapshotFolder snapshots_;
  std::unique_ptr<CatalogVolume> volume_;
  std::unique_ptr<Snapshotter> snapshotter_;
};

Result<Reserves> OpenReserves(const OpenOptions& options, const PrivateArea& area) {
  Reserves reserves;
  Result<std::unique_ptr<Reserve>> of_backing = Reserve::Open(area.descriptor());
  if (!of_backing.ok()) return of_backing.error();
  reserves.backing = *std::move(of_backing);
  if (options.store.empty()) return reserves;
  // In what may be a wrong place nothing is made.
  if (!area.is_new() && !RocksdbEngineExists(options.store)) return reserves;
  struct stat backing {};
  struct stat store {};
  if (fstat(area.descriptor(), &backing) != 0) return Error{errno, "fstat of the private area"};
  // Not there: a wrong one, which is told later.
  const UniqueFd directory(open(options.store.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid() || fstat(directory.get(), &store) != 0 || store.st_dev == backing.st_dev) return reserves;
  Result<std::unique_ptr<Reserve>> of_store = Reserve::Open(directory.get());
  if (!of_store.ok()) return of_store.error();
  reserves.store = *std::move(of_store);
  return reserves;
}

// What to believe of the logs, and a new start for it: from here on the next session can tell whether it shares this one's page cache.
class SessionMark {
 public:
  static Result<SessionMark> Read(const OpenOptions& options, const PrivateArea& area) {
    const UniqueFd store = OpenStore(options);
    const Result<std::string> identity = Identity(area, store);
    if (!identity.ok()) return identity.error();
    if (!IsSession(area.descriptor(), *identity)) return SessionMark(Unsynced::kDrop);
    // RocksDB is about to make all of it durable, so what it relies on has to be so before.
    for (const int fd : {area.descriptor(), store.get()}) {
      if (fd < 0) continue;
      if (syncfs(fd) != 0) return Error{errno, "syncfs"};
      // vfat's syncfs writes all of it to the disk and leaves it in the disk's cache; fsync of anything there empties that.
      if (const Status flushed = SyncDirectoryEntries(fd); !flushed.ok()) return flushed.error();
    }
    return SessionMark(Unsynced::kKeep);
  }

  // The same for a reader, which makes nothing durable.
  static Result<Unsynced> Peek(const OpenOptions& options, const PrivateArea& area) {
    const Result<std::string> identity = Identity(area, OpenStore(options));
    if (!identity.ok()) return identity.error();
    return IsSession(area.descriptor(), *identity) ? Unsynced::kKeep : Unsynced::kDrop;
  }

  Unsynced unsynced() const { return unsynced_; }

  // Once the store is there.
  static Status Note(const OpenOptions& options, const PrivateArea& area) {
    const Result<std::string> identity = Identity(area, OpenStore(options));
    return identity.ok() ? NoteSession(area.descriptor(), *identity) : identity.status();
  }

 private:
  explicit SessionMark(Unsynced unsynced) : unsynced_(unsynced) {}

  static UniqueFd OpenStore(const OpenOptions& options) {
    return UniqueFd(options.store.empty() ? -1 : open(options.store.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  static Result<std::string> Identity(const PrivateArea& area, const UniqueFd& store) {
    std::vector<int> descriptors{area.descriptor()};
    if (store.valid()) descriptors.push_back(store.get());
    return PageCacheIdentity(descriptors);
  }

  Unsynced unsynced_;
};

// A full backing can be probed with a part of its reserve.
Result<Capabilities> ProbeWithReserve(const PrivateArea& area, Reserve& reserve) {
  for (;;) {
    Result<Capabilities> found = Probe(area.descriptor());
    if (!IsFull(found.code()) || !reserve.GiveUp()) return found;
  }
}

// The engine would let everybody in who gets to the directory, and a catalog tells names, symlinks and xattrs of private directories. What
// goes wrong with the directory itself the engine tells.
void MakeStore(const std::string& store, bool is_new) {
  if (is_new && mkdir(store.c_str(), 0700) == 0) {
    const UniqueFd parent(open((store + "/..").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (parent.valid()) static_cast<void>(SyncDirectoryEntries(parent.get()));  // if it cannot be, the catalog's own sync fails too
  }
  struct stat found {};
  if (stat(store.c_str(), &found) != 0 || (found.st_mode & (S_IROTH | S_IXOTH)) == 0) return;
  spdlog::warn("{}: others can read the catalog (chmod 700 would keep them out)", store);
}

// The catalog's directory. The default one is named through the area's descriptor, since its path may be covered by the mount.
std::string StorePath(const OpenOptions& options, const PrivateArea& area) {
  if (!options.store.empty()) return options.store;
  return "/proc/self/fd/" + std::to_string(area.descriptor()) + "/catalog";
}

// Where the snapshots lie: with the catalog, since they tell as much as it does, and who keeps it elsewhere may want it so.
Result<SnapshotFolder> SnapshotsOf(const OpenOptions& options, const PrivateArea& area) {
  UniqueFd parent(options.store.empty() ? fcntl(area.descriptor(), F_DUPFD_CLOEXEC, 0)
                                        : open(options.store.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // A store that is not there is told by the engine.
  if (!parent.valid() && errno != ENOENT && errno != ENOTDIR) return Error{errno, "open of the store"};
  return SnapshotFolder(std::move(parent), area.volume().uuid);
}

// A volume that has been used has a catalog; not to find it means a wrong store, and must not begin a new one.
Result<OpenedCatalog> OpenEngine(const OpenOptions& options, const PrivateArea& area, const SnapshotFolder& snapshots,
                                 RocksdbOptions settings) {
  const std::string path = StorePath(options, area);
  settings.mode = RocksdbMode::kMustExist;
  if (!area.is_new()) return OpenCatalog(path, area.volume().uuid, snapshots, settings);
  settings.mode = RocksdbMode::kCreateIfMissing;
  Result<std::unique_ptr<Engine>> engine = OpenRocksdbEngine(path, settings);
  if (!engine.ok()) return engine.error();
  return OpenedCatalog{*std::move(engine), std::nullopt};
}

}  // namespace

Result<std::unique_ptr<OpenedVolume>> OpenVolume(UniqueFd root, const OpenOptions& options, const Clock& clock) {
  // Whoever made the directory need not have synced it; on vfat then nothing in it would be durable either, see
  // CatalogVolume::NoteNewEntries.
  if (Status synced = SyncDirectoryAbove(root.get()); !synced.ok()) return synced.error();
  Result<std::unique_ptr<PrivateArea>> area = PrivateArea::Open(root.get());
  if (!area.ok()) return area.error();
  const UniqueFd root_copy(fcntl(root.get(), F_DUPFD_CLOEXEC, 0));
  const bool makes_store = (*area)->is_new() && !options.store.empty() && !RocksdbEngineExists(options.store);
  if (!options.store.empty()) MakeStore(options.store, (*area)->is_new());
  Result<Reserves> reserves = OpenReserves(options, **area);
  const auto fail = [&](PrivateArea& opened, Error error) {
    if (reserves.ok()) *reserves = {};
    // Else the next attempt would find the catalog of a volume that there has never been.
    if (makes_store && error.code != ESTALE) {
      static_cast<void>(unlink((options.store + "/" + kReserveName).c_str()));
      RemoveRocksdbEngine(options.store);
    }
    opened.Discard(root_copy.get());
    return error;
  };
  if (!reserves.ok()) return fail(**area, reserves.error());
  const Result<Capabilities> capabilities = ProbeWithReserve(**area, *reserves->backing);
  if (!capabilities.ok()) return fail(**area, capabilities.error());
  const Result<SessionMark> session = SessionMark::Read(options, **area);
  if (!session.ok()) return fail(**area, session.error());
  if (const UniqueFd store(open(options.store.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)); store.valid()) {
    if (Status synced = SyncDirectoryAbove(store.get()); !synced.ok()) return fail(**area, synced.error());
  }
  VolumeOptions volume_options = options.volume;
  volume_options.reserve = reserves->catalogs();
  volume_options.sync_failed = [area_fd = (*area)->descriptor()] { ForgetSession(area_fd); };
  Result<SnapshotFolder> snapshots = SnapshotsOf(options, **area);
  if (!snapshots.ok()) return fail(**area, snapshots.error());
  Result<OpenedCatalog> catalog = OpenEngine(
      options, **area, *snapshots,
      {.unsynced = session->unsynced(), .write_buffer_bytes = reserves->catalogs()->goal() / 2, .reserve = reserves->catalogs()});
  if (catalog.code() == ENOENT) return fail(**area, {ENOENT, "the volume's catalog is missing (is store= right?)"});
  if (!catalog.ok()) return fail(**area, catalog.error());
  PrivateArea& borrowed = **area;
  auto volume = std::make_unique<RealVolume>(*std::move(area), *std::move(reserves), *capabilities,
                                             MakePosixBacking(std::move(root), *capabilities), *std::move(catalog), *std::move(snapshots));
  if (Status opened = volume->Open(clock, volume_options); !opened.ok()) {
    volume->CloseFiles();
    return fail(borrowed, opened.error());
  }
  // Only now: in what was read of the logs there is nothing any more that was not synced.
  if (Status noted = SessionMark::Note(options, borrowed); !noted.ok() && !IsFull(noted.code())) {
    volume->CloseFiles();
    return fail(borrowed, noted.error());
  }
  if (Status finished = borrowed.MarkFinished(); !finished.ok()) return finished.error();
  volume->RestoreReserves();
  volume->StartSnapshots(clock, options.snapshot_interval);
  return std::unique_ptr<OpenedVolume>(std::move(volume));
}

namespace {

constexpr size_t kLongestName = 255;  // where it may not be probed

class RealUnmounted final : public UnmountedVolume {
 public:
  RealUnmounted(std::unique_ptr<PrivateArea> area, Reserves reserves, std::vector<Capabilities> capabilities,
                std::unique_ptr<Backing> backing, BackingDirectoryRef homes, std::unique_ptr<Engine> engine, VolumeOptions options)
      : area_(std::move(area)),
        reserves_(std::move(reserves)),
        capabilities_(std::move(capabilities)),
        backing_(std::move(backing)),
        homes_(std::move(homes)),
        engine_(std::move(engine)),
        catalog_(*engine_),
        options_(std::move(options)) {}

  ScrubTarget Target(const Clock& clock) override {
    return {.backing = *backing_,
            .catalog = catalog_,
            .homes = homes_,
            .capabilities = capabilities_,
            .uuid = area_->volume().uuid,
            .keeper_uid = options_.keeper_uid,
            .keeper_gid = options_.keeper_gid,
            .clock = clock};
  }
  Status Recover(const Clock& clock) override {
    CatalogVolume volume(*backing_, catalog_, clock, capabilities_.front(), homes_, options_);
    return volume.Open(area_->volume().uuid);
  }
  Status Finish(const Clock& clock) override {
    CatalogVolume volume(*backing_, catalog_, clock, capabilities_.front(), homes_, options_);
    if (Status opened = volume.Open(area_->volume().uuid); !opened.ok()) return opened;
    Status closed = volume.Close();
    if (closed.ok()) reserves_.Restore();
    return closed;
  }

 private:
  // In the order of construction; the area, and with it the lock, goes last.
  std::unique_ptr<PrivateArea> area_;
  Reserves reserves_;
  const std::vector<Capabilities> capabilities_;
  std::unique_ptr<Backing> backing_;
  BackingDirectoryRef homes_;
  std::unique_ptr<Engine> engine_;
  Catalog catalog_;
  const VolumeOptions options_;
};

Result<BackingDirectoryRef> OpenHomes(Backing& backing) {
  const Result<BackingDirectoryRef> area = backing.OpenDirectory(backing.root(), BackingName(kPrivateAreaName));
  if (!area.ok()) return area.error();
  return backing.OpenDirectory(*area, BackingName(kHomesName));
}

Error ExplainEngine(Error error) {
  if (error.code == ENOENT) return {ENOENT, "the volume's catalog is missing (is store= right?); hardlinkfs rebuild makes a new one"};
  if (error.code == EUCLEAN) return {EUCLEAN, "the catalog is damaged"};
  return error;
}

}  // namespace

Result<std::unique_ptr<UnmountedVolume>> OpenUnmounted(UniqueFd root, const OpenOptions& options, UnmountedVolume::Access access) {
  const bool writes = access == UnmountedVolume::Access::kReadWrite;
  // Never the first: to find out whether there is a volume nothing may be made.
  Result<std::unique_ptr<PrivateArea>> area = PrivateArea::Open(root.get(), PrivateArea::Access::kReadOnly);
  if (area.code() == ENOENT) return Error{ENOENT, "there is no volume here"};
  if (area.ok() && (*area)->is_new()) return Error{EINPROGRESS, "the first mount of the volume did not come to an end"};
  if (area.ok() && writes) {
    area->reset();
    area = PrivateArea::Open(root.get());
  }
  if (!area.ok()) return area.error();
  RocksdbOptions engine_options{.mode = writes ? RocksdbMode::kMustExist : RocksdbMode::kReadOnly};
  Reserves reserves;
  std::vector<Capabilities> capabilities = AllSpellings(kLongestName);
  if (writes) {
    Result<Reserves> opened = OpenReserves(options, **area);
    if (!opened.ok()) return opened.error();
    reserves = *std::move(opened);
    const Result<Capabilities> probed = ProbeWithReserve(**area, *reserves.backing);
    if (!probed.ok()) return probed.error();
    capabilities = {*probed};
    const Result<SessionMark> session = SessionMark::Read(options, **area);
    if (!session.ok()) return session.error();
    engine_options.unsynced = session->unsynced();
    engine_options.reserve = reserves.catalogs();
    engine_options.write_buffer_bytes = reserves.catalogs()->goal() / 2;
  } else {
    const Result<Unsynced> unsynced = SessionMark::Peek(options, **area);
    if (!unsynced.ok()) return unsynced.error();
    engine_options.unsynced = *unsynced;
  }
  Result<std::unique_ptr<Engine>> engine = OpenRocksdbEngine(StorePath(options, **area), engine_options);
  if (!engine.ok()) return ExplainEngine(engine.error());
  VolumeOptions volume_options = options.volume;
  volume_options.reserve = reserves.catalogs();
  volume_options.sync_failed = [area_fd = (*area)->descriptor()] { ForgetSession(area_fd); };
  std::unique_ptr<Backing> backing = MakePosixBacking(std::move(root), capabilities.front());
  Result<BackingDirectoryRef> homes = OpenHomes(*backing);
  if (!homes.ok()) return homes.error();
  return std::unique_ptr<UnmountedVolume>(std::make_unique<RealUnmounted>(*std::move(area), std::move(reserves), std::move(capabilities),
                                                                          std::move(backing), *std::move(homes), *std::move(engine),
                                                                          std::move(volume_options)));
}

}  // namespace hardlinkfs
