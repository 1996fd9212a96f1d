// MirroredEngine: RocksDB on a fake disk, with the same commits in a MemoryEngine beside it, which tells after a power cut what is left.
#ifndef HARDLINKFS_TESTS_SIM_MIRRORED_ENGINE_H_
#define HARDLINKFS_TESTS_SIM_MIRRORED_ENGINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "store/engine/memory_engine.h"
#include "tests/fakes/disk_engine.h"

namespace hardlinkfs {

// Thread safety: one thread.
class MirroredEngine final : public Engine {
 public:
  // The power that this disk has in common with the backing's.
  struct Power {
    std::function<uint64_t()> steps_left;
    std::function<bool()> is_off;
    // The disk made so many steps, at the end of which the power `went_off`, or not.
    std::function<void(uint64_t steps, bool went_off)> take;
    // From now on a power cut may find the commits so far durable, or those of the last sync.
    std::function<void()> sync_begins;
  };

  // Borrows `mirror`.
  MirroredEngine(DiskManner manner, MemoryEngine& mirror);
  void SetPower(Power power) { power_ = std::move(power); }

  // Begins a session. After a power cut the mirror forgets what is lost. RETURNS: EIO when the power goes off meanwhile; EUCLEAN when what is
  // found was never to be found: neither what was synced last nor what was being synced.
  Status Open();
  // Whether the last Open was after a power cut, and found what was being synced lost.
  bool has_lost_the_sync() const { return has_lost_the_sync_; }
  // Ends it: as a process that closes it (RETURNS: EIO when the power goes off meanwhile), as kill -9, and with what `below(n)`, which chooses
  // 0 … n - 1, leaves.
  Status Close();
  void Kill() { disk_.Kill(); }
  void CutPower(const std::function<uint64_t(uint64_t)>& below);
  // Has RocksDB write its memory out. REQUIRES: a session is open.
  Status Persist();

  Result<std::optional<std::string>> Get(std::string_view key) const override { return disk_.Get(key); }
  std::unique_ptr<Cursor> Scan(std::string_view prefix, std::string_view from) const override { return disk_.Scan(prefix, from); }
  Status Commit(const Batch& batch) override;
  void SetBeforePersist(std::function<Status()> action) override;
  using Engine::Sync;
  Status Sync(const std::function<void()>& chosen) override;

 private:
  Status WithPower(const std::function<Status()>& call);
  void BeginToCount();
  void Count();
  Status BeforePersist(const std::function<Status()>& action);
  void BeginSync();
  Status EndSync();
  bool HoldsTheSameAsMirror() const;

  DiskEngine disk_;
  MemoryEngine& mirror_;
  Power power_;
  uint64_t counted_ = 0;  // of the disk's steps
  bool is_syncing_ = false;
  bool was_cut_ = false;
  bool has_lost_the_sync_ = false;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_SIM_MIRRORED_ENGINE_H_
