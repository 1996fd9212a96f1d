// FailingDisk: a rocksdb::Env on the real filesystem whose logs and tables refuse to grow or to sync when told to.
#ifndef HARDLINKFS_TESTS_UNIT_ENGINE_FAILING_DISK_H_
#define HARDLINKFS_TESTS_UNIT_ENGINE_FAILING_DISK_H_

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

namespace hardlinkfs {

struct Faults {
  std::atomic<bool> full = false;        // appends fail with ENOSPC
  std::atomic<bool> broken = false;      // appends fail with EIO
  std::atomic<bool> sync_fails = false;  // fsync fails with EIO
};

class FailingFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FailingFile(std::unique_ptr<rocksdb::FSWritableFile> file, Faults& faults)
      : FSWritableFileOwnerWrapper(std::move(file)), faults_(faults) {}

  using FSWritableFileOwnerWrapper::Append;
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options, rocksdb::IODebugContext* context) override {
    if (faults_.broken) return rocksdb::IOStatus::IOError("told to fail");
    if (!faults_.full) return FSWritableFileOwnerWrapper::Append(data, options, context);
    // Half of it, as a full disk does: what follows a torn record in a log must not be lost with it.
    const rocksdb::Slice half(data.data(), data.size() / 2);
    FSWritableFileOwnerWrapper::Append(half, options, context).PermitUncheckedError();
    return rocksdb::IOStatus::NoSpace("told to fail");
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* context) override {
    if (faults_.sync_fails) return rocksdb::IOStatus::IOError("told to fail");
    return FSWritableFileOwnerWrapper::Sync(options, context);
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* context) override {
    if (faults_.sync_fails) return rocksdb::IOStatus::IOError("told to fail");
    return FSWritableFileOwnerWrapper::Fsync(options, context);
  }

 private:
  Faults& faults_;
};

class FailingFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit FailingFileSystem(Faults& faults) : FileSystemWrapper(rocksdb::FileSystem::Default()), faults_(faults) {}
  const char* Name() const override { return "FailingFileSystem"; }
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result, rocksdb::IODebugContext* context) override {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    const rocksdb::IOStatus status = FileSystemWrapper::NewWritableFile(path, options, &file, context);
    if (status.ok()) *result = std::make_unique<FailingFile>(std::move(file), faults_);
    return status;
  }

 private:
  Faults& faults_;
};

class FailingDisk {
 public:
  Faults& faults() { return faults_; }
  rocksdb::Env* env() { return env_.get(); }

 private:
  Faults faults_;
  std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(std::make_shared<FailingFileSystem>(faults_));
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_UNIT_ENGINE_FAILING_DISK_H_
