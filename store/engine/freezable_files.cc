#include "store/engine/freezable_files.h"

#include <string>
#include <utility>

namespace hardlinkfs {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

class FreezableFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FreezableFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::shared_ptr<const std::atomic<bool>> frozen)
      : FSWritableFileOwnerWrapper(std::move(file)), frozen_(std::move(frozen)) {}

  // RocksDB's wrapper keeps it to itself; the files below tell by it what compaction writes.
  void SetIOPriority(rocksdb::Env::IOPriority priority) override {
    FSWritableFileOwnerWrapper::SetIOPriority(priority);
    target()->SetIOPriority(priority);
  }
  using FSWritableFileOwnerWrapper::Append;
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, IODebugContext* context) override {
    return *frozen_ ? Frozen() : FSWritableFileOwnerWrapper::Append(data, options, context);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* context) override {
    return *frozen_ ? Frozen() : FSWritableFileOwnerWrapper::Sync(options, context);
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
    return *frozen_ ? Frozen() : FSWritableFileOwnerWrapper::Fsync(options, context);
  }

 private:
  static IOStatus Frozen() { return IOStatus::IOError("frozen: what commits rely on could not be synced"); }

  const std::shared_ptr<const std::atomic<bool>> frozen_;
};

class FreezableFiles final : public rocksdb::FileSystemWrapper {
 public:
  FreezableFiles(std::shared_ptr<rocksdb::FileSystem> base, std::shared_ptr<const std::atomic<bool>> frozen)
      : FileSystemWrapper(std::move(base)), frozen_(std::move(frozen)) {}
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
    if (opened.ok()) file = std::make_unique<FreezableFile>(std::move(file), frozen_);
    return opened;
  }

  const std::shared_ptr<const std::atomic<bool>> frozen_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> MakeFreezableFiles(std::shared_ptr<rocksdb::FileSystem> base,
                                                        std::shared_ptr<const std::atomic<bool>> frozen) {
  return std::make_shared<FreezableFiles>(std::move(base), std::move(frozen));
}

}  // namespace hardlinkfs
