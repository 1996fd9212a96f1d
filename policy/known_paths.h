// KnownPaths: the paths of one operation, found once and only if somebody goes by them.
#ifndef HARDLINKFS_POLICY_KNOWN_PATHS_H_
#define HARDLINKFS_POLICY_KNOWN_PATHS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "policy/facts.h"
#include "store/base/result.h"

namespace hardlinkfs {

// Borrows the facts. Not to be shared between threads.
class KnownPaths {
 public:
  explicit KnownPaths(const Facts& facts) : facts_(facts) {}

  const Facts& facts() const { return facts_; }
  const Result<std::vector<std::string>>& Names();
  // The same, for telling: some of them will do.
  Result<std::vector<std::string>> NamesUpTo(size_t most) const;
  // RETURNS: none when the operation gives no name.
  const Result<std::vector<std::string>>& NewNames();

 private:
  const Facts& facts_;
  std::optional<Result<std::vector<std::string>>> names_;
  std::optional<Result<std::vector<std::string>>> new_names_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_POLICY_KNOWN_PATHS_H_
