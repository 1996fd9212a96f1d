#include "store/engine/freezable_files.h"

#include <chrono>
#include <string>
#include <thread>
#include <utility>

namespace hardlinkfs {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

constexpr std::chrono::milliseconds kFlushPatience{1000};

class FreezableFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FreezableFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::shared_ptr<const std::atomic<bool>> frozen,
                std::shared_ptr<const std::atomic<bool>> flush_due)
      : FSWritableFileOwnerWrapper(std::move(file)), frozen_(std::move(frozen)), flush_due_(std::move(flush_due)) {}

  // RocksDB's wrapper keeps it to itself; the files below tell by it what compaction writes.
  void SetIOPriority(rocksdb::Env::IOPriority priority) override {
    FSWritableFileOwnerWrapper::SetIOPriority(priority);
    target()->SetIOPriority(priority);
  }
  using FSWritableFileOwnerWrapper::Append;
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, IODebugContext* context) override {
    if (*frozen_) return Frozen();
    IOStatus appended = FSWritableFileOwnerWrapper::Append(data, options, context);
    if (appended.IsNoSpace()) AwaitFlush();
    return appended;
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* context) override {
    return *frozen_ ? Frozen() : FSWritableFileOwnerWrapper::Sync(options, context);
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
    return *frozen_ ? Frozen() : FSWritableFileOwnerWrapper::Fsync(options, context);
  }

 private:
  // See RocksdbEvents. It begins in microseconds, unless RocksDB has stopped already.
  void AwaitFlush() const {
    for (auto left = kFlushPatience; *flush_due_ && left.count() > 0; --left) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  static IOStatus Frozen() { return IOStatus::IOError("frozen: what commits rely on could not be synced"); }

  const std::shared_ptr<const std::atomic<bool>> frozen_;
  const std::shared_ptr<const std::atomic<bool>> flush_due_;
};

class FreezableFiles final : public rocksdb::FileSystemWrapper {
 public:
  FreezableFiles(std::shared_ptr<rocksdb::FileSystem> base, std::shared_ptr<const std::atomic<bool>> frozen,
                 std::shared_ptr<const std::atomic<bool>> flush_due)
      : FileSystemWrapper(std::move(base)), frozen_(std::move(frozen)), flush_due_(std::move(flush_due)) {}
  const char* Name() const override { return "hardlinkfs.FreezableFiles"; }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options, std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* context) override {
    return Wrap(FileSystemWrapper::NewWritableFile(path, options, result, context), *result);
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options, std::unique_ptr<rocksdb::FSWritableFile>* result,
                              IODebugContext* context) override {
    return Wrap(FileSystemWrapper::ReopenWritableFile(path, options, result, context), *result);
  }

 private:
  IOStatus Wrap(IOStatus opened, std::unique_ptr<rocksdb::FSWritableFile>& file) const {
    if (opened.ok()) file = std::make_unique<FreezableFile>(std::move(file), frozen_, flush_due_);
    return opened;
  }

  const std::shared_ptr<const std::atomic<bool>> frozen_;
  const std::shared_ptr<const std::atomic<bool>> flush_due_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> MakeFreezableFiles(std::shared_ptr<rocksdb::FileSystem> base,
                                                        std::shared_ptr<const std::atomic<bool>> frozen,
                                                        std::shared_ptr<const std::atomic<bool>> flush_due) {
  return std::make_shared<FreezableFiles>(std::move(base), std::move(frozen), std::move(flush_due));
}

}  // namespace hardlinkfs
