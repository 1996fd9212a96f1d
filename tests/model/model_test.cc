// Random operations on a volume and on a reference tree, from a seed; a run that fails is made short before it is shown.
//
//   HARDLINKFS_MODEL_SEED=N       only this seed (what a failure prints); without it 1, 2, 3 …
//   HARDLINKFS_MODEL_SECONDS=N    as many seeds as fit into this time, for each kind of backing
//   HARDLINKFS_MODEL_OPERATIONS=N a seed
//   HARDLINKFS_MODEL_TRACE=1      print each operation before it is made (for crashes and endless loops)
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/model/dice.h"
#include "tests/model/kinds.h"
#include "tests/model/model_run.h"

namespace hardlinkfs {
namespace {

constexpr uint64_t kSeeds = 25;
constexpr uint64_t kOperations = 1000;
constexpr uint64_t kOperationsBetweenComparisons = 20;

// RETURNS: how the run ends; empty when both agree to the end.
std::string Run(const Kind& kind, const std::vector<uint64_t>& numbers, uint64_t between, std::vector<std::string>* trace) {
  const bool show = std::getenv("HARDLINKFS_MODEL_TRACE") != nullptr;
  const auto sink = [&](const std::string& line) {
    if (trace != nullptr) trace->push_back(line);
    if (show) std::cerr << line << std::endl;
  };
  try {
    ModelRun run(kind.options, sink);
    uint64_t operations = 0;
    for (const uint64_t number : numbers) {
      run.Operate(number);
      if (++operations % between == 0) run.Compare();
    }
    run.RemountClean();
  } catch (const Difference& difference) {
    return difference.what;
  }
  return {};
}

// Leaves out what the failure does not need: halves first, then ever smaller parts.
std::vector<uint64_t> ShrunkOnce(const Kind& kind, std::vector<uint64_t> numbers, uint64_t between) {
  for (size_t part = numbers.size() / 2; part > 0; part /= 2) {
    for (size_t begin = 0; begin < numbers.size();) {
      std::vector<uint64_t> fewer = numbers;
      const size_t end = std::min(begin + part, fewer.size());
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(begin), fewer.begin() + static_cast<std::ptrdiff_t>(end));
      if (Run(kind, fewer, between, nullptr).empty()) {
        begin += part;
      } else {
        numbers = fewer;
      }
    }
  }
  return numbers;
}

std::vector<uint64_t> Shrunk(const Kind& kind, std::vector<uint64_t> numbers, uint64_t between) {
  for (size_t before = 0; before != numbers.size();) {
    before = numbers.size();
    numbers = ShrunkOnce(kind, numbers, between);
  }
  return numbers;
}

void Check(const Kind& kind, uint64_t seed) {
  Dice dice(seed);
  std::vector<uint64_t> numbers(FromEnvironment("HARDLINKFS_MODEL_OPERATIONS").value_or(kOperations));
  for (uint64_t& number : numbers) number = dice.Any();
  const std::string failure = Run(kind, numbers, kOperationsBetweenComparisons, nullptr);
  if (failure.empty()) return;
  // Comparing after each operation tells best what went wrong, but changes the lookups, and so what happens.
  const uint64_t between = Run(kind, numbers, 1, nullptr).empty() ? kOperationsBetweenComparisons : 1;
  numbers = Shrunk(kind, numbers, between);
  std::vector<std::string> trace;
  const std::string end = Run(kind, numbers, between, &trace);
  std::string lines;
  for (const std::string& line : trace) lines += "  " + line + "\n";
  FAIL() << end << "\n"
         << lines << "again: HARDLINKFS_MODEL_SEED=" << seed << " bin/tests/model_test --gtest_filter=*" << kind.name
         << (end == failure ? "" : "\nbefore it was made short it was: " + failure);
}

// With quotas that nobody gets to: only what is counted is looked at.
Kind Counting(const char* name, Kind kind, QuotaCharge charge) {
  kind.name = name;
  constexpr Range kAnybody{0, std::numeric_limits<uint32_t>::max()};
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
  LoadedPolicy loaded = *kind.options.vfs.policy;
  loaded.policy.quota_charge = charge;
  loaded.policy.quotas = {{.name = "users", .uids = {kAnybody}, .gids = {}, .paths = {}, .inodes = kMost},
                          {.name = "groups", .uids = {}, .gids = {kAnybody}, .paths = {}, .inodes = kMost}};
  kind.options.vfs.policy = std::make_shared<const LoadedPolicy>(std::move(loaded));
  return kind;
}

class Model : public testing::TestWithParam<Kind> {};

TEST_P(Model, BehavesLikeThePosixTree) {
  if (const auto seed = FromEnvironment("HARDLINKFS_MODEL_SEED")) return Check(GetParam(), *seed);
  const auto seconds = FromEnvironment("HARDLINKFS_MODEL_SECONDS");
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds.value_or(0));
  // A long run begins where no run before it was.
  const uint64_t first = seconds ? static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()) : 1;
  for (uint64_t seed = first; seconds ? std::chrono::steady_clock::now() < end : seed < first + kSeeds; ++seed) {
    Check(GetParam(), seed);
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, Model,
                         testing::Values(Ext4(), Exfat(), Vfat(), Ext4Casefold(), Counting("Ext4Counting", Ext4(), QuotaCharge::kOnce),
                                         Counting("ExfatCounting", Exfat(), QuotaCharge::kName)),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace hardlinkfs
