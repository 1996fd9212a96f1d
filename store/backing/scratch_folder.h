// ScratchFolder: a fresh folder to try things in, which is removed with all it holds.
#ifndef HARDLINKFS_STORE_BACKING_SCRATCH_FOLDER_H_
#define HARDLINKFS_STORE_BACKING_SCRATCH_FOLDER_H_

#include <string>
#include <utility>

#include "store/base/result.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {

class ScratchFolder {
 public:
  // Below `directory_fd` (borrowed, must outlive the folder). RETURNS: the errno of mkdir(2).
  static Result<ScratchFolder> Make(int directory_fd);

  ScratchFolder(ScratchFolder&& other) noexcept
      : parent_fd_(other.parent_fd_), name_(std::exchange(other.name_, {})), directory_(std::move(other.directory_)) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder();

  int fd() const { return directory_.get(); }

 private:
  ScratchFolder(int parent_fd, std::string name, UniqueFd directory)
      : parent_fd_(parent_fd), name_(std::move(name)), directory_(std::move(directory)) {}

  int parent_fd_;
  std::string name_;  // empty once moved from
  UniqueFd directory_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BACKING_SCRATCH_FOLDER_H_
