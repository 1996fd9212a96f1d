#include "tests/sim/mirrored_engine.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace hardlinkfs {
namespace {

constexpr Error kNoPower{EIO, "the power is off"};
// Rows that no catalog has, and more than RocksDB is to hold in memory. No session of a run comes near that by itself.
constexpr std::string_view kBallast = "\xff ballast ";
constexpr size_t kWriteBufferBytes = size_t{1} << 18;

}  // namespace

MirroredEngine::MirroredEngine(DiskManner manner, MemoryEngine& mirror) : disk_(manner, kWriteBufferBytes), mirror_(mirror) {}

Status MirroredEngine::Open() {
  if (Status opened = WithPower([&] { return disk_.Open(); }); !opened.ok()) return opened;
  has_lost_the_sync_ = false;
  if (!std::exchange(was_cut_, false)) return {};
  const bool is_whole = HoldsTheSameAsMirror();
  has_lost_the_sync_ = is_syncing_ && !is_whole;
  mirror_.ForgetUnsynced(is_whole && is_syncing_ ? mirror_.UnsyncedCommits() : 0);
  is_syncing_ = false;
  if (HoldsTheSameAsMirror()) return {};
  return Error{EUCLEAN, "the catalog has neither what was synced last nor what was being synced"};
}

Status MirroredEngine::Close() {
  return WithPower([this]() -> Status {
    disk_.Close();
    return {};
  });
}

void MirroredEngine::CutPower(const std::function<uint64_t(uint64_t)>& below) {
  disk_.CutPower(below);
  was_cut_ = true;
}

// The second commit finds the memory full, which is then written out with all that came before.
Status MirroredEngine::Persist() {
  for (const size_t bytes : {kWriteBufferBytes, size_t{1}}) {
    Batch ballast;
    ballast.Put(std::string(kBallast) + std::to_string(bytes), std::string(bytes, 'b'));
    if (Status committed = WithPower([&] { return disk_.Commit(ballast); }); !committed.ok()) return committed;
  }
  // It is not, if what commits rely on could not be synced before.
  return is_syncing_ ? EndSync() : Error{EROFS, "nothing was written out"};
}

Status MirroredEngine::Commit(const Batch& batch) {
  if (Status committed = WithPower([&] { return disk_.Commit(batch); }); !committed.ok()) return committed;
  return mirror_.Commit(batch);
}

void MirroredEngine::SetBeforePersist(std::function<Status()> action) {
  if (!action) return disk_.SetBeforePersist(nullptr);
  disk_.SetBeforePersist([this, action = std::move(action)] { return BeforePersist(action); });
}

Status MirroredEngine::Sync(const std::function<void()>& chosen) {
  BeginSync();
  if (Status synced = WithPower([&] { return disk_.Sync(chosen); }); !synced.ok()) return synced;
  return EndSync();
}

Status MirroredEngine::WithPower(const std::function<Status()>& call) {
  if (power_.is_off()) return kNoPower;
  BeginToCount();
  Status called = call();
  Count();
  return power_.is_off() ? kNoPower : called;
}

void MirroredEngine::BeginToCount() {
  counted_ = disk_.steps();
  disk_.TurnOffAfter(std::min<uint64_t>(power_.steps_left(), UINT32_MAX));
}

void MirroredEngine::Count() { power_.take(disk_.steps() - std::exchange(counted_, disk_.steps()), disk_.IsOff()); }

// It makes steps on the other disk. In the midst of a commit, or in a thread of RocksDB's when the power is off.
Status MirroredEngine::BeforePersist(const std::function<Status()>& action) {
  if (disk_.IsOff()) return kNoPower;
  Count();
  if (Status allowed = action(); !allowed.ok()) return allowed;
  if (power_.is_off()) {
    disk_.TurnOff();
    return kNoPower;
  }
  BeginSync();
  BeginToCount();
  return {};
}

void MirroredEngine::BeginSync() {
  if (power_.is_off()) return;
  is_syncing_ = true;
  power_.sync_begins();
}

Status MirroredEngine::EndSync() {
  is_syncing_ = false;
  return mirror_.Sync();
}

bool MirroredEngine::HoldsTheSameAsMirror() const {
  const auto found = disk_.Scan("", "");
  const auto wanted = mirror_.Scan("", "");
  for (; wanted->Valid(); wanted->Next(), found->Next()) {
    if (!found->Valid() || found->key() != wanted->key() || found->value() != wanted->value()) return false;
  }
  return !found->Valid() || found->key().starts_with(kBallast);
}

}  // namespace hardlinkfs
