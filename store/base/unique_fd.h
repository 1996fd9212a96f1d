// UniqueFd: owns one file descriptor.
#ifndef HARDLINKFS_STORE_BASE_UNIQUE_FD_H_
#define HARDLINKFS_STORE_BASE_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace hardlinkfs {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) Reset(std::exchange(other.fd_, -1));
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { Reset(-1); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  void Reset(int fd) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }
  int fd_ = -1;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BASE_UNIQUE_FD_H_
