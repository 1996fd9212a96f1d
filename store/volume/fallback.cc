// Nothing of a snapshot is believed to be as it was: numbers go far ahead, and each inode with a home is unconfirmed until that was looked
// at (confirm.cc). See fallback.h.
#include "store/volume/fallback.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "store/catalog/catalog.h"
#include "store/catalog/keys.h"
#include "store/catalog/records.h"
#include "store/engine/successor.h"

namespace hardlinkfs {
namespace {

// More than can have been given out since any snapshot: numbers are never used again.
constexpr uint64_t kInodesAhead = uint64_t{1} << 40;
constexpr uint64_t kSessionsAhead = uint64_t{1} << 20;
constexpr size_t kRowsAtOnce = 1024;
constexpr std::string_view kNotePrefix = "snapshot taken at ";

std::string TimeText(int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  std::array<char, 64> text{};
  if (localtime_r(&time, &parts) == nullptr || std::strftime(text.data(), text.size(), "%F %T", &parts) == 0)
    return std::to_string(seconds);
  return text.data();
}

std::optional<Restoration> EarlierRestoration(const std::string& path) {
  const std::optional<std::string> note = SuccessorNote(path);
  if (!note.has_value() || !note->starts_with(kNotePrefix)) return std::nullopt;
  Restoration found;
  std::from_chars(note->data() + kNotePrefix.size(), note->data() + note->size(), found.taken);
  return found;
}

bool IsDirectory(const std::string& path) {
  struct stat seen {};
  return stat(path.c_str(), &seen) == 0 && S_ISDIR(seen.st_mode);
}

// RETURNS: whether there is what is left of a database.
bool HoldsRemains(const std::string& path) {
  std::error_code ignored;
  for (std::filesystem::directory_iterator entry(DatabaseInForce(path), ignored), end; entry != end; entry.increment(ignored)) {
    const std::string name = entry->path().filename();
    if (name.starts_with("MANIFEST-") || name.starts_with("CURRENT.") || name.ends_with(".sst")) return true;
  }
  return false;
}

// RETURNS: EUCLEAN for a catalog that has no row of the volume, or not all of whose blocks can be read. The latter is only looked at where
// a crash may be the cause; damage of single rows costs what they describe, and no more.
Status Examine(Engine& engine, const std::string& volume) {
  Catalog catalog(engine);
  const Result<MetaRecord> meta = catalog.ReadMeta();
  if (meta.code() == ENOENT) return Error{EUCLEAN, "the catalog is empty"};
  if (!meta.ok()) return meta.error();
  if (meta->clean || meta->uuid != volume) return {};
  const auto rows = engine.Scan("", "");
  while (rows->Valid()) rows->Next();
  return rows->status();
}

Status Load(const SnapshotFolder& snapshots, const SnapshotFolder::Found& snapshot, Engine& into) {
  Batch batch;
  bool has_meta = false;
  Status read = snapshots.Read(snapshot, [&](std::string_view key, std::string_view value) -> Status {
    Result<std::string> moved = RowFromSnapshot(key, value);
    if (!moved.ok()) return moved.error();
    has_meta = has_meta || key == keys::Meta();
    batch.Put(std::string(key), *std::move(moved));
    if (batch.edits().size() < kRowsAtOnce) return {};
    Status committed = into.Commit(batch);
    batch = Batch();
    return committed;
  });
  if (!read.ok()) return read;
  if (!has_meta) return Error{EUCLEAN, "snapshot: without a row of the volume"};
  if (Status committed = into.Commit(batch); !committed.ok()) return committed;
  return into.Sync();
}

// Makes a database of the snapshot beside the damaged one. It counts only when all of it is durable.
Status Restore(const std::string& path, const SnapshotFolder& snapshots, const SnapshotFolder::Found& snapshot, RocksdbOptions options) {
  const Result<std::string> folder = BeginSuccessor(path);
  if (!folder.ok()) return folder.error();
  options.mode = RocksdbMode::kCreateIfMissing;
  {
    const Result<std::unique_ptr<Engine>> engine = OpenRocksdbEngine(*folder, options);
    if (!engine.ok()) return engine.error();
    if (Status loaded = Load(snapshots, snapshot, **engine); !loaded.ok()) return loaded;
  }
  return CompleteSuccessor(path, *folder, std::string(kNotePrefix) + std::to_string(snapshot.head.taken));
}

Result<Restoration> RestoreNewest(const std::string& path, const SnapshotFolder& snapshots, const RocksdbOptions& options) {
  for (const SnapshotFolder::Found& snapshot : snapshots.List()) {
    const Status restored = Restore(path, snapshots, snapshot, options);
    if (restored.ok()) return Restoration{snapshot.head.taken, true};
    spdlog::error("the snapshot of the catalog from {} cannot be used: {} ({})", TimeText(snapshot.head.taken), restored.error().what,
                  std::strerror(restored.code()));
    // No space, or a disk that fails: the next one would do no better, and is older.
    if (restored.code() != EUCLEAN && restored.code() != ENOTSUP) return restored.error();
  }
  return Error{EUCLEAN, "the catalog is damaged, and there is no good snapshot of it: 'hardlinkfs rebuild DIR' makes a new one"};
}

}  // namespace

Result<std::string> RowFromSnapshot(std::string_view key, std::string_view value) {
  if (key == keys::Meta()) {
    Result<MetaRecord> meta = DecodeMetaRecord(key, value);
    if (!meta.ok()) return meta.error();
    meta->next_inode += kInodesAhead;
    meta->session += kSessionsAhead;
    meta->clean = false;
    return Encode(key, *meta);
  }
  if (key.starts_with(keys::kInodes)) {
    Result<InodeRecord> record = DecodeInodeRecord(key, value);
    if (!record.ok() || !record->home.has_value()) return std::string(value);
    record->unconfirmed = true;
    return Encode(key, *record);
  }
  return std::string(value);
}

Result<OpenedCatalog> OpenCatalog(const std::string& path, const std::string& volume, const SnapshotFolder& snapshots,
                                  const RocksdbOptions& options) {
  Status damaged;
  {
    Result<std::unique_ptr<Engine>> engine = OpenRocksdbEngine(path, options);
    damaged = engine.ok() ? Examine(**engine, volume) : engine.status();
    if (damaged.ok()) return OpenedCatalog{*std::move(engine), EarlierRestoration(path)};
    if (engine.code() == ENOENT && !IsDirectory(path)) return engine.error();
    if (damaged.code() != EUCLEAN && damaged.code() != ENOENT) return damaged.error();
  }
  // An empty directory may as well be a wrong one; only a snapshot of this very volume tells that it is not.
  if (damaged.code() == ENOENT && snapshots.List().empty() && !HoldsRemains(path)) return damaged.error();
  spdlog::error("volume {}: the catalog is damaged: {}", volume, damaged.error().what);
  const Result<Restoration> restoration = RestoreNewest(path, snapshots, options);
  if (!restoration.ok()) return restoration.error();
  RocksdbOptions again = options;
  again.unsynced = Unsynced::kKeep;
  Result<std::unique_ptr<Engine>> engine = OpenRocksdbEngine(path, again);
  if (!engine.ok()) return engine.error();
  spdlog::error(
      "volume {}: going on from the snapshot of the catalog made at {}. What was changed since then is found again as far as the "
      "backing shows it, and belongs to who runs the server alone; the damaged catalog is kept",
      volume, TimeText(restoration->taken));
  return OpenedCatalog{*std::move(engine), *restoration};
}

}  // namespace hardlinkfs
