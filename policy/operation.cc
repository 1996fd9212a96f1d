#include "policy/operation.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace hardlinkfs {
namespace {

constexpr std::array<std::string_view, 23> kNames{"create",  "mkdir",  "mknod",         "symlink",        "link",     "unlink",
                                                  "rmdir",   "rename", "open-for-read", "open-for-write", "truncate", "chmod",
                                                  "chown",   "utimes", "setxattr",      "removexattr",    "setflags", "lookup",
                                                  "readdir", "read",   "write",         "fallocate",      "fsync"};
static_assert(kNames.size() == static_cast<size_t>(Operation::kFsync) + 1);

}  // namespace

std::string_view NameOf(Operation operation) { return kNames.at(static_cast<size_t>(operation)); }

std::optional<Operation> OperationOf(std::string_view name) {
  const auto* const found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Operation>(found - kNames.begin());
}

const std::vector<Operation>& AllOperations() {
  static const std::vector<Operation> all = [] {
    std::vector<Operation> operations;
    for (size_t i = 0; i < kNames.size(); ++i) operations.push_back(static_cast<Operation>(i));
    return operations;
  }();
  return all;
}

}  // namespace hardlinkfs
