// Runs of the simulation with many seeds, for each kind of disk.
//
//   HARDLINKFS_SIM_SEED=N   only this seed, with a trace of what was done (what a failure prints)
//   HARDLINKFS_SIM_RUNS=N   for each kind of disk
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/sim/sim_run.h"

namespace hardlinkfs {
namespace {

constexpr uint64_t kRuns = 35'000;

std::optional<uint64_t> FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  return std::strtoull(value, nullptr, 10);
}

struct Kind {
  const char* name;
  MachineOptions options;
};

void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

Kind JournalKind() {
  Kind kind{"Journal", {}};
  kind.options.backing.disk = Disk::kJournal;
  return kind;
}

Kind FatKind() {
  Kind kind{"Fat", {}};
  kind.options.backing.capabilities = ExfatCapabilities();
  kind.options.backing.disk = Disk::kFat;
  return kind;
}

// RETURNS: the failure, empty if there is none.
std::string RunOne(const Kind& kind, uint64_t seed, const SimTrace& trace, uint64_t& cuts) {
  SimRun run(kind.options, seed, trace);
  std::string failure;
  try {
    run.Run();
  } catch (const SimFailure& caught) {
    failure = caught.what();
  }
  cuts += run.cuts();
  return failure;
}

class Simulation : public testing::TestWithParam<Kind> {};
INSTANTIATE_TEST_SUITE_P(, Simulation, testing::Values(JournalKind(), FatKind()), [](const auto& kind) { return kind.param.name; });

TEST_P(Simulation, KeepsItsPromisesOverPowerCuts) {
  uint64_t cuts = 0;
  if (const auto seed = FromEnvironment("HARDLINKFS_SIM_SEED")) {
    const std::string failure = RunOne(
        GetParam(), *seed, [](const std::string& line) { std::cout << "  " << line << std::endl; }, cuts);
    EXPECT_EQ(failure, "");
    return;
  }
  spdlog::set_level(spdlog::level::off);  // each cut is a failed sync for the volume
  // Half of them fixed, half of them new each time.
  const uint64_t fresh = (uint64_t{std::random_device()()} << 20U) + 1'000'000;
  const uint64_t runs = FromEnvironment("HARDLINKFS_SIM_RUNS").value_or(kRuns);
  for (uint64_t i = 0; i < runs; ++i) {
    const uint64_t seed = i % 2 == 0 ? i / 2 : fresh + i;
    const std::string failure = RunOne(GetParam(), seed, nullptr, cuts);
    if (failure.empty()) continue;
    FAIL() << failure << "\nagain: HARDLINKFS_SIM_SEED=" << seed << " bin/tests/sim_test --gtest_filter=*" << GetParam().name;
  }
  std::cout << cuts << " power cuts\n";
  RecordProperty("cuts", std::to_string(cuts));
}

}  // namespace
}  // namespace hardlinkfs
