#include "policy/decide.h"

#include "policy/boundary.h"
#include "policy/link_rules.h"
#include "policy/quota.h"

namespace hardlinkfs {
namespace {

Judgement ByRules(const Policy& policy, KnownPaths& paths) {
  for (const PolicyRule& rule : policy.rules) {
    const Result<bool> matches = Matches(rule.match, paths);
    // What may be denied is not allowed because nobody knows.
    if (!matches.ok()) return {Refusal{matches.code(), rule.name.c_str(), "the names that this rule goes by cannot be found out"}, &rule};
    if (!*matches) continue;
    if (rule.action != Action::kDeny) return {std::nullopt, &rule};
    return {Refusal{rule.code, rule.name.c_str(), "the rule denies it"}, &rule};
  }
  return {};
}

}  // namespace

Judgement Decide(const Policy& policy, KnownPaths& paths) {
  const Facts& facts = paths.facts();
  Judgement judgement = ByRules(policy, paths);
  if (judgement.refusal.has_value()) return judgement;
  const bool links = facts.operation == Operation::kLink;
  if (links || facts.operation == Operation::kRename) {
    judgement.refusal = MayCross(policy.boundary, paths);
    if (!judgement.refusal.has_value()) judgement.refusal = MayLeaveQuota(policy.quotas, paths);
  }
  if (links && !judgement.refusal.has_value()) {
    judgement.refusal = MayLink(policy.links, facts.caller, facts.inode, facts.may_read_and_write);
  }
  return judgement;
}

}  // namespace hardlinkfs
