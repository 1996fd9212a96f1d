// Reading and writing a policy as TOML: hardlinkfs-policy(5).
#ifndef HARDLINKFS_POLICY_POLICY_FILE_H_
#define HARDLINKFS_POLICY_POLICY_FILE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "policy/policy.h"

namespace hardlinkfs {

// What is wrong, and what would be right, at a place counted from 1.
struct PolicyError {
  uint32_t line = 0;
  uint32_t column = 0;
  std::string message;
};

// Finds the numbers of users and groups that are named; nothing when there is none of the name.
struct IdNames {
  std::function<std::optional<uint32_t>(const std::string&)> user;
  std::function<std::optional<uint32_t>(const std::string&)> group;
};

// RETURNS: the whole policy, or everything that is wrong, in the order of the file; never a part. Thread safety: any thread.
std::variant<Policy, std::vector<PolicyError>> ParsePolicy(std::string_view text, const IdNames& names);

// RETURNS: TOML that says the same; with all that is not as by default.
std::string ToToml(const Policy& policy);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_POLICY_POLICY_FILE_H_
