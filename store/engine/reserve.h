// Reserve: a file that only takes up room, so that something is left when the filesystem is full: what frees space has to be written down
// first. The engine gives it up part by part when its own writes meet ENOSPC; until it is whole again, nothing new may be begun.
#ifndef HARDLINKFS_STORE_ENGINE_RESERVE_H_
#define HARDLINKFS_STORE_ENGINE_RESERVE_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "store/base/mutex.h"
#include "store/base/result.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {

inline constexpr char kReserveName[] = "reserve";

// Thread safety: every function from any thread.
class Reserve {
 public:
  // Opens or makes the file `reserve` in `directory_fd` (only used during the call). It may be empty or partial: Restore fills it.
  // RETURNS: the errno of open(2) or fstatvfs(3).
  static Result<std::unique_ptr<Reserve>> Open(int directory_fd);

  // RETURNS: how much it is to be: a 128th of the filesystem, but 2 to 16 MiB. The engine's log and what it writes out at once should
  // be no more together.
  uint64_t goal() const { return goal_; }
  // Gives a part of the room back to the filesystem. RETURNS: false when nothing is left to give.
  bool GiveUp();
  // RETURNS: whether all of it is there. Cheap.
  bool IsWhole() const { return size_.load() >= goal_; }
  // RETURNS: whether a file could grow by `bytes`, all of the reserve included.
  bool CouldGive(uint64_t bytes);
  // Takes back what was given up. RETURNS: whether it is whole now.
  bool Restore();

 private:
  Reserve(UniqueFd file, uint64_t size, uint64_t goal) : file_(std::move(file)), goal_(goal), size_(size) {}
  bool Extend(uint64_t from, uint64_t to);

  const UniqueFd file_;
  const uint64_t goal_;
  Mutex mutex_;  // leaf; held over I/O on the file
  std::atomic<uint64_t> size_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_ENGINE_RESERVE_H_
