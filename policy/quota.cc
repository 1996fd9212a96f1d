#include "policy/quota.h"

#include <algorithm>
#include <cerrno>

#include "policy/boundary.h"

namespace hardlinkfs {
namespace {

bool Has(const std::vector<Range>& ranges, uint64_t id) {
  return std::any_of(ranges.begin(), ranges.end(), [id](const Range& range) { return range.Has(id); });
}

template <typename Meant>
const QuotaRule* First(const std::vector<QuotaRule>& rules, const Meant& meant) {
  const auto found = std::find_if(rules.begin(), rules.end(), meant);
  return found == rules.end() ? nullptr : &*found;
}

bool Exceeds(Amount used, Amount more, const std::optional<uint64_t>& limit) {
  return limit.has_value() && more > 0 && used + more > static_cast<Amount>(*limit);
}

}  // namespace

Usage& Usage::operator+=(const Usage& more) {
  inodes += more.inodes;
  names += more.names;
  bytes += more.bytes;
  return *this;
}

Usage& Usage::operator-=(const Usage& less) {
  inodes -= less.inodes;
  names -= less.names;
  bytes -= less.bytes;
  return *this;
}

Usage CostOf(uint64_t names, uint64_t bytes, QuotaCharge charge) {
  const Amount times = charge == QuotaCharge::kOnce ? 1 : static_cast<Amount>(std::max<uint64_t>(names, 1));
  return {.inodes = times, .names = static_cast<Amount>(names), .bytes = times * static_cast<Amount>(bytes)};
}

const QuotaRule* QuotaOfUid(const std::vector<QuotaRule>& rules, uint32_t uid) {
  return First(rules, [uid](const QuotaRule& rule) { return Has(rule.uids, uid); });
}

const QuotaRule* QuotaOfGid(const std::vector<QuotaRule>& rules, uint32_t gid) {
  return First(rules, [gid](const QuotaRule& rule) { return Has(rule.gids, gid); });
}

const QuotaRule* QuotaOfDirectory(const std::vector<QuotaRule>& rules, std::string_view path) {
  return First(rules, [path](const QuotaRule& rule) {
    return std::any_of(rule.paths.begin(), rule.paths.end(), [path](const Glob& glob) { return glob.Matches(path); });
  });
}

Decision MayHave(const QuotaRule& rule, const Usage& used, const Usage& more) {
  if (Exceeds(used.inodes, more.inodes, rule.inodes)) return Refusal{EDQUOT, rule.name.c_str(), "the quota of inodes is used up"};
  if (Exceeds(used.names, more.names, rule.names)) return Refusal{EDQUOT, rule.name.c_str(), "the quota of names is used up"};
  if (Exceeds(used.bytes, more.bytes, rule.bytes)) return Refusal{EDQUOT, rule.name.c_str(), "the quota of bytes is used up"};
  return std::nullopt;
}

Decision MayLeaveQuota(const std::vector<QuotaRule>& rules, KnownPaths& paths) {
  for (const QuotaRule& rule : rules) {
    if (Decision refusal = MayCross(rule.paths, paths, rule.name.c_str()); refusal.has_value()) return refusal;
  }
  return std::nullopt;
}

}  // namespace hardlinkfs
