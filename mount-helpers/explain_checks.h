// From the facts to the checks: what the kernel, and then the filesystem, would look at, in their order. Pure: it neither looks nor tries.
// Sources: do_linkat, do_unlinkat, do_renameat2, do_open and what they call in the kernel's fs/namei.c and fs/open.c (Linux 6.18).
#ifndef HARDLINKFS_MOUNT_HELPERS_EXPLAIN_CHECKS_H_
#define HARDLINKFS_MOUNT_HELPERS_EXPLAIN_CHECKS_H_

#include <string>
#include <vector>

#include "mount-helpers/explain_facts.h"

namespace hardlinkfs {

enum class Outcome { kPass, kFail, kUnknown };

struct Check {
  std::string rule;     // one of a fixed set of words, for scripts
  std::string subject;  // what it is about: mostly a path and its mode
  Outcome outcome = Outcome::kPass;
  int code = 0;        // the errno, of kUnknown the one that it would be; 0: passed
  std::string reason;  // of kFail and kUnknown
  std::string cure;    // what to do; empty: nothing is known
};

// RETURNS: all checks that the facts allow, also those after the first that fails.
std::vector<Check> ChecksOf(const ExplainFacts& facts);

struct Verdict {
  Outcome outcome = Outcome::kPass;
  const Check* first = nullptr;  // the first that fails
  bool may_be_another = false;   // something before it could not be told, and may fail with another errno
};

// The pointer is into `checks`.
Verdict VerdictOf(const std::vector<Check>& checks);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_EXPLAIN_CHECKS_H_
