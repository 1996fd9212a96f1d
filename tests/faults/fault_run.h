// FaultRun: one scenario, in one session, with one fault; and what has to hold then.
#ifndef HARDLINKFS_TESTS_FAULTS_FAULT_RUN_H_
#define HARDLINKFS_TESTS_FAULTS_FAULT_RUN_H_

#include <memory>
#include <string>
#include <vector>

#include "tests/faults/scenarios.h"
#include "tests/faults/snapshot.h"
#include "tests/faults/stage.h"

namespace hardlinkfs {

// What a scenario does without a fault.
struct Expected {
  Snapshot synced;  // before anything of the operation's session
  Snapshot before, after;
  std::vector<bool> of_engine;  // one for each call
};

class FaultRun {
 public:
  FaultRun(const MachineOptions& options, const Scenario& scenario, Session session);

  // REQUIRES: it succeeds.
  Expected WithoutFault();
  // RETURNS: what is wrong with the scenario itself; empty when all is well.
  const std::string& wrong() const { return wrong_; }
  // RETURNS: what is wrong; empty when all is well.
  std::string With(const Fault& fault, const Expected& expected);

 private:
  enum class Until { kSynced, kOperation };
  std::unique_ptr<Stage> Begin(Until until = Until::kOperation) const;
  void CheckAnswer(int code, const Fault& fault);
  void CheckEffect(int code, const Expected& expected);
  void CheckGoingOn();
  void CheckNextSession(const Expected& expected);
  void CheckMark();
  void CheckWhatNobodyTouched(const Expected& expected, const Snapshot& found);
  Snapshot Look() const;
  bool Matches(const Snapshot& expected, const Snapshot& found) const;
  void Wrong(const std::string& what) { wrong_ += what + "\n"; }

  const MachineOptions options_;
  const Scenario& scenario_;
  const Session session_;
  std::unique_ptr<Stage> stage_;
  Fault fault_;
  bool open_ = true;  // the session has begun
  bool sync_failed_ = false;
  Snapshot found_;
  std::string wrong_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_FAULTS_FAULT_RUN_H_
