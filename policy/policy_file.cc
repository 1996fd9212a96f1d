#include "policy/policy_file.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "policy/toml_reader.h"
#include "policy/words.h"

namespace hardlinkfs {
namespace {

constexpr uint32_t kLastId = std::numeric_limits<uint32_t>::max() - 1;
constexpr uint64_t kMostDelay = 60'000;  // milliseconds: it takes up one of the threads of the server
constexpr uint64_t kNoMore = std::numeric_limits<int64_t>::max();

using ResolveId = std::function<std::optional<uint32_t>(const std::string&)>;

std::optional<Glob> GlobOf(TomlReader& reader, const toml::node& node, std::string_view key) {
  const auto* const text = node.as_string();
  if (text != nullptr && Glob::IsSound(text->get())) return Glob(text->get());
  reader.ComplainValue(node, key,
                       "a pattern of paths, as \"/projects/*\", \"*.log\" or \"/a/**\" (no \".\", no \"..\", \"**\" for itself)");
  return std::nullopt;
}

std::optional<Glob> AnchoredGlobOf(TomlReader& reader, const toml::node& node, std::string_view key) {
  std::optional<Glob> glob = GlobOf(reader, node, key);
  if (!glob.has_value() || glob->pattern().starts_with('/')) return glob;
  reader.ComplainValue(node, key, "patterns from the top of the mount on, with a slash first");
  return std::nullopt;
}

std::optional<Range> IdsOf(TomlReader& reader, const toml::node& node, std::string_view key, const ResolveId& resolve) {
  if (const auto* const number = node.as_integer(); number != nullptr && number->get() >= 0 && number->get() <= kLastId) {
    return Range{static_cast<uint64_t>(number->get()), static_cast<uint64_t>(number->get())};
  }
  if (const auto* const text = node.as_string(); text != nullptr) {
    const std::optional<Range> range = RangeOf(text->get());
    if (range.has_value() && range->last <= kLastId) return range;
    const std::optional<uint32_t> id = range.has_value() || !resolve ? std::nullopt : resolve(text->get());
    if (id.has_value()) return Range{*id, *id};
  }
  reader.ComplainValue(node, key, "a number, a range as \"1000-1999\", or a name that this machine knows");
  return std::nullopt;
}

std::optional<uint64_t> BoundOf(TomlReader& reader, std::string_view key) {
  const toml::node* const node = reader.Find(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* const number = node->as_integer(); number != nullptr && number->get() >= 0) return static_cast<uint64_t>(number->get());
  const auto* const text = node->as_string();
  const std::optional<uint64_t> bytes = text == nullptr ? std::nullopt : BytesOf(text->get());
  if (bytes.has_value() && *bytes <= kNoMore) return bytes;
  reader.ComplainValue(*node, key, "a number, or one of bytes as \"10M\" (K, M, G, T)");
  return std::nullopt;
}

std::optional<Range> RangeIn(TomlReader& reader, std::string_view key, PolicyErrors& errors) {
  const toml::table* const table = reader.Table(key);
  if (table == nullptr) return std::nullopt;
  TomlReader inner(*table, key, errors);
  const std::optional<uint64_t> least = BoundOf(inner, "min");
  const std::optional<uint64_t> most = BoundOf(inner, "max");
  inner.RefuseOthers();
  const Range range{least.value_or(0), most.value_or(Range().last)};
  if (range.first > range.last) inner.Complain("\"min\" must not be above \"max\"");
  if (!table->contains("min") && !table->contains("max")) inner.Complain(TomlReader::Quoted(key) + " needs \"min\", \"max\" or both");
  return range;
}

std::optional<Operation> OperationIn(TomlReader& reader, const toml::node& node, bool may_fail) {
  const auto* const text = node.as_string();
  const std::optional<Operation> operation = text == nullptr ? std::nullopt : OperationOf(text->get());
  if (operation.has_value() && (may_fail || *operation < kFirstOnlyToFail)) return operation;
  std::string known;
  for (const Operation candidate : AllOperations()) {
    if (may_fail || candidate < kFirstOnlyToFail) known.append(known.empty() ? "" : ", ").append(NameOf(candidate));
  }
  reader.ComplainValue(node, "ops", "one of " + known);
  return std::nullopt;
}

Match MatchIn(TomlReader& reader, const IdNames& names, bool may_fail, PolicyErrors& errors) {
  Match match;
  for (const Operation operation :
       reader.List<Operation>("ops", [&](const toml::node& node) { return OperationIn(reader, node, may_fail); })) {
    match.operations.Add(operation);
  }
  match.paths = reader.List<Glob>("path", [&](const toml::node& node) { return GlobOf(reader, node, "path"); });
  match.uids = reader.List<Range>("uid", [&](const toml::node& node) { return IdsOf(reader, node, "uid", names.user); });
  match.gids = reader.List<Range>("gid", [&](const toml::node& node) { return IdsOf(reader, node, "gid", names.group); });
  match.owner = reader.Choice<Ownership>("owner", kOwnerships);
  match.types = reader.List<FileType>("type", [&](const toml::node& node) { return reader.ChoiceOf<FileType>(node, "type", kFileTypes); });
  match.nlink = RangeIn(reader, "nlink", errors);
  match.size = RangeIn(reader, "size", errors);
  return match;
}

std::optional<int> ErrnoIn(TomlReader& reader) {
  const toml::node* const node = reader.Find("errno");
  if (node == nullptr) return std::nullopt;
  const auto* const text = node->as_string();
  const std::optional<int> code = text == nullptr ? std::nullopt : ErrnoOf(text->get());
  // ENOSYS would have the kernel never ask again.
  if (code.has_value() && *code != ENOSYS) return code;
  reader.ComplainValue(*node, "errno", "the name of an error as in errno(3), as \"EPERM\", and not ENOSYS");
  return std::nullopt;
}

PolicyRule RuleIn(const toml::table& table, const IdNames& names, PolicyErrors& errors) {
  TomlReader reader(table, "[[rule]]", errors);
  PolicyRule rule;
  rule.name = reader.Text("name").value_or("");
  rule.match = MatchIn(reader, names, false, errors);
  const std::optional<Action> action = reader.Choice<Action>("action", kActions);
  rule.action = action.value_or(Action::kDeny);
  const std::optional<int> code = ErrnoIn(reader);
  rule.code = code.value_or(EPERM);
  reader.RefuseOthers();
  if (!reader.Has("name")) reader.Complain("a [[rule]] needs a \"name\"");
  if (!reader.Has("action")) reader.Complain("a [[rule]] needs an \"action\": \"allow\", \"deny\" or \"audit\"");
  if (code.has_value() && action.has_value() && *action != Action::kDeny) reader.Complain("only action = \"deny\" has an \"errno\"");
  return rule;
}

Occasion OccasionIn(TomlReader& reader) {
  Occasion occasion;
  const std::optional<uint64_t> nth = reader.Number("nth", 1, kNoMore);
  const std::optional<uint64_t> every = reader.Number("every", 1, kNoMore);
  const std::optional<double> probability = reader.Fraction("probability");
  const std::optional<uint64_t> seed = reader.Number("seed", 0, kNoMore);
  const int kinds =
      static_cast<int>(reader.Has("nth")) + static_cast<int>(reader.Has("every")) + static_cast<int>(reader.Has("probability"));
  if (kinds > 1) reader.Complain("a [[fault]] has one of \"nth\", \"every\" and \"probability\", or none: each time");
  if (reader.Has("seed") && !reader.Has("probability")) reader.Complain("a \"seed\" goes with a \"probability\"");
  if (nth.has_value()) occasion = {.kind = Occasion::Kind::kNth, .number = *nth};
  if (every.has_value()) occasion = {.kind = Occasion::Kind::kEvery, .number = *every};
  if (probability.has_value()) occasion = {.kind = Occasion::Kind::kRandom, .probability = *probability, .seed = seed.value_or(0)};
  return occasion;
}

PolicyFault FaultIn(const toml::table& table, const IdNames& names, PolicyErrors& errors) {
  TomlReader reader(table, "[[fault]]", errors);
  PolicyFault fault;
  fault.name = reader.Text("name").value_or("");
  fault.match = MatchIn(reader, names, true, errors);
  fault.occasion = OccasionIn(reader);
  fault.code = ErrnoIn(reader).value_or(0);
  fault.delay = std::chrono::milliseconds(reader.Number("delay_ms", 1, kMostDelay).value_or(0));
  reader.RefuseOthers();
  if (!reader.Has("name")) reader.Complain("a [[fault]] needs a \"name\"");
  if (!reader.Has("errno") && !reader.Has("delay_ms")) reader.Complain("a [[fault]] needs an \"errno\", a \"delay_ms\" or both");
  return fault;
}

std::optional<Range> OwnersOf(TomlReader& reader, const toml::node& node, std::string_view key, const ResolveId& resolve) {
  if (const auto* const text = node.as_string(); text != nullptr && text->get() == "*") return Range{0, kLastId};
  return IdsOf(reader, node, key, resolve);
}

std::optional<uint64_t> LimitIn(TomlReader& reader, std::string_view key) {
  const std::optional<uint64_t> limit = BoundOf(reader, key);
  // To setquota(8) it means that there is none.
  if (limit == 0) reader.ComplainValue(*reader.Find(key), key, "at least 1; without the key there is no limit");
  return limit;
}

QuotaRule QuotaIn(const toml::table& table, const IdNames& names, PolicyErrors& errors) {
  TomlReader reader(table, "[[quota]]", errors);
  QuotaRule quota;
  quota.name = reader.Text("name").value_or("");
  quota.uids = reader.List<Range>("uid", [&](const toml::node& node) { return OwnersOf(reader, node, "uid", names.user); });
  quota.gids = reader.List<Range>("gid", [&](const toml::node& node) { return OwnersOf(reader, node, "gid", names.group); });
  quota.paths = reader.List<Glob>("path", [&](const toml::node& node) { return AnchoredGlobOf(reader, node, "path"); });
  quota.inodes = reader.Number("inodes", 1, kNoMore);
  quota.names = reader.Number("names", 1, kNoMore);
  quota.bytes = LimitIn(reader, "bytes");
  reader.RefuseOthers();
  if (!reader.Has("name")) reader.Complain("a [[quota]] needs a \"name\"");
  const int kinds = static_cast<int>(reader.Has("uid")) + static_cast<int>(reader.Has("gid")) + static_cast<int>(reader.Has("path"));
  if (kinds != 1) reader.Complain("a [[quota]] has one of \"uid\", \"gid\" and \"path\"");
  const bool has_limit = reader.Has("inodes") || reader.Has("names") || reader.Has("bytes");
  if (!has_limit) reader.Complain("a [[quota]] needs \"inodes\", \"names\" or \"bytes\", or several of them");
  return quota;
}

AuditOptions AuditIn(TomlReader& reader) {
  AuditOptions audit;
  audit.level = reader.Choice<AuditLevel>("audit", kAuditLevels).value_or(audit.level);
  audit.file = reader.Text("audit_file").value_or("");
  if (!audit.file.empty() && !audit.file.starts_with('/')) {
    reader.ComplainValue(*reader.Find("audit_file"), "audit_file", "an absolute path");
  }
  audit.lines_per_second = static_cast<uint32_t>(reader.Number("audit_rate", 1, 1'000'000).value_or(audit.lines_per_second));
  return audit;
}

LinkLimits LimitsIn(TomlReader& reader, PolicyErrors& errors) {
  constexpr uint32_t kMost = std::numeric_limits<uint32_t>::max();
  LinkLimits limits;
  const toml::node* const node = reader.Find("max_links");
  if (node == nullptr) return limits;
  if (!node->is_table()) {
    if (const auto all = reader.Number("max_links", 1, kMost); all.has_value()) limits.all = static_cast<uint32_t>(*all);
    return limits;
  }
  TomlReader inner(*node->as_table(), "max_links", errors);
  for (const Word<FileType>& type : kFileTypes) {
    if (type.value == FileType::kDirectory) continue;
    if (const auto limit = inner.Number(type.word, 1, kMost); limit.has_value()) limits.by_type[type.value] = static_cast<uint32_t>(*limit);
  }
  inner.RefuseOthers();
  return limits;
}

LinkRules LinksIn(TomlReader& reader, PolicyErrors& errors) {
  LinkRules links;
  links.protection = reader.Choice<LinkProtection>("protected_hardlinks", kLinkProtections).value_or(links.protection);
  links.links = reader.Choice<LinkUse>("links", kLinkUses).value_or(links.links);
  links.symlinks = reader.Choice<LinkUse>("symlinks", kLinkUses).value_or(links.symlinks);
  links.specials = reader.Choice<LinkUse>("specials", kLinkUses).value_or(links.specials);
  links.flavor = reader.Choice<Flavor>("flavor", kFlavors).value_or(links.flavor);
  links.max_links = LimitsIn(reader, errors);
  return links;
}

template <typename Named>
void CheckNames(const std::vector<Named>& all, const std::vector<const toml::table*>& tables, std::set<std::string>& taken,
                TomlReader& reader) {
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].name.empty() || taken.insert(all[i].name).second) continue;
    reader.Complain(*tables[i]->get("name"), "the name " + TomlReader::Quoted(all[i].name) + " is taken; names are unique");
  }
}

