// Every key keeps the versions that a live cursor or a power cut could still ask for; see memory_engine.h.
#include "store/engine/memory_engine.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

namespace hardlinkfs {

// Looks its place up anew at every step, so that commits may come in between.
class MemoryCursor final : public Cursor {
 public:
  MemoryCursor(const MemoryEngine& engine, std::string_view prefix, std::string_view from) : engine_(engine), prefix_(prefix) {
    MutexLock lock(engine_.mutex_);
    number_ = engine_.last_commit_;
    engine_.snapshots_.insert(number_);
    Settle(engine_.rows_.lower_bound(std::max(prefix, from)));
  }
  ~MemoryCursor() override {
    MutexLock lock(engine_.mutex_);
    engine_.snapshots_.erase(engine_.snapshots_.find(number_));
  }
  MemoryCursor(const MemoryCursor&) = delete;
  MemoryCursor& operator=(const MemoryCursor&) = delete;

  bool Valid() const override { return valid_; }
  std::string_view key() const override { return key_; }
  std::string_view value() const override { return value_; }
  void Next() override {
    MutexLock lock(engine_.mutex_);
    Settle(engine_.rows_.upper_bound(key_));
  }
  Status status() const override { return {}; }

 private:
  // Stops at the first row from `row` on that was there when the cursor was made.
  void Settle(decltype(MemoryEngine::rows_)::const_iterator row) REQUIRES(engine_.mutex_) {
    valid_ = false;
    for (; row != engine_.rows_.end() && row->first.starts_with(prefix_); ++row) {
      const MemoryEngine::Version* version = MemoryEngine::Find(row->second, number_);
      if (version == nullptr || !version->value) continue;
      key_ = row->first;
      value_ = *version->value;
      valid_ = true;
      return;
    }
  }

  const MemoryEngine& engine_;
  const std::string prefix_;
  uint64_t number_ = 0;
  bool valid_ = false;
  std::string key_;
  std::string value_;
};

// RETURNS: the version that was current after commit `number`; nullptr if the key had none.
const MemoryEngine::Version* MemoryEngine::Find(const Versions& versions, uint64_t number) {
  const auto after = std::upper_bound(versions.begin(), versions.end(), number,
                                      [](uint64_t wanted, const Version& version) { return wanted < version.number; });
  return after == versions.begin() ? nullptr : &*std::prev(after);
}

bool MemoryEngine::Take(Fault& fault) {
  if (fault.times == 0) return false;
  --fault.times;
  return true;
}

Result<std::optional<std::string>> MemoryEngine::Get(std::string_view key) const {
  MutexLock lock(mutex_);
  const auto row = rows_.find(key);
  if (row == rows_.end()) return std::optional<std::string>();
  return row->second.back().value;
}

std::unique_ptr<Cursor> MemoryEngine::Scan(std::string_view prefix, std::string_view from) const {
  return std::make_unique<MemoryCursor>(*this, prefix, from);
}

Status MemoryEngine::Commit(const Batch& batch) {
  MutexLock lock(mutex_);
  if (sync_failed_) return Error{EROFS, "memory engine: commit after a failed sync"};
  if (const int code = hook_ ? hook_(Call::kCommit) : 0; code != 0) return Error{code, "memory engine: commit refused by the hook"};
  if (Take(commit_fault_)) return Error{commit_fault_.code, "memory engine: commit told to fail"};
  ++last_commit_;
  for (const Batch::Edit& edit : batch.edits()) {
    Versions& versions = rows_[edit.key];
    if (versions.empty() || versions.back().number != last_commit_) {
      versions.push_back({last_commit_, edit.value});
    } else {
      versions.back().value = edit.value;
    }
    Prune(edit.key);
  }
  return {};
}

void MemoryEngine::SetBeforePersist(std::function<Status()> action) {
  MutexLock lock(mutex_);
  before_persist_ = std::move(action);
}

void MemoryEngine::SetHook(std::function<int(Call)> hook) {
  MutexLock lock(mutex_);
  hook_ = std::move(hook);
}

void MemoryEngine::Persist() {
  std::function<Status()> action;
  uint64_t number = 0;
  {
    MutexLock lock(mutex_);
    action = before_persist_;
    number = last_commit_;
  }
  const Status allowed = action ? action() : Status();
  MutexLock lock(mutex_);
  sync_failed_ = sync_failed_ || !allowed.ok();
  if (sync_failed_ || (hook_ && hook_(Call::kSync) != 0)) return;
  last_synced_ = std::max(last_synced_, number);
}

Status MemoryEngine::Sync(const std::function<void()>& chosen) {
  uint64_t number = 0;
  {
    MutexLock lock(mutex_);
    number = last_commit_;
  }
  chosen();
  MutexLock lock(mutex_);
  if (sync_failed_) return Error{EROFS, "memory engine: sync after a failed sync"};
  if (const int code = hook_ ? hook_(Call::kSync) : 0; code != 0) {
    sync_failed_ = true;
    return Error{code, "memory engine: sync refused by the hook"};
  }
  if (Take(sync_fault_)) {
    sync_failed_ = true;
    return Error{sync_fault_.code, "memory engine: sync told to fail"};
  }
  last_synced_ = std::max(last_synced_, number);
  const std::set<std::string> keys = std::exchange(unpruned_, {});
  for (const std::string& key : keys) Prune(key);
  return {};
}

void MemoryEngine::ForgetUnsynced(uint64_t keep) {
  MutexLock lock(mutex_);
  last_commit_ = std::min(last_commit_, last_synced_ + keep);
  last_synced_ = last_commit_;  // what is read back after a power cut is on the disk
  for (auto row = rows_.begin(); row != rows_.end();) {
    std::erase_if(row->second, [last = last_commit_](const Version& version) { return version.number > last; });
    row = row->second.empty() ? rows_.erase(row) : std::next(row);
  }
  const std::set<std::string> keys = std::exchange(unpruned_, {});
  for (const std::string& key : keys) Prune(key);
  commit_fault_ = {};
  sync_fault_ = {};
  sync_failed_ = false;
}

uint64_t MemoryEngine::UnsyncedCommits() const {
  MutexLock lock(mutex_);
  return last_commit_ - last_synced_;
}

void MemoryEngine::FailCommits(int code, size_t times) {
  MutexLock lock(mutex_);
  commit_fault_ = {code, times};
}

void MemoryEngine::FailSyncs(int code, size_t times) {
  MutexLock lock(mutex_);
  sync_fault_ = {code, times};
}

// Drops the versions of `key` that neither a cursor nor a power cut can ask for any more.
void MemoryEngine::Prune(const std::string& key) {
  const auto row = rows_.find(key);
  if (row == rows_.end()) return;
  Versions& versions = row->second;
  const uint64_t oldest = snapshots_.empty() ? last_synced_ : std::min(last_synced_, *snapshots_.begin());
  const Version* floor = Find(versions, oldest);
  if (floor != nullptr) versions.erase(versions.begin(), versions.begin() + (floor - versions.data()));
  if (floor == nullptr || versions.size() > 1) {
    unpruned_.insert(key);
    return;
  }
  if (!versions.front().value) rows_.erase(row);
}

}  // namespace hardlinkfs
