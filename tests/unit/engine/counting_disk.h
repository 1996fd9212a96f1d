// CountingDisk: a rocksdb::Env on the real filesystem that counts what is read from tables.
#ifndef HARDLINKFS_TESTS_UNIT_ENGINE_COUNTING_DISK_H_
#define HARDLINKFS_TESTS_UNIT_ENGINE_COUNTING_DISK_H_

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace hardlinkfs {

class CountingFile final : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  CountingFile(std::unique_ptr<rocksdb::FSRandomAccessFile> file, std::atomic<uint64_t>& bytes_read)
      : FSRandomAccessFileOwnerWrapper(std::move(file)), bytes_read_(bytes_read) {}

  rocksdb::IOStatus Read(uint64_t offset, size_t size, const rocksdb::IOOptions& options, rocksdb::Slice* result, char* scratch,
                         rocksdb::IODebugContext* context) const override {
    bytes_read_ += size;
    return FSRandomAccessFileOwnerWrapper::Read(offset, size, options, result, scratch, context);
  }

 private:
  std::atomic<uint64_t>& bytes_read_;
};

class CountingFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit CountingFileSystem(std::atomic<uint64_t>& bytes_read)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), bytes_read_(bytes_read) {}
  const char* Name() const override { return "CountingFileSystem"; }
  rocksdb::IOStatus NewRandomAccessFile(const std::string& path, const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* result, rocksdb::IODebugContext* context) override {
    std::unique_ptr<rocksdb::FSRandomAccessFile> file;
    const rocksdb::IOStatus status = FileSystemWrapper::NewRandomAccessFile(path, options, &file, context);
    if (status.ok()) *result = std::make_unique<CountingFile>(std::move(file), bytes_read_);
    return status;
  }

 private:
  std::atomic<uint64_t>& bytes_read_;
};

class CountingDisk {
 public:
  uint64_t bytes_read() const { return bytes_read_; }
  rocksdb::Env* env() { return env_.get(); }

 private:
  std::atomic<uint64_t> bytes_read_ = 0;
  std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(std::make_shared<CountingFileSystem>(bytes_read_));
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_UNIT_ENGINE_COUNTING_DISK_H_
