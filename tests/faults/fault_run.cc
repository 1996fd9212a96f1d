#include "tests/faults/fault_run.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "tests/model/invariants.h"

namespace hardlinkfs {
namespace {

constexpr char kAfter[] = "z/after";  // what is made when the fault is over; its directory counts nowhere

std::string Show(int code) { return code == 0 ? "success" : strerrorname_np(code); }

// Of a snapshot without what CheckGoingOn makes.
Snapshot WithoutMark(Snapshot snapshot) {
  std::erase_if(snapshot, [](const auto& entry) { return entry.first == "z" || entry.first == kAfter; });
  return snapshot;
}

// Without what depends on in which session something was taken over from the backing.
Snapshot WithoutAttributes(Snapshot snapshot) {
  for (auto& [path, seen] : snapshot) {
    seen.names = seen.names.substr(0, seen.names.find(" #"));
    seen.attributes.clear();
  }
  return snapshot;
}

// An entry that could not be removed when its creation failed, nor later in that session.
bool IsLeftover(const Seen& seen) { return seen.content.empty() || seen.content == "0 bytes: "; }

// In times that cannot be taken back when nothing works any more.
Snapshot WithoutMtimes(Snapshot snapshot) {
  for (auto& [path, seen] : snapshot) {
    const size_t from = seen.attributes.find(" mtime");
    const size_t to = seen.attributes.find(" btime");
    if (from != std::string::npos) seen.attributes.erase(from, to - from);
  }
  return snapshot;
}

}  // namespace

// In the first look directories are not counted that were not listed before.
Snapshot FaultRun::Look() const {
  if (scenario_.effect == Effect::kEventually) static_cast<void>(TakeSnapshot(stage_->vfs()));
  const Snapshot seen = WithoutMark(TakeSnapshot(stage_->vfs()));
  return scenario_.effect == Effect::kEventually ? WithoutAttributes(seen) : seen;
}

FaultRun::FaultRun(const MachineOptions& options, const Scenario& scenario, Session session)
    : options_(options), scenario_(scenario), session_(session) {}

std::unique_ptr<Stage> FaultRun::Begin(Until until) const {
  auto stage = std::make_unique<Stage>(options_);
  Machine& machine = stage->machine();
  static_cast<void>(machine.Open());
  MakeTree(*stage);
  static_cast<void>(stage->vfs().SyncAll());
  while (*stage->volume().SettleSome(100) > 0) {
  }
  machine.clock().Advance(std::chrono::seconds(10));
  scenario_.prepare(*stage);
  static_cast<void>(stage->vfs().SyncAll());
  if (session_ != Session::kSame) {
    if (session_ == Session::kAfterKill) {
      machine.Kill();
    } else {
      stage->Forget();
      static_cast<void>(machine.Close());
    }
    stage->ForgetAll();
    machine.clock().Advance(std::chrono::seconds(10));
    if (until == Until::kOperation) scenario_.below(*stage);
    if (!scenario_.opens) static_cast<void>(machine.Open());
  }
  if (until == Until::kSynced) return stage;
  if (!scenario_.opens) scenario_.prepare_next(*stage);
  machine.clock().Advance(std::chrono::seconds(10));
  return stage;
}

Expected FaultRun::WithoutFault() {
  Expected expected;
  for (const Until until : {Until::kSynced, Until::kOperation}) {
    stage_ = Begin(until);
    if (scenario_.opens) static_cast<void>(stage_->machine().Open());
    (until == Until::kSynced ? expected.synced : expected.before) = Look();
  }
  stage_ = Begin();
  stage_->Arm({});
  const int code = scenario_.act(*stage_);
  stage_->Disarm();
  if (code != 0) Wrong("without a fault it ends with " + Show(code));
  expected.of_engine = stage_->of_engine();
  expected.after = Look();
  return expected;
}

std::string FaultRun::With(const Fault& fault, const Expected& expected) {
  fault_ = fault;
  wrong_.clear();
  open_ = true;
  stage_ = Begin();
  stage_->Arm(fault);
  const int code = scenario_.act(*stage_);
  stage_->Disarm();
  CheckAnswer(code, fault);
  open_ = !scenario_.ends && (!scenario_.opens || code == 0);
  sync_failed_ = stage_->is_open() && !stage_->volume().Writable().ok();
  if (open_) CheckEffect(code, expected);
  if (open_) CheckGoingOn();
  CheckNextSession(expected);
  if (!wrong_.empty()) {
    wrong_ =
        "it answered " + Show(code) + (sync_failed_ ? ", a sync has failed" : "") + ", after " + stage_->failed() + " failed\n" + wrong_;
  }
  return wrong_;
}

// An error says what has happened below. ENOENT above all would be believed: the kernel remembers it.
void FaultRun::CheckAnswer(int code, const Fault& fault) {
  if (code == 0 || code == fault.code || code == EIO) return;
  if (code == EROFS && !stage_->volume().Writable().ok()) return;
  if (code == ENOSPC && IsFull(fault.code)) return;
  if (code == ENODEV && fault.code == ENODEV) return;
  Wrong("it ends with " + Show(code) + " after " + Show(fault.code));
}

// After a failed sync what is found in the next session may be older, and what was made since is a stranger's.
bool FaultRun::Matches(const Snapshot& expected, const Snapshot& found) const {
  if (expected == found) return true;
  if (scenario_.effect != Effect::kPartOfFile) return false;
  Snapshot a = expected;
  Snapshot b = found;
  for (Snapshot* each : {&a, &b}) {
    for (auto& [path, seen] : *each) {
      const bool is_file = path == scenario_.file || (scenario_.file == "f" && path == "d/link");
      if (!is_file) continue;
      seen.content.clear();
      seen.attributes.clear();
    }
  }
  return a == b;
}

void FaultRun::CheckWhatNobodyTouched(const Expected& expected, const Snapshot& found) {
  const auto is_same_in = [](const Snapshot& in, const std::string& path, const Seen& seen) {
    const auto there = in.find(path);
    return there != in.end() && there->second.names == seen.names && there->second.content == seen.content;
  };
  // An error says that it is there.
  const auto shows_error = [&](const std::string& path) {
    const auto there = found.find(path.empty() ? "." : path);
    return there != found.end() && (there->second.names.starts_with("(") || there->second.content.find("(") != std::string::npos);
  };
  for (const auto& [path, seen] : expected.synced) {
    if (path == "." || !is_same_in(expected.before, path, seen) || !is_same_in(expected.after, path, seen)) continue;
    bool excused = shows_error(path);
    for (size_t slash = path.rfind('/'); !excused && slash != path.npos; slash = slash == 0 ? path.npos : path.rfind('/', slash - 1)) {
      excused = shows_error(path.substr(0, slash));
    }
    if (!excused && !is_same_in(found, path, seen)) Wrong("\"" + path + "\" is not as it was");
  }
}

void FaultRun::CheckEffect(int code, const Expected& expected) {
  found_ = Look();
  if (scenario_.effect == Effect::kEventually) {
    return CheckWhatNobodyTouched(expected, found_);
  }
  const bool as_after = code == 0 ? found_ == expected.after : scenario_.effect != Effect::kNoneOrAll && Matches(expected.after, found_);
  const bool as_before = code != 0 && Matches(expected.before, found_);
  if (!as_after && !as_before) {
    Wrong(std::string("the effect is not that of ") + (code == 0 ? "success" : "a failure") + ":\n" +
          DifferenceOf(code == 0 ? expected.after : expected.before, found_));
  }
  if (fault_.failing != Failing::kOnce || stage_->removal_failed()) return;
  for (const std::string& broken : BrokenInvariants(stage_->machine(), Moment::kRunning)) {
    // A move that failed half way is looked into before the next batch.
    if (broken.find(" was being moved from ") == broken.npos) Wrong("broken: " + broken);
  }
}

void FaultRun::CheckGoingOn() {
  const int made = stage_->File(kAfter, "after");
  if (!sync_failed_) {
    if (made != 0) Wrong("afterwards a creation ends with " + Show(made));
    if (const int synced = stage_->vfs().SyncAll().code(); synced != 0) Wrong("afterwards a sync ends with " + Show(synced));
    return;
  }
  if (made != EROFS) Wrong("after a failed sync a creation ends with " + Show(made));
  if (const int synced = stage_->volume().SyncCatalog().code(); synced != EIO)
    Wrong("after a failed sync another ends with " + Show(synced));
}

void FaultRun::CheckMark() {
  const Snapshot all = TakeSnapshot(stage_->vfs());
  const auto mark = all.find(kAfter);
  if (mark == all.end() || mark->second.content != "5 bytes: after") Wrong("what was made afterwards is not there");
}

void FaultRun::CheckNextSession(const Expected& expected) {
  Machine& machine = stage_->machine();
  const bool kill = !open_ || fault_.call % 2 == 0;
  if (!kill) {
    stage_->Forget();
    const int stopped = machine.Stop().code();
    if (stopped != 0 && !sync_failed_) Wrong("afterwards a clean end ends with " + Show(stopped));
    if (stopped == 0 && sync_failed_) Wrong("after a failed sync a clean end succeeds");
  }
  machine.Kill();
  // What the next session believes of the log then.
  if (sync_failed_) machine.engine().ForgetUnsynced();
  stage_->ForgetAll();
  machine.clock().Advance(std::chrono::seconds(10));
  if (const int opened = machine.Open().code(); opened != 0) return Wrong("the next session does not begin: " + Show(opened));
  Snapshot again = Look();
  Snapshot wanted = open_ && scenario_.effect != Effect::kEventually ? found_ : expected.after;
  const bool vanished = fault_.failing == Failing::kFromHere;
  // What was to be removed and could not be is kept where it can be seen.
  if (stage_->removal_failed()) {
    std::erase_if(again, [&](const auto& entry) { return !wanted.contains(entry.first) && IsLeftover(entry.second); });
  }
  if (vanished) {
    again = WithoutMtimes(again);
    wanted = WithoutMtimes(wanted);
    std::erase_if(again, [&](const auto& entry) { return kill && !wanted.contains(entry.first) && IsLeftover(entry.second); });
  }
  if (sync_failed_) {
    CheckWhatNobodyTouched(expected, again);  // the rest may be older, and what was made since is a stranger's
  } else if (!Matches(wanted, again)) {
    Wrong("the next session finds something else:\n" + DifferenceOf(wanted, again));
  }
  if (open_ && !sync_failed_) CheckMark();
  if (const int stopped = machine.Stop().code(); stopped != 0) Wrong("the next session does not end: " + Show(stopped));
  for (const std::string& broken : BrokenInvariants(machine, Moment::kStopped)) Wrong("broken in the next session: " + broken);
}

}  // namespace hardlinkfs
