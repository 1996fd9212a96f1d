// MemoryEngine: the reference Engine, for tests and the simulation. It keeps nothing beyond the process, but knows what a power cut would
// have taken, and fails when told to.
#ifndef HARDLINKFS_STORE_ENGINE_MEMORY_ENGINE_H_
#define HARDLINKFS_STORE_ENGINE_MEMORY_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "store/base/mutex.h"
#include "store/engine/engine.h"

namespace hardlinkfs {

class MemoryEngine final : public Engine {
 public:
  Result<std::optional<std::string>> Get(std::string_view key) const override;
  std::unique_ptr<Cursor> Scan(std::string_view prefix, std::string_view from) const override;
  Status Commit(const Batch& batch) override;
  void SetBeforePersist(std::function<Status()> action) override;
  using Engine::Sync;
  Status Sync(const std::function<void()>& chosen) override;

  // What RocksDB does when its memory is full: calls the action, and what was committed is durable without a Sync.
  void Persist();

  // Power cut and new start: takes back the commits since the last Sync but the first `keep` of them (what the disk had happened to write),
  // and the failures asked for or suffered. REQUIRES: no cursor is alive.
  void ForgetUnsynced(uint64_t keep = 0);
  // RETURNS: how many commits a power cut could take.
  uint64_t UnsyncedCommits() const;

  enum class Call { kCommit, kSync };
  // Called before each commit and sync takes effect; RETURNS the errno to fail with, or 0. It may not use the engine.
  void SetHook(std::function<int(Call)> hook);

  // The next `times` calls fail with `code` (an errno) and have no effect; after a failed Sync see engine.h.
  void FailCommits(int code, size_t times);
  void FailSyncs(int code, size_t times);

 private:
  friend class MemoryCursor;

  // What a key held from commit `number` on; nullopt: nothing.
  struct Version {
    uint64_t number;
    std::optional<std::string> value;
  };
  using Versions = std::vector<Version>;  // ascending, never empty
  struct Fault {
    int code = 0;
    size_t times = 0;
  };

  static const Version* Find(const Versions& versions, uint64_t number);
  static bool Take(Fault& fault);
  void Prune(const std::string& key) REQUIRES(mutex_);

  mutable Mutex mutex_;
  // Old versions are kept rather than copies of the map: a snapshot costs nothing, and a power cut is a snapshot too.
  std::map<std::string, Versions, std::less<>> rows_ GUARDED_BY(mutex_);
  mutable std::multiset<uint64_t> snapshots_ GUARDED_BY(mutex_);
  std::set<std::string> unpruned_ GUARDED_BY(mutex_);  // keys that hold more than one value
  uint64_t last_commit_ GUARDED_BY(mutex_) = 0;
  uint64_t last_synced_ GUARDED_BY(mutex_) = 0;
  Fault commit_fault_ GUARDED_BY(mutex_);
  Fault sync_fault_ GUARDED_BY(mutex_);
  bool sync_failed_ GUARDED_BY(mutex_) = false;
  std::function<Status()> before_persist_ GUARDED_BY(mutex_);
  std::function<int(Call)> hook_ GUARDED_BY(mutex_);
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_ENGINE_MEMORY_ENGINE_H_
