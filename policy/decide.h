// Decide: what the whole policy says to one operation.
#ifndef HARDLINKFS_POLICY_DECIDE_H_
#define HARDLINKFS_POLICY_DECIDE_H_

#include "policy/decision.h"
#include "policy/known_paths.h"
#include "policy/policy.h"

namespace hardlinkfs {

struct Judgement {
  Decision refusal;
  const PolicyRule* rule = nullptr;  // that has decided, of the policy's own; null: none has
};

// The rules first, in their order; then boundaries; then what is about links. dry_run and faults are not looked at. The texts of a refusal
// live as long as `policy`.
Judgement Decide(const Policy& policy, KnownPaths& paths);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_POLICY_DECIDE_H_
