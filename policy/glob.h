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
  bool Matches(std::string_view path) const;
  // RETURNS: whether it could match anything that lies below `path`.
  bool MayMatchBelow(std::string_view path) const;
  // RETURNS: whether a pattern can match anything: no "." and "..", and "**" only as a whole component.
  static bool IsSound(std::string_view pattern);
  const std::string& pattern() const { return pattern_; }
  bool operator==(const Glob& other) const { return pattern_ == other.pattern_; }

 private:
  struct Match {
    bool whole = false;  // all components match all of the path
    bool part = false;   // some first ones do, and others are left
  };
  Match RowsFor(std::string_view path) const;

  std::string pattern_;
  std::vector<std::string> components_;
};

// RETURNS: the components of a path; none of the root's.
std::vector<std::string> ComponentsOf(std::string_view path);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_POLICY_GLOB_H_
