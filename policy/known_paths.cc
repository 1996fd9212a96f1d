#include "policy/known_paths.h"

namespace hardlinkfs {

using Paths = Result<std::vector<std::string>>;

const Paths& KnownPaths::Names() {
  if (!names_.has_value()) names_ = facts_.names ? facts_.names() : Paths(std::vector<std::string>());
  return *names_;
}

const Paths& KnownPaths::NewNames() {
  if (new_names_.has_value()) return *new_names_;
  if (!facts_.new_name) return new_names_.emplace(std::vector<std::string>());
  const Result<std::string> name = facts_.new_name();
  return new_names_.emplace(name.ok() ? Paths(std::vector{*name}) : Paths(name.error()));
}

}  // namespace hardlinkfs
