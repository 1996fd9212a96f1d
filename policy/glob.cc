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
  if (!components_.empty() && components_.back() == kAnyDepth) components_.emplace_back("*");
}

bool Glob::IsSound(std::string_view pattern) {
  const std::vector<std::string> components = ComponentsOf(pattern);
  const auto is_sound = [](const std::string& component) {
    return component != "." && component != ".." && (component == kAnyDepth || component.find(kAnyDepth) == std::string::npos);
  };
  return !components.empty() && std::all_of(components.begin(), components.end(), is_sound);
}

bool Glob::Matches(std::string_view path) const { return RowsFor(path).whole; }

bool Glob::MayMatchBelow(std::string_view path) const { return RowsFor(path).part; }

// Row by row as for an edit distance: a naive search takes exponential time for patterns with many "**", and names come from anybody.
Glob::Match Glob::RowsFor(std::string_view path) const {
  const std::vector<std::string> names = ComponentsOf(path);
  bool part = false;
  // matches[n]: the components of the pattern so far match the first n names.
  std::vector<bool> matches(names.size() + 1, false);
  matches[0] = true;
  for (const std::string& component : components_) {
    part = part || matches.back();
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
  return {matches.back(), part};
}

}  // namespace hardlinkfs
