// Invalidator: has the kernel drop what reconciling found to be untrue. A thread of its own does it: the kernel takes the lock of a
// directory to drop a name, and may hold it for an operation that is being served.
#ifndef HARDLINKFS_FUSE_VFS_INVALIDATOR_H_
#define HARDLINKFS_FUSE_VFS_INVALIDATOR_H_

#include <chrono>
#include <cstddef>
#include <set>
#include <string>
#include <thread>
#include <unordered_set>
#include <utility>

#include "fuse/vfs/inode_table.h"
#include "fuse/vfs/kernel_cache.h"
#include "store/base/inode_id.h"
#include "store/base/mutex.h"
#include "store/base/name.h"
#include "store/volume/change_observer.h"

namespace hardlinkfs {

class Invalidator final : public ChangeObserver {
 public:
  // More changes than this at a time are one: everything.
  static constexpr size_t kMaxChanges = 16384;
  // All is sent once more after this long, or up to twice as long: an answer that was given before the change, and was on its way to the
  // kernel, may have come there after the first time.
  static constexpr std::chrono::milliseconds kAgain{1000};

  // Borrows both.
  Invalidator(KernelCache& cache, const InodeTable& table, std::chrono::milliseconds again = kAgain)
      : cache_(cache), table_(table), again_(again) {}
  ~Invalidator() override { Stop(); }
  Invalidator(const Invalidator&) = delete;
  Invalidator& operator=(const Invalidator&) = delete;

  void Start();
  // What was not sent by then is not sent.
  void Stop();

  void AttributesChanged(InodeId inode) override;
  void ListingChanged(InodeId directory) override;
  void NameChanged(InodeId directory, const Name& name) override;
  void EverythingChanged() override;

 private:
  struct Changes {
    std::unordered_set<InodeId> attributes;
    std::unordered_set<InodeId> listings;
    std::set<std::pair<InodeId, std::string>> names;
    bool everything = false;

    bool empty() const { return !everything && attributes.empty() && listings.empty() && names.empty(); }
    // Keeps to kMaxChanges.
    void Bound();
    void Merge(const Changes& more);
  };

  void Run();
  void Send(const Changes& changes);
  bool IsStopping() REQUIRES(mutex_) { return stopping_; }
  bool HasWork() REQUIRES(mutex_) { return stopping_ || !pending_.empty(); }

  KernelCache& cache_;
  const InodeTable& table_;
  const std::chrono::milliseconds again_;
  Mutex mutex_;  // leaf
  ConditionVariable wake_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  Changes pending_ GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_VFS_INVALIDATOR_H_
