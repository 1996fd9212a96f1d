// A policy as TOML, for `hardlinkfs policy show`.
#include <toml++/toml.h>

#include <cstring>
#include <sstream>
#include <string>

#include "policy/policy_file.h"
#include "policy/words.h"

namespace hardlinkfs {
namespace {

// Numbers of nlink and size that TOML's cannot hold mean that there is no limit.
void InsertRange(toml::table& into, const char* key, const std::optional<Range>& range) {
  if (!range.has_value()) return;
  toml::table bounds;
  bounds.insert("min", static_cast<int64_t>(range->first));
  if (range->last != Range().last) bounds.insert("max", static_cast<int64_t>(range->last));
  bounds.is_inline(true);
  into.insert(key, std::move(bounds));
}

void InsertIds(toml::table& into, const char* key, const std::vector<Range>& ranges) {
  if (ranges.empty()) return;
  toml::array ids;
  for (const Range& range : ranges) {
    if (range.first == range.last) {
      ids.push_back(static_cast<int64_t>(range.first));
    } else {
      ids.push_back(std::to_string(range.first) + "-" + std::to_string(range.last));
    }
  }
  into.insert(key, std::move(ids));
}

void InsertGlobs(toml::table& into, const char* key, const std::vector<Glob>& globs) {
  if (globs.empty()) return;
  toml::array patterns;
  for (const Glob& glob : globs) patterns.push_back(glob.pattern());
  into.insert(key, std::move(patterns));
}

template <typename Value, size_t kCount>
void InsertWord(toml::table& into, const char* key, const std::array<Word<Value>, kCount>& words, Value value) {
  into.insert(key, std::string(WordOf<Value>(words, value)));
}

toml::table TableOf(const std::string& name, const Match& match) {
  toml::table table;
  table.insert("name", name);
  toml::array operations;
  for (const Operation operation : AllOperations()) {
    if (match.operations.Has(operation)) operations.push_back(std::string(NameOf(operation)));
  }
  if (!operations.empty()) table.insert("ops", std::move(operations));
  InsertGlobs(table, "path", match.paths);
  InsertIds(table, "uid", match.uids);
  InsertIds(table, "gid", match.gids);
  if (match.owner.has_value()) InsertWord(table, "owner", kOwnerships, *match.owner);
  toml::array types;
  for (const FileType type : match.types) types.push_back(std::string(WordOf<FileType>(kFileTypes, type)));
  if (!types.empty()) table.insert("type", std::move(types));
  InsertRange(table, "nlink", match.nlink);
  InsertRange(table, "size", match.size);
  return table;
}

toml::array TablesOf(const std::vector<PolicyRule>& rules) {
  toml::array tables;
  for (const PolicyRule& rule : rules) {
    toml::table table = TableOf(rule.name, rule.match);
    InsertWord(table, "action", kActions, rule.action);
    if (rule.action == Action::kDeny) table.insert("errno", strerrorname_np(rule.code));
    tables.push_back(std::move(table));
  }
  return tables;
}

void InsertOccasion(toml::table& into, const Occasion& occasion) {
  switch (occasion.kind) {
    case Occasion::Kind::kEach:
      break;
    case Occasion::Kind::kNth:
      into.insert("nth", static_cast<int64_t>(occasion.number));
      break;
    case Occasion::Kind::kEvery:
      into.insert("every", static_cast<int64_t>(occasion.number));
      break;
    case Occasion::Kind::kRandom:
      into.insert("probability", occasion.probability);
      into.insert("seed", static_cast<int64_t>(occasion.seed));
      break;
  }
}

toml::array TablesOf(const std::vector<PolicyFault>& faults) {
  toml::array tables;
  for (const PolicyFault& fault : faults) {
    toml::table table = TableOf(fault.name, fault.match);
    InsertOccasion(table, fault.occasion);
    if (fault.code != 0) table.insert("errno", strerrorname_np(fault.code));
    if (fault.delay.count() != 0) table.insert("delay_ms", static_cast<int64_t>(fault.delay.count()));
    tables.push_back(std::move(table));
  }
  return tables;
}

void InsertLimit(toml::table& into, const char* key, const std::optional<uint64_t>& limit) {
  if (limit.has_value()) into.insert(key, static_cast<int64_t>(*limit));
}

toml::array TablesOf(const std::vector<QuotaRule>& quotas) {
  toml::array tables;
  for (const QuotaRule& quota : quotas) {
    toml::table table;
    table.insert("name", quota.name);
    InsertIds(table, "uid", quota.uids);
    InsertIds(table, "gid", quota.gids);
    InsertGlobs(table, "path", quota.paths);
    InsertLimit(table, "inodes", quota.inodes);
    InsertLimit(table, "names", quota.names);
    InsertLimit(table, "bytes", quota.bytes);
    tables.push_back(std::move(table));
  }
  return tables;
}

void InsertLinks(toml::table& into, const LinkRules& links) {
  InsertWord(into, "protected_hardlinks", kLinkProtections, links.protection);
  InsertWord(into, "links", kLinkUses, links.links);
  InsertWord(into, "symlinks", kLinkUses, links.symlinks);
  InsertWord(into, "specials", kLinkUses, links.specials);
  InsertWord(into, "flavor", kFlavors, links.flavor);
  toml::table limits;
  for (const Word<FileType>& type : kFileTypes) {
    if (const auto limit = links.LimitOf(type.value); limit.has_value() && type.value != FileType::kDirectory) {
      limits.insert(type.word, static_cast<int64_t>(*limit));
    }
  }
  if (links.max_links.by_type.empty() && links.max_links.all.has_value()) {
    into.insert("max_links", static_cast<int64_t>(*links.max_links.all));
  } else if (!limits.empty()) {
    limits.is_inline(true);
    into.insert("max_links", std::move(limits));
  }
}

}  // namespace

std::string ToToml(const Policy& policy) {
  toml::table table;
  InsertLinks(table, policy.links);
  InsertGlobs(table, "boundary", policy.boundary);
  InsertWord(table, "audit", kAuditLevels, policy.audit.level);
  if (!policy.audit.file.empty()) table.insert("audit_file", policy.audit.file);
  table.insert("audit_rate", static_cast<int64_t>(policy.audit.lines_per_second));
  table.insert("dry_run", policy.dry_run);
  if (!policy.rules.empty()) table.insert("rule", TablesOf(policy.rules));
  if (!policy.faults.empty()) table.insert("fault", TablesOf(policy.faults));
  InsertWord(table, "quota_charge", kQuotaCharges, policy.quota_charge);
  if (!policy.quotas.empty()) table.insert("quota", TablesOf(policy.quotas));
  std::ostringstream text;
  text << table << '\n';
  return text.str();
}

}  // namespace hardlinkfs
