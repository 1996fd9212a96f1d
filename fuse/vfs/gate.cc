#include "fuse/vfs/gate.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

namespace hardlinkfs {
namespace {

constexpr size_t kRemembered = 256;
// A file may have thousands of names.
constexpr size_t kNamesTold = 8;

// Directories can be nested so deep that a path has megabytes. The end of it tells more.
constexpr size_t kBytesTold = 1024;

std::string Told(std::string path) {
  if (path.size() > kBytesTold) path.replace(0, path.size() - kBytesTold, "...");
  return path;
}

Decided Describe(KnownPaths& paths, const Judgement& judgement, Timestamp now) {
  const Facts& facts = paths.facts();
  Decided decided{.when = now, .operation = facts.operation, .uid = facts.caller.uid, .gid = facts.caller.gid, .pid = facts.caller.pid};
  if (const auto names = paths.NamesUpTo(kNamesTold); names.ok()) {
    for (size_t i = 0; i < std::min(names->size(), kNamesTold); ++i) decided.names.push_back(Told((*names)[i]));
  }
  decided.by_name = facts.by_name;
  if (const auto& names = paths.NewNames(); names.ok() && !names->empty()) decided.new_name = Told(names->front());
  if (judgement.rule != nullptr) decided.rule = judgement.rule->name;
  if (judgement.refusal.has_value()) {
    decided.code = judgement.refusal->code;
    decided.rule = judgement.refusal->rule;
    decided.reason = judgement.refusal->reason;
  }
  return decided;
}

bool IsAudited(const Policy& policy, const Judgement& judgement) {
  if (judgement.rule != nullptr && judgement.rule->action == Action::kAudit) return true;
  return policy.audit.level == AuditLevel::kAll || (policy.audit.level == AuditLevel::kDenied && judgement.refusal.has_value());
}

}  // namespace

struct Gate::InForce {
  explicit InForce(std::shared_ptr<const LoadedPolicy> policy) : loaded(std::move(policy)), counts(loaded->policy.faults.size()) {}

  const std::shared_ptr<const LoadedPolicy> loaded;
  std::vector<std::atomic<uint64_t>> counts;  // of the operations that each fault matched
};

Gate::Gate(const Clock& clock, std::shared_ptr<const LoadedPolicy> loaded) : clock_(clock) { Load(std::move(loaded)); }

Gate::~Gate() = default;

void Gate::Load(std::shared_ptr<const LoadedPolicy> loaded) {
  const Policy& policy = loaded->policy;
  goes_by_paths_.store(policy.GoesByPaths());
  goes_by_size_.store(policy.GoesBySize());
  const OperationSet watched = policy.Watched();
  const OperationSet failing = policy.Failing();
  std::shared_ptr<InForce> before = in_force_.exchange(std::make_shared<InForce>(std::move(loaded)));
  watched_.store(watched);
  failing_.store(failing);
  // Its end may take a moment (the audit), which no operation shall wait for.
  while (before.use_count() > 1) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

std::shared_ptr<const LoadedPolicy> Gate::loaded() const { return in_force()->loaded; }

Status Gate::Judge(const Facts& facts) {
  const std::shared_ptr<InForce> in_force = this->in_force();
  KnownPaths paths(facts);
  return Conclude(*in_force->loaded, paths, Decide(in_force->loaded->policy, paths));
}

Status Gate::Strike(const Facts& facts) {
  std::chrono::milliseconds delay{0};
  Decision struck;
  {
    const std::shared_ptr<InForce> in_force = this->in_force();
    const std::vector<PolicyFault>& faults = in_force->loaded->policy.faults;
    KnownPaths paths(facts);
    for (size_t i = 0; i < faults.size() && !struck.has_value(); ++i) {
      const PolicyFault& fault = faults[i];
      const Result<bool> matches = Matches(fault.match, paths);
      if (!matches.ok() || !*matches || !fault.occasion.Is(++in_force->counts[i])) continue;
      delay += fault.delay;
      if (fault.code != 0) struck = Refusal{fault.code, fault.name.c_str(), "the fault strikes"};
    }
    if (struck.has_value()) Note(*in_force->loaded, paths, {struck, nullptr}, false);
  }
  if (delay.count() > 0) Delay(delay);
  return ToStatus(struck);
}

void Gate::Delay(std::chrono::milliseconds delay) {
  std::unique_lock<Mutex> lock(delays_);
  delays_end_.wait_for(lock, delay, [this]() {
    delays_.AssertHeld();
    return delays_are_over_;
  });
}

void Gate::EndDelays() {
  MutexLock lock(delays_);
  delays_are_over_ = true;
  delays_end_.notify_all();
}

void Gate::NoteRefusal(const Facts& facts, const Refusal& refusal) {
  KnownPaths paths(facts);
  Note(*loaded(), paths, {refusal, nullptr}, false);
}

Status Gate::Refuse(const Facts& facts, const Refusal& refusal) {
  const std::shared_ptr<const LoadedPolicy> loaded = this->loaded();
  KnownPaths paths(facts);
  return Conclude(*loaded, paths, {refusal, nullptr});
}

Status Gate::Conclude(const LoadedPolicy& loaded, KnownPaths& paths, const Judgement& judgement) {
  const bool is_dry = judgement.refusal.has_value() && loaded.policy.dry_run;
  Note(loaded, paths, judgement, is_dry);
  return is_dry ? Status() : ToStatus(judgement.refusal);
}

void Gate::Note(const LoadedPolicy& loaded, KnownPaths& paths, const Judgement& judgement, bool dry_run) {
  const bool is_audited = loaded.audit != nullptr && IsAudited(loaded.policy, judgement);
  if (!is_audited && !judgement.refusal.has_value()) return;
  Decided decided = Describe(paths, judgement, clock_.Now());
  decided.dry_run = dry_run;
  if (judgement.refusal.has_value()) {
    MutexLock lock(mutex_);
    decided.number = ++last_;
    refusals_.push_back(decided);
    if (refusals_.size() > kRemembered) refusals_.pop_front();
  }
  if (is_audited) loaded.audit->Note(decided);
}

std::vector<Decided> Gate::Refusals(uint64_t after) const {
  MutexLock lock(mutex_);
  const auto first = std::find_if(refusals_.begin(), refusals_.end(), [after](const Decided& decided) { return decided.number > after; });
  return {first, refusals_.end()};
}

}  // namespace hardlinkfs
