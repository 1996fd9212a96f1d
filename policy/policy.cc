#include "policy/policy.h"

#include <algorithm>

namespace hardlinkfs {
namespace {

OperationSet OperationsOf(const Match& match, bool may_fail) {
  if (!match.operations.empty()) return match.operations;
  OperationSet all;
  for (const Operation operation : AllOperations()) {
    if (may_fail || operation < kFirstOnlyToFail) all.Add(operation);
  }
  return all;
}

}  // namespace

OperationSet Policy::Watched() const {
  OperationSet watched;
  if (audit.level == AuditLevel::kAll) watched.Add(OperationsOf({}, false));
  for (const PolicyRule& rule : rules) watched.Add(OperationsOf(rule.match, false));
  const bool has_boundaries = !boundary.empty() || HasQuotasOfPaths();
  if (!links.are_empty() || has_boundaries) watched.Add(Operation::kLink);
  if (has_boundaries) watched.Add(Operation::kRename);
  return watched;
}

bool Policy::GoesByPaths() const {
  const auto goes_by_paths = [](const auto& named) { return !named.match.paths.empty(); };
  return !boundary.empty() || HasQuotasOfPaths() || std::any_of(rules.begin(), rules.end(), goes_by_paths) ||
         std::any_of(faults.begin(), faults.end(), goes_by_paths);
}

bool Policy::HasQuotasOfPaths() const {
  return std::any_of(quotas.begin(), quotas.end(), [](const QuotaRule& quota) { return !quota.paths.empty(); });
}

bool Policy::GoesBySize() const {
  return std::any_of(rules.begin(), rules.end(), [](const PolicyRule& rule) { return rule.match.size.has_value(); });
}

OperationSet Policy::Failing() const {
  OperationSet failing;
  for (const PolicyFault& fault : faults) failing.Add(OperationsOf(fault.match, true));
  return failing;
}

}  // namespace hardlinkfs
