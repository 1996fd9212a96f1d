// Faults of the backing and of the engine, at every call that any operation makes: the answer is true, nothing is half done, the volume
// goes on or is read-only as S6 of docs/crash-consistency.md says, and the next session finds what was acknowledged. Not random: each call
// of each scenario fails in its turn, with each errno, alone and with all that follow.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <ostream>
#include <string>
#include <vector>

#include "tests/faults/fault_run.h"
#include "tests/faults/scenarios.h"

namespace hardlinkfs {
namespace {

struct Case {
  std::string backing;
  const Scenario* scenario;
  Session session;
};

void PrintTo(const Case& of, std::ostream* out) { *out << of.scenario->name << " on " << of.backing; }

MachineOptions OptionsOf(const std::string& backing) {
  MachineOptions options;
  if (backing == "exfat") options.backing.capabilities = ExfatCapabilities();
  options.vfs.atime = Atime::kNever;  // else looking would change what is seen
  return options;
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const char* backing : {"exfat", "ext4"}) {
    for (const Scenario& scenario : Scenarios()) {
      for (const Session session : scenario.sessions) cases.push_back({backing, &scenario, session});
    }
  }
  return cases;
}

std::string NameOfCase(const testing::TestParamInfo<Case>& info) {
  const char* const session = info.param.session == Session::kSame   ? ""
                              : info.param.session == Session::kNext ? "InTheNextSession"
                                                                     : "AfterAKill";
  return info.param.backing + "_" + info.param.scenario->name + session;
}

class Faults : public testing::TestWithParam<Case> {
 protected:
  void Try(FaultRun& run, const Expected& expected, const Fault& fault) {
    const std::string wrong = run.With(fault, expected);
    if (wrong.empty()) return;
    const char* const following = fault.failing == Failing::kOnce ? "" : " and all that follow";
    ADD_FAILURE() << "call " << fault.call << following << " failed with " << strerrorname_np(fault.code) << "\n" << wrong;
  }
};
INSTANTIATE_TEST_SUITE_P(, Faults, testing::ValuesIn(Cases()), NameOfCase);

// S-FAULT-1
TEST_P(Faults, AreNeitherHiddenNorHalfDone) {
  FaultRun run(OptionsOf(GetParam().backing), *GetParam().scenario, GetParam().session);
  const Expected expected = run.WithoutFault();
  ASSERT_EQ(run.wrong(), "");
  ASSERT_GT(expected.of_engine.size(), 0U);
  RecordProperty("calls", static_cast<int>(expected.of_engine.size()));
  for (uint64_t call = 1; call <= expected.of_engine.size() && !HasFailure(); ++call) {
    // An engine knows only two ways to fail.
    const bool of_engine = expected.of_engine[call - 1];
    for (const int code : {EIO, ENOSPC, EDQUOT, EROFS, ENODEV, EMFILE, ESTALE}) {
      if (of_engine && code != EIO && code != ENOSPC) continue;
      Try(run, expected, {call, Failing::kOnce, code});
    }
    for (const int code : {EIO, ENOSPC, EROFS, ENODEV}) Try(run, expected, {call, Failing::kFromHere, code});
  }
}

}  // namespace
}  // namespace hardlinkfs
