// PosixFile: an open regular file of a PosixBacking, as one descriptor.
#ifndef HARDLINKFS_STORE_BACKING_POSIX_FILE_H_
#define HARDLINKFS_STORE_BACKING_POSIX_FILE_H_

#include <atomic>
#include <utility>

#include "store/backing/backing.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {

class PosixFile final : public BackingFile {
 public:
  enum class Opened { kReadWrite, kReadOnly };

  PosixFile(UniqueFd fd, Opened opened) : fd_(std::move(fd)), opened_(opened) {}

  Result<size_t> Read(std::span<char> into, uint64_t offset) override;
  Status Write(std::span<const char> from, uint64_t offset) override;
  Status Append(std::span<const char> from) override;
  Status Truncate(uint64_t size) override;
  Result<BackingStat> Stat() override;
  Status SetTimes(std::optional<Timestamp> atime, std::optional<Timestamp> mtime) override;
  Status Sync() override;
  Status Allocate(AllocateMode mode, uint64_t offset, uint64_t length) override;
  Result<uint64_t> Seek(SeekTarget target, uint64_t offset) override;
  Result<size_t> CopyTo(uint64_t offset, BackingFile& to, uint64_t to_offset, size_t length) override;
  int descriptor() const override { return fd_.get(); }
  Result<bool> HasWriters() override;
  Status MakeWritable() override;
  void EndWriting() override;

 private:
  Status Reopen(int flags, Opened opened);

  UniqueFd fd_;
  std::atomic<Opened> opened_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BACKING_POSIX_FILE_H_