Policy PolicyIn(const toml::table& table, const IdNames& names, PolicyErrors& errors) {
  TomlReader reader(table, "a policy", errors);
  Policy policy;
  policy.links = LinksIn(reader, errors);
  policy.boundary = reader.List<Glob>("boundary", [&](const toml::node& node) { return AnchoredGlobOf(reader, node, "boundary"); });
  policy.audit = AuditIn(reader);
  policy.dry_run = reader.Boolean("dry_run").value_or(false);
  const std::vector<const toml::table*> rules = reader.Tables("rule");
  for (const toml::table* const rule : rules) policy.rules.push_back(RuleIn(*rule, names, errors));
  const std::vector<const toml::table*> faults = reader.Tables("fault");
  for (const toml::table* const fault : faults) policy.faults.push_back(FaultIn(*fault, names, errors));
  policy.quota_charge = reader.Choice<QuotaCharge>("quota_charge", kQuotaCharges).value_or(policy.quota_charge);
  const std::vector<const toml::table*> quotas = reader.Tables("quota");
  for (const toml::table* const quota : quotas) policy.quotas.push_back(QuotaIn(*quota, names, errors));
  std::set<std::string> taken;
  CheckNames(policy.rules, rules, taken, reader);
  CheckNames(policy.faults, faults, taken, reader);
  CheckNames(policy.quotas, quotas, taken, reader);
  reader.RefuseOthers();
  return policy;
}

}  // namespace

std::variant<Policy, PolicyErrors> ParsePolicy(std::string_view text, const IdNames& names) {
  PolicyErrors errors;
  try {
    const toml::table table = toml::parse(text);
    Policy policy = PolicyIn(table, names, errors);
    if (errors.empty()) return policy;
  } catch (const toml::parse_error& error) {
    errors.push_back({error.source().begin.line, error.source().begin.column, std::string(error.description())});
  }
  const auto place = [](const PolicyError& error) { return std::pair(error.line, error.column); };
  std::stable_sort(errors.begin(), errors.end(), [&](const auto& a, const auto& b) { return place(a) < place(b); });
  return errors;
}

}  // namespace hardlinkfs
