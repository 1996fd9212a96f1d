// Decision: what policy says to one operation. A value: nothing is done here, and nothing is asked of the kernel.
#ifndef HARDLINKFS_POLICY_DECISION_H_
#define HARDLINKFS_POLICY_DECISION_H_

#include <optional>

#include "store/base/result.h"

namespace hardlinkfs {

// Why an operation is not to be done.
struct Refusal {
  int code;            // errno for the caller
  const char* rule;    // the option, key or rule that says so, as the user spells it; lives as long as the policy
  const char* reason;  // what of the operation the rule is about; a literal
};

// nullopt: policy has nothing against it.
using Decision = std::optional<Refusal>;

inline Status ToStatus(const Decision& decision) {
  return decision.has_value() ? Status(Error{decision->code, decision->reason, true}) : Status();
}

}  // namespace hardlinkfs

#endif  // HARDLINKFS_POLICY_DECISION_H_
