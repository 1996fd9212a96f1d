// Snapshotter: the thread that takes snapshots of the catalog when they are due, and sees to it that nobody notices.
#ifndef HARDLINKFS_STORE_VOLUME_SNAPSHOTTER_H_
#define HARDLINKFS_STORE_VOLUME_SNAPSHOTTER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <thread>

#include "store/base/clock.h"
#include "store/base/mutex.h"
#include "store/base/result.h"
#include "store/engine/reserve.h"
#include "store/volume/catalog_volume.h"
#include "store/volume/snapshot_folder.h"

namespace hardlinkfs {

// Thread safety: any thread, but Start and Stop.
class Snapshotter {
 public:
  // Borrows all. `interval` lies between two snapshots, or more: writing takes a hundredth of the time at most. Zero: there are none.
  Snapshotter(CatalogVolume& volume, SnapshotFolder& folder, const Clock& clock, const Reserve* reserve, std::chrono::seconds interval);
  ~Snapshotter() { Stop(); }
  Snapshotter(const Snapshotter&) = delete;
  Snapshotter& operator=(const Snapshotter&) = delete;

  void Start();
  // Ends the thread; a snapshot that is being written is given up.
  void Stop();

  enum class Moment { kAnyTime, kUnmount };
  // RETURNS: whether one is due: the last is old enough, and something was changed since. An unmount need not wait for the second one there
  // is: the first may be of an empty volume.
  bool IsDue(Moment moment = Moment::kAnyTime);
  // Takes one: all rows as they are at this moment, which are durable, with what they rely on, before it counts. RETURNS: ENOSPC where it
  // would take too much of the free space, or while the reserve is not whole; else as CatalogVolume::SyncCatalog and the backing. No error
  // is one of the volume's. REQUIRES: no lock held; one call at a time, and none while the thread runs.
  Status Take();

  // When the last good one was made, seconds since the epoch; nullopt: there is none.
  std::optional<int64_t> last_taken();

 private:
  void Run();
  Status WriteOne();
  Status MayGoOn(std::chrono::steady_clock::time_point& piece_began, uint64_t& commits_seen);

  CatalogVolume& volume_;
  SnapshotFolder& folder_;
  const Clock& clock_;
  const Reserve* const reserve_;
  const std::chrono::seconds interval_;

  Mutex mutex_;  // leaf
  ConditionVariable wake_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::optional<int64_t> last_taken_ GUARDED_BY(mutex_);
  size_t sound_ GUARDED_BY(mutex_) = 0;                  // how many there are
  std::chrono::nanoseconds cost_ GUARDED_BY(mutex_){0};  // of the last one, or attempt
  int64_t last_tried_ GUARDED_BY(mutex_) = 0;
  std::optional<uint64_t> commits_taken_ GUARDED_BY(mutex_);  // the volume's count at the last one of this session
  int last_error_ GUARDED_BY(mutex_) = 0;                     // so that the log says each reason once
  std::chrono::nanoseconds worked_{0};                        // at the present one, by whoever takes it
  std::thread thread_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_SNAPSHOTTER_H_
