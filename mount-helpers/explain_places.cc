#include "mount-helpers/explain_places.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <set>

#include "mount-helpers/explain_filesystems.h"
#include "mount-helpers/explain_inode.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {
namespace {

// RETURNS: what of `path` lies behind `directory`, with its slash; nullopt when it lies elsewhere.
std::optional<std::string> Behind(const std::string& path, const std::string& directory) {
  if (directory == "/") return path == "/" ? std::string() : path;
  if (path == directory) return std::string();
  if (!path.starts_with(directory + "/")) return std::nullopt;
  return path.substr(directory.size());
}

std::string Below(const std::string& directory, const std::string& rest) {
  const std::string joined = directory == "/" ? rest : directory + rest;
  return joined.empty() ? "/" : joined;
}

struct Place {
  std::string path;
  uint64_t mount = 0;
};

// A path is worth something only if it still leads there. What a FUSE filesystem shows has numbers of its own: there its kind and size of
// path have to do, and that it is the source by name.
std::optional<Place> PlaceAt(const std::string& path, const ExplainedInode& inode, InodeReader& reader) {
  const UniqueFd fd(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return std::nullopt;
  const ExplainedInode seen = reader.Read(fd.get(), path);
  if (seen.look_error != 0 || seen.attributes.type != inode.attributes.type) return std::nullopt;
  const bool is_behind_fuse = IsFuse(inode.mount.driver) && seen.mount.entry.device != inode.mount.entry.device;
  const bool is_same = seen.device == inode.device && seen.attributes.number == inode.attributes.number;
  if (!is_same && !is_behind_fuse) return std::nullopt;
  return Place{path, seen.mount.entry.id};
}

std::vector<Place> PlacesOf(const std::vector<MountEntry>& table, const ExplainedInode& inode, InodeReader& reader) {
  std::vector<Place> places;
  for (const std::string& path : OtherPaths(table, inode.mount.entry, inode.path)) {
    if (const std::optional<Place> place = PlaceAt(path, inode, reader)) places.push_back(*place);
  }
  return places;
}

}  // namespace

std::vector<std::string> OtherPaths(const std::vector<MountEntry>& table, const MountEntry& mount, const std::string& path) {
  const std::optional<std::string> rest = Behind(path, mount.mountpoint);
  std::vector<std::string> paths{path};
  std::set<std::string> known{path};
  const auto add = [&](const std::string& other) {
    if (known.insert(other).second) paths.push_back(other);
  };
  if (!rest.has_value()) return paths;
  const std::string in_filesystem = Below(mount.root, *rest);
  for (const MountEntry& other : table) {
    if (other.device != mount.device || other.id == mount.id) continue;
    if (const std::optional<std::string> behind = Behind(in_filesystem, other.root)) add(Below(other.mountpoint, *behind));
  }
  if (IsFuse(mount.type) && mount.source.starts_with("/"))
    add(Below(mount.source, Below(mount.root, *rest) == "/" ? "" : Below(mount.root, *rest)));
  return paths;
}

std::optional<OneMount> FindOneMount(const std::vector<MountEntry>& table, const ExplainedInode& old_inode,
                                     const ExplainedInode& new_parent, const std::string& name) {
  InodeReader reader;
  const std::vector<Place> new_places = PlacesOf(table, new_parent, reader);
  for (const Place& from : PlacesOf(table, old_inode, reader)) {
    for (const Place& to : new_places) {
      if (from.mount == to.mount) return OneMount{from.path, Below(to.path, "/" + name)};
    }
  }
  return std::nullopt;
}

}  // namespace hardlinkfs
