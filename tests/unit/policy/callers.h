// Callers to ask policy about.
#ifndef HARDLINKFS_TESTS_UNIT_POLICY_CALLERS_H_
#define HARDLINKFS_TESTS_UNIT_POLICY_CALLERS_H_

#include <set>
#include <utility>
#include <vector>

#include "store/base/caller.h"

namespace hardlinkfs {

// Who owns the files in question.
inline constexpr uint32_t kOwnerOfFiles = 1000;

inline Caller CallerWith(uint32_t uid, std::vector<gid_t> groups = {}, std::set<unsigned> capabilities = {}) {
  return {.uid = uid,
          .gid = uid,
          .groups = [groups = std::move(groups)] { return groups; },
          .has_capability = [capabilities = std::move(capabilities)](unsigned capability) { return capabilities.contains(capability); }};
}

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_UNIT_POLICY_CALLERS_H_
