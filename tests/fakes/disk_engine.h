// DiskEngine: the RocksDB engine on a FakeDisk, which outlives it: for a test that has the power cut, or the process killed, at any step.
#ifndef HARDLINKFS_TESTS_FAKES_DISK_ENGINE_H_
#define HARDLINKFS_TESTS_FAKES_DISK_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "store/engine/engine.h"
#include "store/engine/rocksdb_engine.h"
#include "tests/fakes/fake_disk.h"

namespace hardlinkfs {

// As an Engine it is the same object before and after: a cursor must not live over Open, Kill or CutPower. After each call nothing goes on
// in the background, so that the same calls make the same steps, but for a few whose order RocksDB's threads settle among themselves.
// Thread safety: one thread; BeforePersist comes from that too, at the end of a Commit or a Sync, or from another one when the power is off.
class DiskEngine final : public Engine {
 public:
  // Buffers are as small as RocksDB lets them be (64 KiB), unless told otherwise.
  explicit DiskEngine(DiskManner manner, size_t write_buffer_bytes = size_t{1} << 16);
  ~DiskEngine() override;

  // Begins a session; makes the database the first time. After CutPower what was not synced is dropped, as the session file would have it;
  // an attempt that fails because the power goes off meanwhile (IsOff) is followed by CutPower and another Open. REQUIRES: none is open.
  // RETURNS: as OpenRocksdbEngine.
  Status Open();
  // Ends it as a process ends that closes its engine.
  void Close();
  // Ends it as kill -9 does: nothing more is written, and nothing is lost.
  void Kill();
  // Ends it, if one is open, with what `below(n)`, which chooses 0 … n - 1, leaves of what was not synced.
  void CutPower(const std::function<uint64_t(uint64_t)>& below);
  // At which step the power is to go off: then every call fails with EIO or EROFS until CutPower, which also takes the order back.
  void TurnOffAfter(uint64_t steps) { disk_.TurnOffAfter(steps); }
  void TurnOff() { disk_.TurnOff(); }
  bool IsOff() const { return disk_.IsOff(); }
  uint64_t steps() const { return disk_.steps(); }
  FakeDisk& disk() { return disk_; }
  static const std::string& path();

  // Engine. REQUIRES: a session is open.
  Result<std::optional<std::string>> Get(std::string_view key) const override { return engine_->Get(key); }
  std::unique_ptr<Cursor> Scan(std::string_view prefix, std::string_view from) const override { return engine_->Scan(prefix, from); }
  Status Commit(const Batch& batch) override;
  // Kept for sessions to come; an empty one also when none is open.
  void SetBeforePersist(std::function<Status()> action) override;
  using Engine::Sync;
  Status Sync(const std::function<void()>& chosen) override;

 private:
  const size_t write_buffer_bytes_;
  FakeDisk disk_;
  std::unique_ptr<Engine> engine_;
  bool made_ = false;
  Unsynced unsynced_ = Unsynced::kKeep;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_FAKES_DISK_ENGINE_H_
