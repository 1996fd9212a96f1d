// CheckList: the checks of one operation while they are collected, with the facts that they are about.
#ifndef HARDLINKFS_MOUNT_HELPERS_EXPLAIN_CHECK_LIST_H_
#define HARDLINKFS_MOUNT_HELPERS_EXPLAIN_CHECK_LIST_H_

#include <string>
#include <utility>
#include <vector>

#include "mount-helpers/explain_checks.h"
#include "mount-helpers/explain_facts.h"

namespace hardlinkfs {

class CheckList {
 public:
  explicit CheckList(const ExplainFacts& facts) : facts_(facts) {}

  const ExplainFacts& facts() const { return facts_; }

  // One that is there already, as of a directory that is searched twice, is left out.
  void Add(Check check);
  void Pass(std::string rule, std::string subject) { Add({std::move(rule), std::move(subject), Outcome::kPass, 0, {}, {}}); }
  void Fail(std::string rule, std::string subject, int code, std::string reason, std::string cure) {
    Add({std::move(rule), std::move(subject), Outcome::kFail, code, std::move(reason), std::move(cure)});
  }
  void CannotTell(std::string rule, std::string subject, int code, std::string reason, std::string cure = {}) {
    Add({std::move(rule), std::move(subject), Outcome::kUnknown, code, std::move(reason), std::move(cure)});
  }

  std::vector<Check> Take() { return std::move(checks_); }

 private:
  const ExplainFacts& facts_;
  std::vector<Check> checks_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_EXPLAIN_CHECK_LIST_H_
