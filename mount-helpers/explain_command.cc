#include "mount-helpers/explain_command.h"

#include <cstdio>
#include <utility>
#include <variant>
#include <vector>

#include "mount-helpers/explain_caller.h"
#include "mount-helpers/explain_checks.h"
#include "mount-helpers/explain_gather.h"
#include "mount-helpers/explain_report.h"

namespace hardlinkfs {
namespace {

ExplainStatus StatusOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPass:
      return kExplainAllowed;
    case Outcome::kFail:
      return kExplainRefused;
    case Outcome::kUnknown:
      break;
  }
  return kExplainUnknown;
}

}  // namespace

int RunExplain(const ExplainCommand& command) {
  ExplainedCaller caller = ThisCaller();
  if (!command.as.empty()) {
    std::variant<ExplainedCaller, std::string> other = CallerAs(command.as);
    if (const auto* const wrong = std::get_if<std::string>(&other)) {
      std::fprintf(stderr, "hardlinkfs: %s\n", wrong->c_str());
      return kExplainUsage;
    }
    caller = std::get<ExplainedCaller>(std::move(other));
  }
  const ExplainFacts facts = GatherFacts(command, std::move(caller));
  const std::vector<Check> checks = ChecksOf(facts);
  std::fputs((command.json ? ReportAsJson(facts, checks) : ReportForPeople(facts, checks)).c_str(), stdout);
  return StatusOf(VerdictOf(checks).outcome);
}

}  // namespace hardlinkfs
