// Puts a Volume together from a directory, see open_volume.h.
#include "store/volume/open_volume.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "store/backing/posix_backing.h"
#include "store/backing/private_area.h"
#include "store/backing/probe.h"
#include "store/engine/rocksdb_engine.h"

namespace hardlinkfs {
namespace {

constexpr char kHomesName[] = "homes";

class RealVolume final : public OpenedVolume {
 public:
  RealVolume(std::unique_ptr<PrivateArea> area, const Capabilities& capabilities, std::unique_ptr<Backing> backing,
             std::unique_ptr<Engine> engine)
      : area_(std::move(area)), capabilities_(capabilities), backing_(std::move(backing)), engine_(std::move(engine)), catalog_(*engine_) {}

  // Before the area is discarded after a failure: RocksDB still writes while it closes.
  void CloseEngine() {
    volume_.reset();
    engine_.reset();
  }

  Volume& volume() override { return *volume_; }
  const Capabilities& capabilities() const override { return capabilities_; }

  Status Open(const Clock& clock, const VolumeOptions& options) {
    Result<BackingDirectoryRef> area = backing_->OpenDirectory(backing_->root(), BackingName(kPrivateAreaName));
    if (!area.ok()) return area.error();
    Result<BackingDirectoryRef> homes = backing_->OpenDirectory(*area, BackingName(kHomesName));
    if (!homes.ok()) return homes.error();
    volume_ = std::make_unique<Volume>(*backing_, catalog_, clock, capabilities_, *homes, options);
    return volume_->Open(area_->volume().uuid);
  }

 private:
  // In the order of construction; the area, and with it the lock, goes last.
  std::unique_ptr<PrivateArea> area_;
  const Capabilities capabilities_;
  std::unique_ptr<Backing> backing_;
  std::unique_ptr<Engine> engine_;
  Catalog catalog_;
  std::unique_ptr<Volume> volume_;
};

// The catalog's directory. The default one is named through the area's descriptor, since its path may be covered by the mount.
std::string StorePath(const OpenOptions& options, const PrivateArea& area) {
  if (!options.store.empty()) return options.store;
  return "/proc/self/fd/" + std::to_string(area.descriptor()) + "/catalog";
}

}  // namespace

Result<std::unique_ptr<OpenedVolume>> OpenVolume(UniqueFd root, const OpenOptions& options, const Clock& clock) {
  Result<std::unique_ptr<PrivateArea>> area = PrivateArea::Open(root.get(), PrivateArea::Access::kReadWrite);
  if (!area.ok()) return area.error();
  const UniqueFd root_copy(fcntl(root.get(), F_DUPFD_CLOEXEC, 0));
  const auto fail = [&](PrivateArea& opened, Error error) {
    opened.Discard(root_copy.get());
    return error;
  };
  const Result<Capabilities> capabilities = Probe((*area)->descriptor());
  if (!capabilities.ok()) return fail(**area, capabilities.error());
  // A volume that has been used has a catalog; not to find it means a wrong store, and must not begin a new one.
  Result<std::unique_ptr<Engine>> engine =
      OpenRocksdbEngine(StorePath(options, **area), {.mode = (*area)->is_new() ? RocksdbMode::kCreateIfMissing : RocksdbMode::kMustExist});
  if (engine.code() == ENOENT) return fail(**area, {ENOENT, "the volume's catalog is missing (is store= right?)"});
  if (engine.code() == EUCLEAN) return fail(**area, {EUCLEAN, "the catalog is damaged"});
  if (!engine.ok()) return fail(**area, engine.error());
  PrivateArea& borrowed = **area;
  auto volume =
      std::make_unique<RealVolume>(*std::move(area), *capabilities, MakePosixBacking(std::move(root), *capabilities), *std::move(engine));
  if (Status opened = volume->Open(clock, options.volume); !opened.ok()) {
    volume->CloseEngine();
    return fail(borrowed, opened.error());
  }
  if (Status finished = borrowed.MarkFinished(); !finished.ok()) return finished.error();
  return std::unique_ptr<OpenedVolume>(std::move(volume));
}

}  // namespace hardlinkfs
