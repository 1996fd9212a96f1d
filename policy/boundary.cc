#include "policy/boundary.h"

#include <algorithm>
#include <cerrno>

namespace hardlinkfs {

std::string_view DomainOf(const std::vector<Glob>& boundary, std::string_view path) {
  while (true) {
    const size_t slash = path.rfind('/');
    if (slash == std::string_view::npos || slash == 0) return {};
    path = path.substr(0, slash);
    if (std::any_of(boundary.begin(), boundary.end(), [path](const Glob& glob) { return glob.Matches(path); })) return path;
  }
}

namespace {

// What lies in a directory that is renamed changes its path too.
bool KeepsInside(const std::vector<Glob>& boundary, const std::string& from, const std::string& to) {
  return std::all_of(boundary.begin(), boundary.end(), [&](const Glob& glob) { return glob.Reach(from) == glob.Reach(to); });
}

}  // namespace

Decision MayCross(const std::vector<Glob>& boundary, KnownPaths& paths, const char* rule) {
  if (boundary.empty()) return std::nullopt;
  const auto& names = paths.Names();
  const auto& new_names = paths.NewNames();
  if (!names.ok()) return Refusal{names.code(), rule, "the names of the file cannot be found out"};
  if (!new_names.ok()) return Refusal{new_names.code(), rule, "the new name cannot be found out"};
  // Without a name so far (O_TMPFILE) it comes from nowhere.
  if (names->empty() || new_names->empty()) return std::nullopt;
  const std::string_view to = DomainOf(boundary, new_names->front());
  const bool stays = std::any_of(names->begin(), names->end(), [&](const std::string& name) { return DomainOf(boundary, name) == to; });
  const bool is_directory = paths.facts().inode.type == FileType::kDirectory;
  if (is_directory && !KeepsInside(boundary, names->front(), new_names->front())) {
    return Refusal{EXDEV, rule, "the directory has a boundary of its own, or below"};
  }
  return stays ? Decision() : Refusal{EXDEV, rule, "the names lie behind different boundaries"};
}

}  // namespace hardlinkfs
