#include "store/engine/lenient_directories.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "store/base/unique_fd.h"

namespace hardlinkfs {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

IOStatus Failed(const std::string& path) {
  const char* const what = strerrordesc_np(errno);
  return errno == ENOENT ? IOStatus::PathNotFound(path, what) : IOStatus::IOError(path, what);
}

class LenientDirectory final : public rocksdb::FSDirectory {
 public:
  LenientDirectory(UniqueFd directory, std::string path) : directory_(std::move(directory)), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    return SyncLenientDirectory(directory_.get()) ? IOStatus::OK() : Failed(path_);
  }
  IOStatus Close(const IOOptions& /*options*/, IODebugContext* /*context*/) override {
    directory_ = UniqueFd();
    return IOStatus::OK();
  }

 private:
  UniqueFd directory_;
  const std::string path_;
};

class LenientDirectories final : public rocksdb::FileSystemWrapper {
 public:
  LenientDirectories() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "hardlinkfs.LenientDirectories"; }
  IOStatus NewDirectory(const std::string& path, const IOOptions& /*options*/, std::unique_ptr<rocksdb::FSDirectory>* result,
                        IODebugContext* /*context*/) override {
    UniqueFd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.valid()) return Failed(path);
    *result = std::make_unique<LenientDirectory>(std::move(directory), path);
    return IOStatus::OK();
  }
};

}  // namespace

bool SyncLenientDirectory(int directory) {
  while (fsync(directory) != 0) {
    if (errno == EINVAL || errno == ENOTSUP || errno == ENOSYS) break;
    if (errno != EINTR) return false;
  }
  return true;
}

std::shared_ptr<rocksdb::FileSystem> MakeLenientDirectories() { return std::make_shared<LenientDirectories>(); }

}  // namespace hardlinkfs
