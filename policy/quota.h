// QuotaRule: how much an owner, a group or a directory may have. Decisions as values: who counts it is fuse/vfs/ledger.h.
#ifndef HARDLINKFS_POLICY_QUOTA_H_
#define HARDLINKFS_POLICY_QUOTA_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/decision.h"
#include "policy/glob.h"
#include "policy/known_paths.h"
#include "policy/match.h"

namespace hardlinkfs {

// Of a file with several names.
enum class QuotaCharge {
  kOnce,  // the inode and its bytes count once
  kName,  // they count once for each name
};

// Whose limit it is.
enum class QuotaSubject { kUid, kGid, kPath };

// Wide enough for any number of files of any size: sums stay exact, so that what was added can be taken away.
__extension__ typedef __int128 Amount;

// What somebody has, or would have more.
struct Usage {
  Amount inodes = 0;
  Amount names = 0;
  Amount bytes = 0;

  Usage& operator+=(const Usage& more);
  Usage& operator-=(const Usage& less);
  bool operator==(const Usage&) const = default;
};

// RETURNS: what one inode counts for. Without a name it counts as with one.
Usage CostOf(uint64_t names, uint64_t bytes, QuotaCharge charge);

// Each uid, each gid, or each directory that is meant has these limits for itself.
struct QuotaRule {
  std::string name;
  // One of these is not empty.
  std::vector<Range> uids;  // owners
  std::vector<Range> gids;
  std::vector<Glob> paths;  // directories, for what is inside
  // One of these is set.
  std::optional<uint64_t> inodes;
  std::optional<uint64_t> names;
  std::optional<uint64_t> bytes;

  bool operator==(const QuotaRule&) const = default;
};

// RETURNS: the first that is about it; null: there is none.
const QuotaRule* QuotaOfUid(const std::vector<QuotaRule>& rules, uint32_t uid);
const QuotaRule* QuotaOfGid(const std::vector<QuotaRule>& rules, uint32_t gid);
const QuotaRule* QuotaOfDirectory(const std::vector<QuotaRule>& rules, std::string_view path);

// RETURNS: EDQUOT when who has `used` may not have `more` on top. What does not grow is not refused, however much it is. The texts live as
// long as `rule`.
Decision MayHave(const QuotaRule& rule, const Usage& used, const Usage& more);

// RETURNS: EXDEV for a link or rename out of, into or between directories with quotas, so that each inode is in one of them at most; and
// for a rename of a directory that would bring what is in it under other quotas.
Decision MayLeaveQuota(const std::vector<QuotaRule>& rules, KnownPaths& paths);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_POLICY_QUOTA_H_
