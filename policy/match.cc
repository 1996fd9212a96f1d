#include "policy/match.h"

#include <algorithm>

namespace hardlinkfs {
namespace {

bool HasOne(const std::vector<Range>& ranges, uint64_t value) {
  return std::any_of(ranges.begin(), ranges.end(), [value](const Range& range) { return range.Has(value); });
}

bool IsOfCaller(const Match& match, const Caller& caller) {
  if (!match.uids.empty() && !HasOne(match.uids, caller.uid)) return false;
  if (match.gids.empty() || HasOne(match.gids, caller.gid)) return true;
  const std::vector<gid_t> others = caller.groups ? caller.groups() : std::vector<gid_t>();
  return std::any_of(others.begin(), others.end(), [&](gid_t group) { return HasOne(match.gids, group); });
}

bool IsOfInode(const Match& match, const Caller& caller, const Attributes& inode) {
  if (!match.types.empty() && std::find(match.types.begin(), match.types.end(), inode.type) == match.types.end()) return false;
  if (match.owner.has_value() && (caller.uid == inode.uid) != (*match.owner == Ownership::kOwn)) return false;
  return (!match.nlink.has_value() || match.nlink->Has(inode.nlink)) && (!match.size.has_value() || match.size->Has(inode.size));
}

bool OneMatches(const std::vector<Glob>& globs, const std::vector<std::string>& paths) {
  return std::any_of(globs.begin(), globs.end(), [&](const Glob& glob) {
    return std::any_of(paths.begin(), paths.end(), [&](const std::string& path) { return glob.Matches(path); });
  });
}

}  // namespace

Result<bool> Matches(const Match& match, KnownPaths& paths) {
  const Facts& facts = paths.facts();
  if (!match.operations.empty() && !match.operations.Has(facts.operation)) return false;
  if (!IsOfInode(match, facts.caller, facts.inode) || !IsOfCaller(match, facts.caller)) return false;
  if (match.paths.empty()) return true;
  for (const auto* const known : {&paths.Names(), &paths.NewNames()}) {
    if (!known->ok()) return known->error();
    if (OneMatches(match.paths, **known)) return true;
  }
  return false;
}

}  // namespace hardlinkfs
