// The new catalog is made by the very code that takes over a tree at a first mount; see rebuild.h.
#include "store/volume/rebuild.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "store/backing/posix_backing.h"
#include "store/backing/private_area.h"
#include "store/backing/probe.h"
#include "store/backing/session_file.h"
#include "store/engine/reserve.h"
#include "store/engine/rocksdb_engine.h"

namespace hardlinkfs {
namespace {

constexpr uint64_t kInodesRead = 512;
constexpr int kDamagedKept = 1000;
// Nobody makes so many inodes a second, nor mounts more than once a second: numbers that follow the clock are new ones. They stay below
// 2^53, which programs that count in floating point take.
constexpr unsigned kInodesPerSecondBits = 20;

// Where the catalog lies, lay and will lie.
struct StorePaths {
  std::string store;
  std::string made;    // beside it, until it is whole
  std::string parent;  // to be synced after a rename
};

StorePaths PathsOf(const OpenOptions& options, const PrivateArea& area) {
  const std::string parent = "/proc/self/fd/" + std::to_string(area.descriptor());
  const std::string store = options.store.empty() ? parent + "/catalog" : options.store;
  return {store, store + ".new", options.store.empty() ? parent : std::filesystem::path(store).parent_path().string()};
}

Status SyncDirectoryAt(const std::string& path) {
  const UniqueFd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return Error{errno, "open of the catalog's parent"};
  if (fsync(directory.get()) != 0 && errno != EINVAL && errno != ENOTSUP) return Error{errno, "fsync of the catalog's parent"};
  return {};
}

bool Exists(const std::string& path) {
  struct stat ignored {};
  return lstat(path.c_str(), &ignored) == 0;
}

void RemoveHalfMade(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

// RETURNS: where the old catalog is now; empty if there was none.
Result<std::string> PutInPlace(const StorePaths& paths) {
  std::string kept;
  if (Exists(paths.store)) {
    kept = paths.store + ".damaged";
    for (int copy = 2; Exists(kept) && copy < kDamagedKept; ++copy) kept = paths.store + ".damaged-" + std::to_string(copy);
    if (Exists(kept)) return Error{EEXIST, "too many damaged catalogs are kept"};
    if (std::rename(paths.store.c_str(), kept.c_str()) != 0) return Error{errno, "rename of the old catalog"};
    if (Status synced = SyncDirectoryAt(paths.parent); !synced.ok()) return synced.error();
  }
  if (std::rename(paths.made.c_str(), paths.store.c_str()) != 0) return Error{errno, "rename of the new catalog"};
  // vfat: the content of what was moved is durable with itself, and not with the directory.
  if (Status synced = SyncDirectoryAt(paths.store); !synced.ok()) return synced.error();
  if (Status synced = SyncDirectoryAt(paths.parent); !synced.ok()) return synced.error();
  return kept;
}

Result<RebuildSummary> MakeCatalog(UniqueFd root, const PrivateArea& area, const std::string& path, Reserve& reserve,
                                   const VolumeOptions& options, const Clock& clock, const std::function<bool(uint64_t)>& go_on) {
  Result<Capabilities> capabilities = Probe(area.descriptor());
  if (!capabilities.ok()) return capabilities.error();
  // ACLs and all else that restricted what the backing's modes say are lost.
  capabilities->modes = false;
  capabilities->owners = false;
  mkdir(path.c_str(), 0700);
  Result<std::unique_ptr<Engine>> engine =
      OpenRocksdbEngine(path, {.mode = RocksdbMode::kCreateIfMissing, .write_buffer_bytes = reserve.goal() / 2, .reserve = &reserve});
  if (!engine.ok()) return engine.error();
  const std::unique_ptr<Backing> backing = MakePosixBacking(std::move(root), *capabilities);
  const Result<BackingDirectoryRef> hidden = backing->OpenDirectory(backing->root(), BackingName(kPrivateAreaName));
  if (!hidden.ok()) return hidden.error();
  const Result<BackingDirectoryRef> homes = backing->OpenDirectory(*hidden, BackingName(kHomesName));
  if (!homes.ok()) return homes.error();
  Catalog catalog(**engine);
  CatalogVolume volume(*backing, catalog, clock, *capabilities, *homes, options);
  if (Status opened = volume.Open(area.volume().uuid); !opened.ok()) return opened.error();
  Result<RebuildSummary> summary = TakeOverAll(volume, go_on);
  if (!summary.ok()) return summary;
  if (Status closed = volume.Close(); !closed.ok()) return closed.error();
  return summary;
}

}  // namespace

Result<RebuildSummary> TakeOverAll(CatalogVolume& volume, const std::function<bool(uint64_t)>& go_on) {
  RebuildSummary summary;
  // What is adopted has a higher number than the directory in which it was found: one way through the numbers gets to all.
  for (InodeId after{0};;) {
    std::vector<InodeId> inodes;
    {
      const std::unique_ptr<Cursor> cursor = volume.catalog().engine().Scan(keys::kInodes, keys::Inode(InodeId{Raw(after) + 1}));
      for (; cursor->Valid() && inodes.size() < kInodesRead; cursor->Next()) inodes.push_back(keys::InodeOf(cursor->key()));
      if (!cursor->status().ok()) return cursor->status().error();
    }
    if (inodes.empty()) return summary;
    for (const InodeId inode : inodes) {
      Status prepared = volume.Prepare(inode);
      const Result<InodeRecord> record = volume.Read(inode);
      if (prepared.ok() && record.ok() && record->type == FileType::kDirectory) {
        prepared = volume.PrepareDirectory(inode);
        ++summary.directories;
      }
      if (prepared.code() == ENOENT) continue;  // gone meanwhile
      if (!prepared.ok()) return prepared.error();
      ++summary.inodes;
    }
    after = inodes.back();
    if (!go_on(summary.inodes)) return Error{ECANCELED, "interrupted"};
  }
}

Result<RebuildSummary> RebuildVolume(UniqueFd root, const OpenOptions& options, const GivenOut& given_out, const Clock& clock,
                                     const std::function<bool(uint64_t)>& go_on) {
  Result<std::unique_ptr<PrivateArea>> area = PrivateArea::OpenLost(root.get());
  if (!area.ok()) return area.error();
  const StorePaths paths = PathsOf(options, **area);
  RemoveHalfMade(paths.made);
  const Result<std::unique_ptr<Reserve>> reserve = Reserve::Open((*area)->descriptor());
  if (!reserve.ok()) return reserve.error();
  VolumeOptions volume_options = options.volume;
  volume_options.reserve = reserve->get();
  const auto now = static_cast<uint64_t>(std::max<int64_t>(clock.Now().seconds, 1));
  volume_options.first_inode = std::max(given_out.next_inode + kInodeNumberStretch, now << kInodesPerSecondBits);
  volume_options.first_session = std::max(given_out.session + 1, now);
  Result<RebuildSummary> summary = MakeCatalog(std::move(root), **area, paths.made, **reserve, volume_options, clock, go_on);
  if (!summary.ok()) {
    RemoveHalfMade(paths.made);
    return summary;
  }
  ForgetSession((*area)->descriptor());
  Result<std::string> kept = PutInPlace(paths);
  if (!kept.ok()) return kept.error();
  summary->kept = *std::move(kept);
  const std::string hidden = "/proc/self/fd/" + std::to_string((*area)->descriptor());
  if (summary->kept.starts_with(hidden)) summary->kept.replace(0, hidden.size(), kPrivateAreaName);
  if (Status finished = (*area)->MarkFinished(); !finished.ok()) return finished.error();
  return summary;
}

}  // namespace hardlinkfs
