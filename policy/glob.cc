#include "policy/glob.h"

#include <fnmatch.h>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace hardlinkfs {
namespace {

constexpr std::string_view kAnyDepth = "**";

}  // namespace

std::vector<std::string> ComponentsOf(std::string_view path) {
  std::vector<std::string> components;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0) components.emplace_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return components;
}

Glob::Glob(std::string pattern) : pattern_(std::move(pattern)), components_(ComponentsOf(pattern_)) {
  if (!pattern_.starts_with('/')) components_.emplace(components_.begin(), kAnyDepth);
  // "a/**" is what lies inside of a, not a itself.
  if (pattern_.ends_with(kAnyDepth)) components_.emplace_back("*");
}

// Row by row as for an edit distance: a naive search takes exponential time for patterns with many "**", and names come from anybody.
bool Glob::Matches(std::string_view path) const {
  const std::vector<std::string> names = ComponentsOf(path);
  // matches[n]: the components of the pattern so far match the first n names.
  std::vector<bool> matches(names.size() + 1, false);
  matches[0] = true;
  for (const std::string& component : components_) {
    if (component == kAnyDepth) {
      const auto first = std::find(matches.begin(), matches.end(), true);
      std::fill(first, matches.end(), true);
      continue;
    }
    for (size_t n = names.size(); n > 0; --n) {
      matches[n] = matches[n - 1] && fnmatch(component.c_str(), names[n - 1].c_str(), 0) == 0;
    }
    matches[0] = false;
  }
  return matches.back();
}

}  // namespace hardlinkfs
