// Runs of the simulation with many seeds, for each kind of disk.
//
//   HARDLINKFS_SIM_SEED=N        only this seed, with a trace of what was done (what a failure prints)
//   HARDLINKFS_SIM_CUT=N         of this seed one session, with the power cut before its step N
//   HARDLINKFS_SIM_EVERY_CUT=1   of this seed one session, once with each step, without a trace
//   HARDLINKFS_SIM_RUNS=N        so many runs for each kind of disk
//   HARDLINKFS_SIM_FIRST=N       they have the seeds from N on; without it half of them are from 0 on, half of them new each time
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <iostream>
#include <optional>
#include <random>
#include <string>

#include "tests/sim/gates.h"
#include "tests/sim/sim_run.h"

namespace hardlinkfs {
namespace {

constexpr uint64_t kRuns = 20'000;
constexpr uint64_t kRocksdbRuns = 500;
constexpr uint64_t kStepsTried = 200;

struct Outcome {
  std::string failure;  // empty if there is none
  uint64_t cuts = 0;
  uint64_t last_cut = 0;
};

Outcome RunOne(const SimKind& kind, uint64_t seed, std::optional<uint64_t> cut, const SimTrace& trace) {
  SimRun run(kind, seed, cut, trace);
  Outcome outcome;
  try {
    run.Run();
  } catch (const SimFailure& caught) {
    outcome.failure = caught.what();
  }
  outcome.cuts = run.cuts();
  outcome.last_cut = run.last_cut();
  return outcome;
}

std::string Replay(const SimKind& kind, uint64_t seed, std::optional<uint64_t> cut) {
  return "again: HARDLINKFS_SIM_SEED=" + std::to_string(seed) + (cut ? " HARDLINKFS_SIM_CUT=" + std::to_string(*cut) : "") +
         " bin/tests/sim_test --gtest_filter=*/" + kind.name;
}

class Simulation : public testing::TestWithParam<SimKind> {
 protected:
  static void Show(uint64_t seed, std::optional<uint64_t> cut) {
    const Outcome outcome = RunOne(GetParam(), seed, cut, [](const std::string& line) { std::cout << "  " << line << std::endl; });
    EXPECT_EQ(outcome.failure, "");
  }
  static void TryEveryCut(uint64_t seed) {
    for (uint64_t cut = 0; cut < kStepsTried; ++cut) {
      const Outcome outcome = RunOne(GetParam(), seed, cut, nullptr);
      EXPECT_EQ(outcome.failure, "") << Replay(GetParam(), seed, cut);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(, Simulation, testing::Values(JournalKind(), FatKind(), FatNamesKind(), JournalRocksdbKind(), FatRocksdbKind()),
                         [](const auto& kind) { return kind.param.name; });

TEST_P(Simulation, KeepsItsPromisesOverPowerCuts) {
  spdlog::set_level(spdlog::level::off);  // each cut is a failed sync for the volume
  if (const auto seed = FromEnvironment("HARDLINKFS_SIM_SEED")) {
    if (FromEnvironment("HARDLINKFS_SIM_EVERY_CUT")) return TryEveryCut(*seed);
    return Show(*seed, FromEnvironment("HARDLINKFS_SIM_CUT"));
  }
  const uint64_t runs = FromEnvironment("HARDLINKFS_SIM_RUNS").value_or(GetParam().catalog_disk ? kRocksdbRuns : kRuns);
  const auto first = FromEnvironment("HARDLINKFS_SIM_FIRST");
  const uint64_t fresh = first.value_or((uint64_t{std::random_device()()} << 20U) + 1'000'000);
  std::cout << (first ? "seeds from " : "half of the seeds from 0, half of them from ") << fresh << " on\n";
  uint64_t cuts = 0;
  for (uint64_t i = 0; i < runs; ++i) {
    const uint64_t seed = first ? *first + i : i % 2 == 0 ? i / 2 : fresh + i / 2;
    const Outcome outcome = RunOne(GetParam(), seed, std::nullopt, nullptr);
    cuts += outcome.cuts;
    if (outcome.failure.empty()) continue;
    FAIL() << outcome.failure << " (after power cut " << outcome.cuts << ", before step " << outcome.last_cut << " of its session)\n"
           << Replay(GetParam(), seed, std::nullopt);
  }
  std::cout << cuts << " power cuts\n";
  RecordProperty("cuts", std::to_string(cuts));
}

TEST(Gates, LetNothingBetweenWhatIsSyncedAndTheMark) { EXPECT_EQ(WhatGotThroughTheGates(), ""); }

}  // namespace
}  // namespace hardlinkfs
