// How the checks are told: lines for people, JSON for scripts.
#ifndef HARDLINKFS_MOUNT_HELPERS_EXPLAIN_REPORT_H_
#define HARDLINKFS_MOUNT_HELPERS_EXPLAIN_REPORT_H_

#include <string>
#include <vector>

#include "mount-helpers/explain_checks.h"
#include "mount-helpers/explain_facts.h"

namespace hardlinkfs {

// One line a check: "ok", "FAIL" the first that fails, "also" others that do, "?" what cannot be told. What passes after the first that
// fails is left out. Then the verdict, and the cures.
std::string ReportForPeople(const ExplainFacts& facts, const std::vector<Check>& checks);

// One object; its keys are listed in docs/semantics.md (S-EXPLAIN-5).
std::string ReportAsJson(const ExplainFacts& facts, const std::vector<Check>& checks);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_EXPLAIN_REPORT_H_
