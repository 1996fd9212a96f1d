// Glob: a pattern of paths, as seen from the top of the mount: "/projects/*", "/secret/**", "*.log".
#ifndef HARDLINKFS_POLICY_GLOB_H_
#define HARDLINKFS_POLICY_GLOB_H_

#include <string>
#include <string_view>
#include <vector>

namespace hardlinkfs {

// Each component matches as in glob(7), bytes by bytes, names that begin with a dot included. "**" stands for any number of components,
// none too; at the end for one at least: what lies inside. A pattern without a slash at its beginning matches in any directory. A value.
class Glob {
 public:
  explicit Glob(std::string pattern);

  // RETURNS: whether it matches `path`, which begins with a slash: the root is "/".
  bool Matches(std::string_view path) const { return Reach(path).back(); }
  // RETURNS: for each number of components of the pattern, whether so many of them match all of `path`. Where two paths have the same, the
  // pattern matches the same inside of both.
  std::vector<bool> Reach(std::string_view path) const;
  // RETURNS: whether a pattern can match anything: no "." and "..", and "**" only as a whole component.
  static bool IsSound(std::string_view pattern);
  const std::string& pattern() const { return pattern_; }
  bool operator==(const Glob& other) const { return pattern_ == other.pattern_; }

 private:
  std::string pattern_;
  std::vector<std::string> components_;
};

// RETURNS: the components of a path; none of the root's.
std::vector<std::string> ComponentsOf(std::string_view path);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_POLICY_GLOB_H_
