// Each rule is left out in turn: the simulation has to notice, or it could not be believed when it notices nothing.
//
//   HARDLINKFS_SIM_SEED=N   only this seed of the mutant, with a trace
#include "tests/sim/mutants.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <iostream>
#include <string>
#include <vector>

#include "tests/sim/alike.h"
#include "tests/sim/gates.h"
#include "tests/sim/sim_run.h"

namespace hardlinkfs {
namespace {

constexpr uint64_t kSeeds = 6000;  // until a mutant has to be caught
constexpr uint64_t kSeedsOfAlike = 300;
constexpr uint64_t kSeedsWithout = 400;  // that have to pass without one; sim_test does more

std::vector<SimKind> Kinds() { return {FatKind(), JournalKind(), FatNamesKind()}; }

// RETURNS: what was noticed; empty if nothing was.
std::string Notices(const SimKind& kind, uint64_t seed, const SimTrace& trace, uint64_t& cuts) {
  SimRun run(kind, seed, std::nullopt, trace);
  std::string failure;
  try {
    run.Run();
  } catch (const SimFailure& caught) {
    failure = caught.what();
  }
  cuts += run.cuts();
  return failure;
}

class Mutants : public testing::TestWithParam<Mutant> {
 protected:
  Mutants() {
    spdlog::set_level(spdlog::level::off);
    Drop(GetParam().rule);
  }
  ~Mutants() override { Drop(std::nullopt); }
};
INSTANTIATE_TEST_SUITE_P(, Mutants, testing::ValuesIn(AllMutants()), [](const auto& mutant) { return mutant.param.name; });

TEST_P(Mutants, AreCaught) {
  if (GetParam().rule == Rule::kGatesAreClosed) {
    EXPECT_NE(WhatGotThroughTheGates(), "");
    return;
  }
  if (GetParam().rule == Rule::kAlikeApart) {
    std::string lost;
    for (uint64_t seed = 0; seed < kSeedsOfAlike && lost.empty(); ++seed) lost = WhatIsLostOfAlikeDirectories(seed);
    EXPECT_NE(lost, "");
    std::cout << GetParam().name << ": " << lost << "\n";
    return;
  }
  uint64_t cuts = 0;
  const std::optional<uint64_t> only = FromEnvironment("HARDLINKFS_SIM_SEED");
  const SimTrace trace = only ? SimTrace([](const std::string& line) { std::cout << "  " << line << std::endl; }) : SimTrace();
  for (uint64_t seed = only.value_or(0); seed <= only.value_or(kSeeds); ++seed) {
    for (const SimKind& kind : Kinds()) {
      const std::string noticed = Notices(kind, seed, trace, cuts);
      if (noticed.empty()) continue;
      std::cout << GetParam().name << ": caught after " << cuts << " power cuts (" << kind.name << ", seed " << seed << "): " << noticed
                << "\n";
      return;
    }
  }
  FAIL() << "not caught in " << cuts << " power cuts; dropped was: " << GetParam().dropped;
}

TEST(WithoutMutant, NothingGetsThroughTheGates) { EXPECT_EQ(WhatGotThroughTheGates(), ""); }

TEST(WithoutMutant, NothingIsLostOfAlikeDirectories) {
  spdlog::set_level(spdlog::level::off);
  for (uint64_t seed = 0; seed < kSeedsOfAlike; ++seed) ASSERT_EQ(WhatIsLostOfAlikeDirectories(seed), "");
}

TEST(WithoutMutant, TheSameSeedsPass) {
  spdlog::set_level(spdlog::level::off);
  uint64_t cuts = 0;
  for (uint64_t seed = 0; seed < kSeedsWithout; ++seed) {
    for (const SimKind& kind : Kinds()) {
      ASSERT_EQ(Notices(kind, seed, nullptr, cuts), "") << kind.name << ", seed " << seed;
    }
  }
}

}  // namespace
}  // namespace hardlinkfs
