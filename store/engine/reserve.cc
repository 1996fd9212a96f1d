#include "store/engine/reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace hardlinkfs {
namespace {

constexpr uint64_t kMebibyte = uint64_t{1} << 20;
constexpr uint64_t kParts = 16;
constexpr uint64_t kShare = 128;

Result<uint64_t> SizeOf(int fd) {
  struct stat seen {};
  if (fstat(fd, &seen) != 0) return Error{errno, "fstat of the reserve"};
  return static_cast<uint64_t>(seen.st_size);
}

}  // namespace

Result<std::unique_ptr<Reserve>> Reserve::Open(int directory_fd) {
  UniqueFd file(openat(directory_fd, kReserveName, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!file.valid()) return Error{errno, "open of the reserve"};
  struct statvfs filesystem {};
  if (fstatvfs(file.get(), &filesystem) != 0) return Error{errno, "statvfs of the reserve"};
  const Result<uint64_t> size = SizeOf(file.get());
  if (!size.ok()) return size.error();
  const uint64_t goal = std::clamp(uint64_t{filesystem.f_blocks} * filesystem.f_frsize / kShare, 2 * kMebibyte, 16 * kMebibyte);
  return std::unique_ptr<Reserve>(new Reserve(std::move(file), *size, goal));
}

bool Reserve::GiveUp() {
  MutexLock lock(mutex_);
  const uint64_t size = size_.load();
  if (size == 0) return false;
  const uint64_t part = std::max(goal_ / kParts, uint64_t{1});
  const uint64_t left = size > part ? size - part : 0;
  if (ftruncate(file_.get(), static_cast<off_t>(left)) != 0) return false;
  size_ = left;
  return true;
}

bool Reserve::CouldGive(uint64_t bytes) {
  struct statvfs filesystem {};
  if (fstatvfs(file_.get(), &filesystem) != 0) return false;
  return uint64_t{filesystem.f_bavail} * filesystem.f_frsize + size_.load() >= bytes;
}

bool Reserve::Restore() {
  MutexLock lock(mutex_);
  const uint64_t size = size_.load();
  if (size >= goal_) return true;
  // All or nothing: half of it would take away the very room that was just made.
  struct statvfs filesystem {};
  if (fstatvfs(file_.get(), &filesystem) != 0 || uint64_t{filesystem.f_bavail} * filesystem.f_frsize < goal_ - size) return false;
  if (Extend(size, goal_)) {
    size_ = goal_;
    return true;
  }
  if (ftruncate(file_.get(), static_cast<off_t>(size)) == 0) return false;
  if (const Result<uint64_t> now = SizeOf(file_.get()); now.ok()) size_ = std::min(*now, goal_ - 1);
  return false;
}

// Zeros, where the filesystem cannot set room aside: exFAT and most of FUSE.
bool Reserve::Extend(uint64_t from, uint64_t to) {
  if (fallocate(file_.get(), 0, static_cast<off_t>(from), static_cast<off_t>(to - from)) == 0) return true;
  if (errno != EOPNOTSUPP && errno != ENOSYS) return false;
  static constexpr std::array<char, 256 * 1024> kZeros{};
  while (from < to) {
    const ssize_t written = pwrite(file_.get(), kZeros.data(), std::min<uint64_t>(kZeros.size(), to - from), static_cast<off_t>(from));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    from += static_cast<uint64_t>(written);
  }
  return true;
}

}  // namespace hardlinkfs
