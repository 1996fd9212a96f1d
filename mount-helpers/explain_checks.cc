#include "mount-helpers/explain_checks.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "mount-helpers/explain_check_list.h"
#include "mount-helpers/explain_mount_policy.h"
#include "mount-helpers/explain_operations.h"

namespace hardlinkfs {
namespace {

void CheckSecurityModules(CheckList& list) {
  for (const std::string& module : list.facts().kernel.security) {
    list.CannotTell("security", module, EACCES, "this security module may refuse it by rules of its own",
                    "look for its denials in dmesg, or the audit log");
  }
}

}  // namespace

void CheckList::Add(Check check) {
  const auto is_same = [&check](const Check& other) {
    return other.rule == check.rule && other.subject == check.subject && other.outcome == check.outcome && other.reason == check.reason;
  };
  if (std::ranges::none_of(checks_, is_same)) checks_.push_back(std::move(check));
}

std::vector<Check> ChecksOf(const ExplainFacts& facts) {
  CheckList list(facts);
  switch (facts.operation) {
    case ExplainedOperation::kLink:
      CheckLink(list);
      break;
    case ExplainedOperation::kUnlink:
      CheckUnlink(list);
      break;
    case ExplainedOperation::kRename:
      CheckRename(list);
      break;
    case ExplainedOperation::kWrite:
      CheckWrite(list);
      break;
  }
  CheckMountPolicy(list);
  CheckSecurityModules(list);
  return list.Take();
}

Verdict VerdictOf(const std::vector<Check>& checks) {
  Verdict verdict;
  for (const Check& check : checks) {
    if (check.outcome == Outcome::kUnknown) verdict.outcome = Outcome::kUnknown;
    if (check.outcome != Outcome::kFail) continue;
    verdict.may_be_another = verdict.outcome == Outcome::kUnknown;
    verdict.outcome = Outcome::kFail;
    verdict.first = &check;
    return verdict;
  }
  return verdict;
}

}  // namespace hardlinkfs
