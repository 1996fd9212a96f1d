// Engine on RocksDB: translates its calls, its Status and its error state; the settings are in rocksdb_options.cc.
#include "store/engine/rocksdb_engine.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>

#include "store/base/mutex.h"
#include "store/engine/freezable_files.h"
#include "store/engine/layered_env.h"
#include "store/engine/lenient_directories.h"
#include "store/engine/manifest_files.h"
#include "store/engine/reserved_files.h"
#include "store/engine/rocksdb_options.h"
#include "store/engine/successor.h"
#include "store/engine/synced_logs.h"

namespace hardlinkfs {
namespace {

constexpr std::chrono::seconds kResumeInterval{1};

// The one place where a RocksDB status becomes an errno. REQUIRES: !status.ok()
Error Translate(const rocksdb::Status& status, const char* what) {
  if (status.IsCorruption()) return {EUCLEAN, what};
  if (status.IsNoSpace()) return {ENOSPC, what};
  if (status.IsBusy()) return {EBUSY, what};
  if (status.IsNotFound()) return {ENOENT, what};
  // Of a read it would say that the row is not there, when a file of the database is not.
  if (status.IsPathNotFound()) return {EIO, what};
  if (status.subcode() == rocksdb::Status::kMemoryLimit) return {ENOMEM, what};
  if (status.subcode() == rocksdb::Status::kSpaceLimit) return {ENOSPC, what};
  if (status.IsNotSupported()) return {ENOTSUP, what};
  return {EIO, what};
}

rocksdb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// RETURNS: the smallest string above all that begin with `prefix`; empty if there is none.
std::string EndOfPrefix(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

class RocksdbCursor final : public Cursor {
 public:
  RocksdbCursor(rocksdb::DB& db, std::string_view prefix, std::string_view from) : end_(EndOfPrefix(prefix)), end_slice_(end_) {
    rocksdb::ReadOptions options;
    // A bound rather than a comparison: the iterator then stops before it has walked over deleted rows behind the prefix.
    if (!end_.empty()) options.iterate_upper_bound = &end_slice_;
    // All rows are read once, and would drive what is in use out of the cache.
    options.fill_cache = !prefix.empty();
    iterator_.reset(db.NewIterator(options));
    iterator_->Seek(ToSlice(std::max(prefix, from)));
  }

  bool Valid() const override { return iterator_->Valid(); }
  std::string_view key() const override { return ToView(iterator_->key()); }
  std::string_view value() const override { return ToView(iterator_->value()); }
  void Next() override { iterator_->Next(); }
  Status status() const override {
    const rocksdb::Status status = iterator_->status();
    if (status.ok()) return {};
    return Translate(status, "rocksdb: scan");
  }

 private:
  const std::string end_;
  const rocksdb::Slice end_slice_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

class RocksdbEngine final : public Engine {
 public:
  RocksdbEngine(std::unique_ptr<rocksdb::Env> env, std::unique_ptr<rocksdb::DB> db, const RocksdbOptions& options,
                std::shared_ptr<RocksdbEvents> events)
      : env_(std::move(env)),
        events_(std::move(events)),
        db_(std::move(db)),
        read_only_(options.mode == RocksdbMode::kReadOnly),
        reserve_(options.reserve),
        write_buffer_bytes_(options.write_buffer_bytes) {}

  // After a failed write it would write on while it closes, and abort. As a rule the process ends now, and its lock with it.
  ~RocksdbEngine() override {
    if (!write_failed_) return;
    static_cast<void>(db_.release());
    static_cast<void>(env_.release());
  }
  RocksdbEngine(const RocksdbEngine&) = delete;
  RocksdbEngine& operator=(const RocksdbEngine&) = delete;

  Result<std::optional<std::string>> Get(std::string_view key) const override {
    std::string value;
    const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), ToSlice(key), &value);
    if (status.ok()) return std::optional<std::string>(std::move(value));
    if (status.IsNotFound()) return std::optional<std::string>();
    return Translate(status, "rocksdb: get");
  }

  std::unique_ptr<Cursor> Scan(std::string_view prefix, std::string_view from) const override {
    return std::make_unique<RocksdbCursor>(*db_, prefix, from);
  }

  Status Commit(const Batch& batch) override {
    if (const Status writable = Writable(); !writable.ok()) return writable;
    rocksdb::WriteBatch writes;
    for (const Batch::Edit& edit : batch.edits()) {
      const rocksdb::Status status = edit.value ? writes.Put(edit.key, *edit.value) : writes.Delete(edit.key);
      if (!status.ok()) return Translate(status, "rocksdb: batch");
    }
    const rocksdb::Status status = Write(writes);
    if (status.ok()) return {};
    return Translate(status, "rocksdb: commit");
  }

  void SetBeforePersist(std::function<Status()> action) override {
    MutexLock lock(events_->mutex);
    events_->before_flush = std::move(action);
  }

  using Engine::Sync;
  Status Sync(const std::function<void()>& chosen) override {
    if (const Status writable = Writable(); !writable.ok()) return writable;
    // If the mark cannot be written no fsync has failed: the caller may come again.
    rocksdb::WriteBatch mark = SyncMark();
    if (const rocksdb::Status marked = Write(mark); !marked.ok()) return Translate(marked, "rocksdb: mark of a sync");
    chosen();
    const rocksdb::Status status = db_->FlushWAL(/*sync=*/true);
    if (status.ok()) return {};
    // The kernel may have dropped the dirty pages and reported it just this once: a second fsync would succeed and mean nothing.
    sync_failed_ = true;
    return Translate(status, "rocksdb: sync");
  }

 private:
  Status Writable() const {
    if (read_only_) return Error{EROFS, "rocksdb: opened read-only"};
    if (events_->frozen) return Error{EROFS, "rocksdb: what commits rely on could not be synced"};
    if (sync_failed_) return Error{EROFS, "rocksdb: an earlier sync failed"};
    return {};
  }

  // After a failed write RocksDB refuses all others until it is told to resume, which flushes to a new log. After a failed compaction
  // writes go on, but it needs telling too.
  rocksdb::Status Write(rocksdb::WriteBatch& writes) {
    if (reserve_ != nullptr && compacts_ != reserve_->IsWhole()) AllowCompaction(!compacts_);
    if (write_failed_ && !GoesOn()) return rocksdb::Status::IOError("an earlier write failed");
    if (events_->stopped && ResumeIsDue()) Resume().PermitUncheckedError();
    rocksdb::Status status = db_->Write(rocksdb::WriteOptions(), &writes);
    if (status.ok()) return status;
    if (!status.IsNoSpace() && status.subcode() != rocksdb::Status::kSpaceLimit) {
      MutexLock lock(recovering_);
      write_failed_ = true;
      events_->stopped = true;
      last_resume_ = std::chrono::steady_clock::now();
      return status;
    }
    events_->stopped = true;
    // What went wrong with the write itself is the answer, not that it could not be mended.
    if (const rocksdb::Status resumed = Resume(); !resumed.ok()) return status;
    status = db_->Write(rocksdb::WriteOptions(), &writes);
    if (!status.ok()) events_->stopped = true;
    return status;
  }

  // What fails for want of space while Resume() waits for its flush makes it wait for ever (seen with RocksDB 7.8), and compaction may not
  // take from the reserve.
  void AllowCompaction(bool allowed) {
    MutexLock lock(recovering_);
    if (compacts_ == allowed) return;
    compacts_ = allowed;
    db_->SetOptions({{"disable_auto_compactions", allowed ? "false" : "true"}}).PermitUncheckedError();
  }

  // Debian's RocksDB is built with assertions, one of which ends the process when Resume() meets another error than ENOSPC. So the disk is
  // tried before.
  bool GoesOn() {
    if (reserve_ == nullptr || !ResumeIsDue()) return false;
    {
      MutexLock lock(recovering_);
      last_resume_ = std::chrono::steady_clock::now();
    }
    if (!reserve_->GiveUp() || !reserve_->Restore() || !Resume().ok()) return false;
    write_failed_ = false;
    return true;
  }

  // On a full disk each attempt costs a compaction that fails.
  bool ResumeIsDue() {
    MutexLock lock(recovering_);
    return std::chrono::steady_clock::now() - last_resume_ >= kResumeInterval;
  }

  // Resume() writes the memory out. If that fails for want of space it has been seen to wait for ever, so the space is looked for before.
  rocksdb::Status Resume() {
    MutexLock lock(recovering_);
    if (!events_->stopped) return {};
    if (reserve_ != nullptr && !reserve_->CouldGive(write_buffer_bytes_)) return rocksdb::Status::NoSpace("no space to resume in");
    events_->stopped = false;  // before: what fails meanwhile counts
    last_resume_ = std::chrono::steady_clock::now();
    rocksdb::Status status = db_->Resume();
    if (!status.ok()) events_->stopped = true;
    return status;
  }

  std::unique_ptr<rocksdb::Env> env_;
  const std::shared_ptr<RocksdbEvents> events_;
  std::unique_ptr<rocksdb::DB> db_;
  const bool read_only_;
  Reserve* const reserve_;
  const size_t write_buffer_bytes_;
  std::atomic<bool> compacts_ = true;
  std::atomic<bool> sync_failed_ = false;
  std::atomic<bool> write_failed_ = false;  // other than for want of space
  Mutex recovering_;                        // one thread resumes, the others wait for it
  std::chrono::steady_clock::time_point last_resume_ GUARDED_BY(recovering_);
};

// RocksDB's files as the engine wants them.
std::shared_ptr<rocksdb::FileSystem> MakeFiles(const std::string& path, const RocksdbOptions& options,
                                               const std::shared_ptr<RocksdbEvents>& events) {
  std::shared_ptr<rocksdb::FileSystem> files = options.env == nullptr ? MakeLenientDirectories() : options.env->GetFileSystem();
  if (options.reserve != nullptr) files = MakeReservedFiles(files, *options.reserve);
  files = MakeFreezableFiles(files, {events, &events->frozen}, {events, &events->flush_due});
  return MakeManifestFiles(files, path);
}

// Those, and RocksDB's own threads.
std::unique_ptr<rocksdb::Env> MakeEnv(const RocksdbOptions& options, const std::shared_ptr<rocksdb::FileSystem>& files) {
  return MakeLayeredEnv(options.env == nullptr ? *rocksdb::Env::Default() : *options.env, files);
}

// REQUIRES: !status.ok()
Error OpenError(const rocksdb::Status& status) {
  spdlog::error("rocksdb: {}", status.ToString());
  if (status.IsPathNotFound()) return {EUCLEAN, "rocksdb: a file of the database is missing"};
  return Translate(status, "rocksdb: open");
}

}  // namespace

bool RocksdbEngineExists(const std::string& path) {
  const std::string in_force = DatabaseInForce(path);
  return MakeFiles(in_force, {}, std::make_shared<RocksdbEvents>())->FileExists(in_force + "/CURRENT", rocksdb::IOOptions(), nullptr).ok();
}

void RemoveRocksdbEngine(const std::string& path) {
  const std::unique_ptr<rocksdb::Env> env = MakeEnv({}, MakeFiles(path, {}, std::make_shared<RocksdbEvents>()));
  rocksdb::Options options;
  options.env = env.get();
  // RocksDB does not know these; without them the directory is empty and goes too.
  env->DeleteFile(path + "/CURRENT").PermitUncheckedError();
  rocksdb::DestroyDB(path, options).PermitUncheckedError();
}

Result<std::unique_ptr<Engine>> OpenRocksdbEngine(const std::string& place, RocksdbOptions options) {
  const std::string path = options.env == nullptr ? DatabaseInForce(place) : place;
  const auto events = std::make_shared<RocksdbEvents>();
  std::shared_ptr<rocksdb::FileSystem> files = MakeFiles(path, options, events);
  // RocksDB makes the directory and a LOG before it finds out that there is no database.
  const rocksdb::IOStatus found = files->FileExists(path + "/CURRENT", rocksdb::IOOptions(), nullptr);
  if (!found.ok() && !found.IsNotFound() && !found.IsPathNotFound()) return Translate(found, "rocksdb: looking for a database");
  const bool exists = found.ok();
  if (options.mode != RocksdbMode::kCreateIfMissing && !exists) return Error{ENOENT, "rocksdb: no database here"};
  std::shared_ptr<SyncedLogs> synced;
  if (options.unsynced == Unsynced::kDrop && exists) files = synced = std::make_shared<SyncedLogs>(files);
  std::unique_ptr<rocksdb::Env> env = MakeEnv(options, files);
  options.env = env.get();
  const rocksdb::Options settings = MakeRocksdbOptions(options, events);
  if (synced != nullptr) {
    if (const rocksdb::Status looked = synced->Find(settings, path); !looked.ok()) return OpenError(looked);
  }
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      options.mode == RocksdbMode::kReadOnly ? rocksdb::DB::OpenForReadOnly(settings, path, &db) : rocksdb::DB::Open(settings, path, &db);
  if (!status.ok()) {
    // RocksDB has no code of its own for a lock that is held.
    if (status.ToString().find("While lock file") != std::string::npos || status.ToString().find("lock hold by") != std::string::npos) {
      return Error{EBUSY, "rocksdb: in use by another process"};
    }
    return OpenError(status);
  }
  return std::unique_ptr<Engine>(
      std::make_unique<RocksdbEngine>(std::move(env), std::unique_ptr<rocksdb::DB>(db), options, events));
}

}  // namespace hardlinkfs
