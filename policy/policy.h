// Policy: all that a mount's options and policy file say, as one value. policy_file.h reads it, decide.h applies it.
#ifndef HARDLINKFS_POLICY_POLICY_H_
#define HARDLINKFS_POLICY_POLICY_H_

#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "policy/fault.h"
#include "policy/glob.h"
#include "policy/link_rules.h"
#include "policy/match.h"
#include "policy/quota.h"

namespace hardlinkfs {

// What a rule does with the operations that it matches. kAudit allows them, and writes a line whatever the audit level.
enum class Action { kAllow, kDeny, kAudit };

struct PolicyRule {
  std::string name;
  Match match;
  Action action = Action::kDeny;
  int code = EPERM;  // of kDeny

  bool operator==(const PolicyRule&) const = default;
};

enum class AuditLevel { kOff, kDenied, kAll };

struct AuditOptions {
  AuditLevel level = AuditLevel::kOff;
  std::string file;                  // absolute; empty: the journal
  uint32_t lines_per_second = 1000;  // beyond it they are counted only

  bool operator==(const AuditOptions&) const = default;
};

struct Policy {
  LinkRules links;
  // Directories that no link or rename may lead out of, or into: each as a filesystem of its own.
  std::vector<Glob> boundary;
  std::vector<PolicyRule> rules;  // the first that matches decides
  std::vector<PolicyFault> faults;
  std::vector<QuotaRule> quotas;  // of each kind the first that is about somebody is his
  QuotaCharge quota_charge = QuotaCharge::kOnce;
  AuditOptions audit;
  bool dry_run = false;  // what is denied is allowed, and noted

  // RETURNS: the operations that anything here may be about, but for faults.
  OperationSet Watched() const;
  // RETURNS: the operations that faults may strike.
  OperationSet Failing() const;
  // RETURNS: whether anything here goes by names.
  bool GoesByPaths() const;
  // RETURNS: whether any quota does.
  bool HasQuotasOfPaths() const;
  bool GoesBySize() const;
  bool operator==(const Policy&) const = default;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_POLICY_POLICY_H_
