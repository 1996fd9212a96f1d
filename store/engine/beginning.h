// Beginning: the first bytes of a file, as if it had no more.
#ifndef HARDLINKFS_STORE_ENGINE_BEGINNING_H_
#define HARDLINKFS_STORE_ENGINE_BEGINNING_H_

#include <rocksdb/file_system.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

namespace hardlinkfs {

class Beginning final : public rocksdb::FSSequentialFileOwnerWrapper {
 public:
  Beginning(std::unique_ptr<rocksdb::FSSequentialFile> file, uint64_t length)
      : FSSequentialFileOwnerWrapper(std::move(file)), left_(length) {}
  rocksdb::IOStatus Read(size_t size, const rocksdb::IOOptions& options, rocksdb::Slice* result, char* scratch,
                         rocksdb::IODebugContext* context) override {
    rocksdb::IOStatus read = FSSequentialFileOwnerWrapper::Read(std::min<uint64_t>(size, left_), options, result, scratch, context);
    if (read.ok()) left_ -= result->size();
    return read;
  }
  rocksdb::IOStatus Skip(uint64_t size) override {
    left_ -= std::min(size, left_);
    return FSSequentialFileOwnerWrapper::Skip(size);
  }

 private:
  uint64_t left_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_ENGINE_BEGINNING_H_
