// RocksDB on a disk whose power is cut before any step, in recovery too: it opens again, always, with what was synced, and with nothing
// else than a later state that was being synced or written out.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/fakes/disk_engine.h"
#include "tests/model/dice.h"

namespace hardlinkfs {
namespace {

using Rows = std::map<std::string, std::string>;

constexpr int kCutsADisk = 25;
constexpr uint64_t kFixedSeed = 1'000'000;
const std::string kCountKey = "count";

uint64_t NumberFrom(const char* variable, uint64_t otherwise) {
  const char* const value = std::getenv(variable);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

// One disk and the engine on it, with the history of what was committed.
class Life {
 public:
  Life(DiskManner manner, uint64_t seed) : dice_(seed), engine_(manner) {}

  // One cut after another. RETURNS: how many it suffered; stops at the first failure.
  int Run(int cuts) {
    for (int done = 0;;) {
      done += Recover();
      if (testing::Test::HasFailure() || done >= cuts) return done;
      engine_.TurnOffAfter(1 + dice_.Below(dice_.Chance(50) ? 60 : 900));
      while (!engine_.IsOff() && !testing::Test::HasFailure()) Act();
      engine_.CutPower(below_);
      ++done;
    }
  }

 private:
  void Act() {
    if (dice_.Below(1000) < 3) return Reopen();
    if (dice_.Chance(8)) return Sync();
    Commit();
  }

  void Reopen() {
    if (dice_.Chance(50)) {
      engine_.Close();
    } else {
      engine_.Kill();
    }
    // Reading it writes it out.
    written_out_ = history_.size();
    const Status opened = engine_.Open();
    if (engine_.IsOff()) return;
    ASSERT_TRUE(opened.ok()) << opened.error().what;
    Begin();
    ExpectPrefix(history_.size(), history_.size());
  }

  void Sync() {
    const size_t count = history_.size();
    syncs_.insert(count);
    const Status synced = engine_.Sync();
    if (synced.ok()) {
      synced_ = count;
    } else {
      EXPECT_TRUE(engine_.IsOff()) << "sync: " << synced.error().what;
    }
  }

  void Commit() {
    Batch batch;
    const uint64_t edits = 1 + dice_.Below(5);
    for (uint64_t i = 0; i < edits; ++i) {
      const std::string key = "key " + std::to_string(dice_.Below(300));
      if (dice_.Chance(25)) {
        batch.Delete(key);
      } else {
        batch.Put(key, std::string(dice_.Below(dice_.Chance(20) ? 6000 : 200), static_cast<char>('a' + dice_.Below(26))));
      }
    }
    batch.Put(kCountKey, std::to_string(history_.size() + 1));
    history_.push_back(batch);
    const Status committed = engine_.Commit(batch);
    EXPECT_TRUE(committed.ok() || engine_.IsOff()) << committed.error().what;
  }

  // RETURNS: the cuts suffered meanwhile.
  int Recover() {
    int cuts = 0;
    for (;; ++cuts) {
      if (dice_.Chance(40)) engine_.TurnOffAfter(1 + dice_.Below(60));
      const Status opened = engine_.Open();
      if (!engine_.IsOff()) {
        EXPECT_TRUE(opened.ok()) << opened.error().what;
        if (!opened.ok()) return cuts;
        break;
      }
      engine_.CutPower(below_);
    }
    engine_.TurnOffAfter(UINT32_MAX);
    Begin();
    ExpectPrefix(synced_, history_.size());
    return cuts;
  }

  void Begin() {
    engine_.SetBeforePersist([this]() -> Status {
      written_out_ = history_.size();
      return {};
    });
  }

  // The rows are the state after some commit of the history; what came after it is forgotten.
  void ExpectPrefix(size_t from, size_t to) {
    Rows found;
    const auto cursor = engine_.Scan("", "");
    for (; cursor->Valid(); cursor->Next()) found[std::string(cursor->key())] = cursor->value();
    ASSERT_TRUE(cursor->status().ok());
    const size_t count = found.contains(kCountKey) ? std::strtoull(found[kCountKey].c_str(), nullptr, 10) : 0;
    ASSERT_GE(count, from) << "something that was synced is lost";
    ASSERT_LE(count, to) << "from nowhere";
    EXPECT_TRUE(count == from || syncs_.contains(count) || count <= written_out_) << "neither synced nor written out: " << count;
    while (applied_ < count) Apply(history_[applied_++]);
    EXPECT_EQ(found, rows_) << "not the state after commit " << count;
    history_.resize(count);
    synced_ = count;
    written_out_ = 0;
    syncs_.clear();
  }

  void Apply(const Batch& batch) {
    for (const Batch::Edit& edit : batch.edits()) {
      if (edit.value.has_value()) {
        rows_[edit.key] = *edit.value;
      } else {
        rows_.erase(edit.key);
      }
    }
  }

  Dice dice_;
  DiskEngine engine_;
  const std::function<uint64_t(uint64_t)> below_ = [this](uint64_t n) { return dice_.Below(n); };
  std::vector<Batch> history_;
  size_t applied_ = 0;  // of it, to rows_: no more than what has been found
  Rows rows_;
  size_t synced_ = 0;
  std::set<size_t> syncs_;  // begun since, at which commits
  size_t written_out_ = 0;  // commits that RocksDB may have made durable by itself
};

class PowerCut : public testing::TestWithParam<DiskManner> {};

// From a fixed seed and from one of the day. HARDLINKFS_SEED and HARDLINKFS_CUTS repeat a failure, or make it longer.
TEST_P(PowerCut, LeavesWhatWasSynced) {
  const uint64_t cuts = NumberFrom("HARDLINKFS_CUTS", 1500);
  const uint64_t fresh = static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch() / std::chrono::microseconds(1));
  std::vector<uint64_t> seeds{kFixedSeed, fresh};
  if (std::getenv("HARDLINKFS_SEED") != nullptr) seeds = {NumberFrom("HARDLINKFS_SEED", 0)};
  for (uint64_t seed : seeds) {
    std::cout << "HARDLINKFS_SEED=" << seed << "\n";
    for (uint64_t done = 0; done < cuts / seeds.size() && !HasFailure(); ++seed) {
      SCOPED_TRACE("HARDLINKFS_SEED=" + std::to_string(seed) + " HARDLINKFS_CUTS=" + std::to_string(kCutsADisk));
      done += static_cast<uint64_t>(Life(GetParam(), seed).Run(kCutsADisk));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Disks, PowerCut, testing::Values(DiskManner::kJournal, DiskManner::kFat),
                         [](const auto& disk) { return disk.param == DiskManner::kFat ? "Fat" : "Journal"; });

}  // namespace
}  // namespace hardlinkfs
