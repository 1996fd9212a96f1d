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

// Name by name as an automaton: a naive search takes exponential time for patterns with many "**", and names come from anybody.
std::vector<bool> Glob::Reach(std::string_view path) const {
  std::vector<bool> reached(components_.size() + 1, false);
  reached[0] = true;
  const auto skip = [&] {
    for (size_t n = 0; n < components_.size(); ++n) {
      if (reached[n] && components_[n] == kAnyDepth) reached[n + 1] = true;
    }
  };
  skip();
  for (const std::string& name : ComponentsOf(path)) {
    std::vector<bool> next(reached.size(), false);
    for (size_t n = 0; n < components_.size(); ++n) {
      if (!reached[n]) continue;
      if (components_[n] == kAnyDepth) {
        next[n] = true;
      } else if (fnmatch(components_[n].c_str(), name.c_str(), 0) == 0) {
        next[n + 1] = true;
      }
    }
    reached.swap(next);
    skip();
  }
  return reached;
}

}  // namespace hardlinkfs
