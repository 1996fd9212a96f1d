#include "store/engine/reserved_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "store/base/unique_fd.h"

namespace hardlinkfs {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

IOStatus ToStatus(int error, const std::string& path) {
  if (IsFull(error)) return IOStatus::NoSpace(path, strerrordesc_np(error));
  if (error == ENOENT) return IOStatus::PathNotFound(path, strerrordesc_np(error));
  return IOStatus::IOError(path, strerrordesc_np(error));
}

// RocksDB's own file cannot do: after a failed append nobody knows how much of it was written.
class ReservedFile final : public rocksdb::FSWritableFile {
 public:
  ReservedFile(UniqueFd file, std::string path, uint64_t size, Reserve& reserve)
      : file_(std::move(file)), path_(std::move(path)), size_(size), reserve_(reserve) {}

  using FSWritableFile::Append;
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    const char* from = data.data();
    size_t left = data.size();
    while (left > 0) {
      const ssize_t written = pwrite(file_.get(), from, left, static_cast<off_t>(size_ + (data.size() - left)));
      if (written > 0) {
        from += written;
        left -= static_cast<size_t>(written);
      } else if (const int error = written == 0 ? ENOSPC : errno; error != EINTR && !(IsFull(error) && MayTake() && reserve_.GiveUp())) {
        // Nothing of a record that was refused may stay behind in a log.
        static_cast<void>(ftruncate(file_.get(), static_cast<off_t>(size_)));
        // Else RocksDB would take an EIO for the end of it, and not go on when the disk does.
        IOStatus failed = ToStatus(error, path_);
        failed.SetRetryable(!IsFull(error));
        return failed;
      }
    }
    size_ += data.size();
    return IOStatus::OK();
  }

  IOStatus Truncate(uint64_t size, const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    if (ftruncate(file_.get(), static_cast<off_t>(size)) != 0) return ToStatus(errno, path_);
    size_ = size;
    return IOStatus::OK();
  }
  IOStatus Close(const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    file_ = UniqueFd();
    return IOStatus::OK();
  }
  IOStatus Flush(const IOOptions& /*options*/, IODebugContext* /*context*/) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions& /*options*/, IODebugContext* /*context*/) override { return Sync(fdatasync); }
  IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*context*/) override { return Sync(fsync); }
  bool IsSyncThreadSafe() const override { return true; }
  uint64_t GetFileSize(const IOOptions& /*options*/, IODebugContext* /*context*/) override { return size_; }

 private:
  // RocksDB marks what compaction writes so, and only that.
  bool MayTake() { return GetIOPriority() != rocksdb::Env::IO_LOW; }
  IOStatus Sync(int (*sync)(int)) const {
    return sync(file_.get()) == 0 ? IOStatus::OK() : ToStatus(errno, path_);
  }

  UniqueFd file_;
  const std::string path_;
  uint64_t size_;
  Reserve& reserve_;
};

class ReservedFiles final : public rocksdb::FileSystemWrapper {
 public:
  ReservedFiles(std::shared_ptr<rocksdb::FileSystem> base, Reserve& reserve) : FileSystemWrapper(std::move(base)), reserve_(reserve) {}
  const char* Name() const override { return "hardlinkfs.ReservedFiles"; }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& /*options*/, std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* /*context*/) override {
    return Open(path, O_TRUNC, result);
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& /*options*/, std::unique_ptr<rocksdb::FSWritableFile>* result,
                              IODebugContext* /*context*/) override {
    return Open(path, 0, result);
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options, IODebugContext* context) override {
    for (;;) {
      IOStatus renamed = FileSystemWrapper::RenameFile(from, to, options, context);
      if (renamed.ok() || !renamed.IsNoSpace() || !reserve_.GiveUp()) return renamed;
    }
  }

 private:
  IOStatus Open(const std::string& path, int flags, std::unique_ptr<rocksdb::FSWritableFile>* result) {
    UniqueFd file;
    do {
      file = UniqueFd(open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC | flags, 0644));
    } while (!file.valid() && (errno == EINTR || (IsFull(errno) && reserve_.GiveUp())));
    struct stat seen {};
    if (!file.valid() || fstat(file.get(), &seen) != 0) return ToStatus(errno, path);
    *result = std::make_unique<ReservedFile>(std::move(file), path, static_cast<uint64_t>(seen.st_size), reserve_);
    return IOStatus::OK();
  }

  Reserve& reserve_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> MakeReservedFiles(std::shared_ptr<rocksdb::FileSystem> base, Reserve& reserve) {
  return std::make_shared<ReservedFiles>(std::move(base), reserve);
}

}  // namespace hardlinkfs
