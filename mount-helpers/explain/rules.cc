#include "mount-helpers/explain/rules.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mount-helpers/explain/access.h"
#include "mount-helpers/explain/text.h"
#include "policy/access.h"
#include "policy/decide.h"

namespace hardlinkfs {
namespace {

// RETURNS: a path of the machine as the server sees it: from the top of its mount on, whatever part of that is mounted here.
std::string PathInMount(const ExplainedMount& mount, const std::string& path) {
  const std::string& at = mount.entry.mountpoint;
  const std::string below = at == "/" ? path : path.substr(std::min(at.size(), path.size()));
  const std::string whole = (mount.entry.root == "/" ? "" : mount.entry.root) + below;
  return whole.empty() ? "/" : whole;
}

std::string PathOfName(const ExplainedPath& path) {
  const std::string& directory = path.parent().path;
  return directory + (directory == "/" ? "" : "/") + path.last_name;
}

// One thing that the server would ask its policy.
struct RuleQuestion {
  Operation operation = Operation::kLink;
  const ExplainedInode& inode;
  std::string name;                     // by which it is known, or that goes
  std::optional<std::string> new_name;  // that it gets
};

class RuleChecks {
 public:
  RuleChecks(CheckList& list, const ExplainedMount& mount, const Policy& policy) : list_(list), mount_(mount), policy_(policy) {}

  void Ask(const RuleQuestion& question) {
    const ExplainFacts& explained = list_.facts();
    const Caller caller = CallerOver(explained, question.inode.attributes);
    const AccessAnswer access = AskAccess(explained, question.inode, kMayRead | kMayWrite, AccessOf::kKernel);
    Facts facts{.operation = question.operation, .caller = caller, .inode = question.inode.attributes};
    facts.names = [&](size_t /*most*/) -> Result<std::vector<std::string>> { return std::vector{PathInMount(mount_, question.name)}; };
    if (question.new_name.has_value()) facts.new_name = [&]() -> Result<std::string> { return PathInMount(mount_, *question.new_name); };
    facts.may_read_and_write = [&access] { return access.outcome == Outcome::kPass; };
    KnownPaths paths(facts);
    const Judgement judgement = Decide(policy_, paths);
    if (judgement.refusal.has_value()) {
      Refuse(question, judgement.refusal, access);
    } else {
      Allow(question, judgement);
    }
  }

 private:
  void Refuse(const RuleQuestion& question, const Decision& refusal, const AccessAnswer& access) {
    const std::string at = ShellWord(mount_.entry.mountpoint);
    const std::string cure = "see \"" + std::string(refusal->rule) + "\" in hardlinkfs policy show " + at + "; hardlinkfs reload " + at +
                             " after a change of its file";
    const std::string subject = Describe(question.inode);
    if (policy_.dry_run) {
      list_.Pass(refusal->rule, subject + ", which would be refused but for dry_run");
    } else if (access.outcome == Outcome::kUnknown && std::string_view(refusal->rule) == "protected_hardlinks") {
      list_.CannotTell(refusal->rule, subject, refusal->code, access.reason + "; if he may not read and write it: " + refusal->reason,
                       cure);
    } else {
      list_.Fail(refusal->rule, subject, refusal->code, std::string(refusal->reason) + " (policy of the mount)", cure);
    }
  }

  // An operation on a name is judged by that name, one on a file by all of its names.
  void Allow(const RuleQuestion& question, const Judgement& judgement) {
    const std::string subject = Describe(mount_);
    const bool by_all_names = question.operation == Operation::kLink || question.operation == Operation::kOpenForWrite;
    if (by_all_names && policy_.GoesByPaths() && question.inode.attributes.nlink > 1) {
      list_.CannotTell("policy", subject, EPERM, "its rules go by paths, and the file has other names too, which may match");
      return;
    }
    list_.Pass("policy", subject + (judgement.rule == nullptr ? "" : ", rule \"" + judgement.rule->name + "\""));
  }

  CheckList& list_;
  const ExplainedMount& mount_;
  const Policy& policy_;
};

Operation RemovalOf(const ExplainedInode& inode) {
  return inode.attributes.type == FileType::kDirectory ? Operation::kRmdir : Operation::kUnlink;
}

// In the order of Vfs.
void AskAll(RuleChecks& checks, const ExplainFacts& facts, const ExplainedInode& inode) {
  switch (facts.operation) {
    case ExplainedOperation::kLink:
      checks.Ask({Operation::kLink, inode, inode.path, PathOfName(*facts.new_path)});
      return;
    case ExplainedOperation::kRename:
      if (const ExplainedInode* const replaced = facts.new_path->seen(); replaced != nullptr) {
        checks.Ask({RemovalOf(*replaced), *replaced, PathOfName(*facts.new_path), std::nullopt});
      }
      checks.Ask({Operation::kRename, inode, PathOfName(facts.old_path), PathOfName(*facts.new_path)});
      return;
    case ExplainedOperation::kUnlink:
      checks.Ask({RemovalOf(inode), inode, PathOfName(facts.old_path), std::nullopt});
      return;
    case ExplainedOperation::kWrite:
      checks.Ask({Operation::kOpenForWrite, inode, inode.path, std::nullopt});
      return;
  }
}

}  // namespace

void CheckRules(CheckList& list, const ExplainedMount& mount, const ExplainedServer& server) {
  const ExplainFacts& facts = list.facts();
  const ExplainedInode* const inode = facts.old_path.seen();
  const bool is_in_mount = inode != nullptr && inode->mount.entry.id == mount.entry.id;
  // What does not get as far as the server the checks before have told.
  if (server.error != 0 || !is_in_mount || (facts.new_path.has_value() && !facts.new_path->has_parent())) return;
  if (!server.policy.has_value()) {
    list.CannotTell("policy", Describe(mount), EPERM, "the policy of the mount cannot be read");
    return;
  }
  RuleChecks checks(list, mount, *server.policy);
  AskAll(checks, facts, *inode);
  if (!server.policy->quotas.empty() && facts.operation != ExplainedOperation::kUnlink) {
    list.CannotTell("quotas", Describe(mount), EDQUOT, "its policy has quotas; hardlinkfs quota tells what is left of them");
  }
  if (server.policy->faults.empty()) return;
  list.CannotTell("faults", Describe(mount), EIO, "its policy has faults, which may strike: hardlinkfs policy show");
}

}  // namespace hardlinkfs
