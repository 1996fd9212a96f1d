#include "policy/known_paths.h"

#include <limits>

namespace hardlinkfs {

using Paths = Result<std::vector<std::string>>;

const Paths& KnownPaths::Names() {
  if (!names_.has_value()) names_ = NamesUpTo(std::numeric_limits<size_t>::max());
  return *names_;
}

Paths KnownPaths::NamesUpTo(size_t most) const {
  if (names_.has_value()) return *names_;
  return facts_.names ? facts_.names(most) : Paths(std::vector<std::string>());
}

const Paths& KnownPaths::NewNames() {
  if (new_names_.has_value()) return *new_names_;
  if (!facts_.new_name) return new_names_.emplace(std::vector<std::string>());
  const Result<std::string> name = facts_.new_name();
  return new_names_.emplace(name.ok() ? Paths(std::vector{*name}) : Paths(name.error()));
}

}  // namespace hardlinkfs
