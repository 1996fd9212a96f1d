// Match: which operations a rule or a fault is about. Everything that is said has to hold; what is not said holds for all.
#ifndef HARDLINKFS_POLICY_MATCH_H_
#define HARDLINKFS_POLICY_MATCH_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "policy/glob.h"
#include "policy/known_paths.h"
#include "policy/operation.h"
#include "store/base/attributes.h"

namespace hardlinkfs {

// From `first` to `last`, both included.
struct Range {
  uint64_t first = 0;
  uint64_t last = std::numeric_limits<uint64_t>::max();
  bool Has(uint64_t value) const { return first <= value && value <= last; }
  bool operator==(const Range&) const = default;
};

// How the caller stands to the inode.
enum class Ownership { kOwn, kOthers };

struct Match {
  OperationSet operations;  // empty: all
  std::vector<Glob> paths;  // one of them matches one of the names that are used, given or taken
  std::vector<Range> uids;  // the caller's
  std::vector<Range> gids;  // one of the caller's, supplementary ones too
  std::optional<Ownership> owner;
  std::vector<FileType> types;
  std::optional<Range> nlink;
  std::optional<Range> size;  // bytes

  bool operator==(const Match&) const = default;
};

// RETURNS: whether the operation is meant; an error when that goes by names that cannot be found out.
Result<bool> Matches(const Match& match, KnownPaths& facts);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_POLICY_MATCH_H_
