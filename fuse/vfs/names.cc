// From an inode back to its names. Each directory on the way is looked at by itself, under its own lock: a path is what one gets who walks
// there, and may be old by a rename when it arrives, as any path.
#include <cerrno>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "fuse/vfs/caller_access.h"
#include "fuse/vfs/vfs.h"
#include "policy/access.h"

namespace hardlinkfs {
namespace {

// A request looks at so many directories, or a few thousand more; the next one goes on. Directories can be nested as deep as anybody likes.
constexpr size_t kLooks = 4096;

// It went meanwhile; or its record is damaged, which costs what it describes.
bool IsLost(int code) { return code == ENOENT || code == ESTALE || code == EUCLEAN; }

// Knows, of directories below one, the way to them, as far as somebody may list what lies on it. Names are secrets of their directory: who
// may only pass through it, and not list it, is told none, neither of files nor of directories.
class ListableWays {
 public:
  ListableWays(Volume& volume, const Caller& caller, InodeId top) : volume_(volume), caller_(caller), top_(top) {}

  // RETURNS: the path of the name from the top on; nullopt when it is not found there by listing, or has more than `limit` bytes.
  // REQUIRES: no lock held.
  Result<std::optional<std::string>> PathOf(InodeId directory, const std::string& name, size_t limit);
  size_t looks() const { return steps_.size(); }

 private:
  struct Step {
    bool listable = false;
    InodeId parent{};
    std::string name;  // in it; empty: there is no way further up
  };
  Result<const Step*> StepAt(InodeId directory);
  Result<Step> Look(InodeId directory);

  Volume& volume_;
  const Caller& caller_;
  const InodeId top_;
  std::unordered_map<InodeId, Step> steps_;
};

Result<std::optional<std::string>> ListableWays::PathOf(InodeId directory, const std::string& name, size_t limit) {
  const std::optional<std::string> none;
  std::vector<std::string_view> upwards{name};
  size_t bytes = name.size();
  // It ends where directories are moved all the time, too: each step makes the path longer.
  for (InodeId at = directory;;) {
    const Result<const Step*> found = StepAt(at);
    if (!found.ok()) return found.error();
    const Step& step = **found;
    if (!step.listable) return none;
    if (at == top_) break;
    if (step.name.empty()) return none;
    bytes += step.name.size() + 1;
    if (bytes > limit) return none;
    upwards.push_back(step.name);
    at = step.parent;
  }
  if (bytes > limit) return none;
  std::string path;
  path.reserve(bytes);
  for (size_t i = upwards.size(); i-- > 0;) path.append(upwards[i]).append(i == 0 ? "" : "/");
  return std::optional(std::move(path));
}

Result<const ListableWays::Step*> ListableWays::StepAt(InodeId directory) {
  const auto known = steps_.find(directory);
  if (known != steps_.end()) return &known->second;
  Result<Step> step = Look(directory);
  if (!step.ok()) return step.error();
  return &steps_.emplace(directory, *std::move(step)).first->second;
}

Result<ListableWays::Step> ListableWays::Look(InodeId directory) {
  if (const Status prepared = volume_.Prepare(directory); !prepared.ok()) {
    return IsLost(prepared.code()) ? Result<Step>(Step{}) : prepared.error();
  }
  const auto held = volume_.locks().Shared(directory);
  const Result<Attributes> attributes = volume_.Stat(directory);
  if (!attributes.ok()) return IsLost(attributes.code()) ? Result<Step>(Step{}) : attributes.error();
  if (!HasAccess(volume_, caller_, *attributes, kMayRead | kMayExecute)) return Step{};
  if (directory == top_) return Step{.listable = true};
  Result<std::vector<NameOfInode>> names = volume_.NamesOf(directory, {});
  if (!names.ok()) return names.error();
  if (names->empty()) return Step{.listable = true};
  NameOfInode& name = names->front();
  return Step{.listable = true, .parent = name.position.directory, .name = std::move(name.name)};
}

// RETURNS: ENOENT for what has no name at all. Numbers may be guessed: only what has a name is prepared. REQUIRES: no lock held.
Result<std::vector<NameOfInode>> PreparedNames(Volume& volume, InodeId inode, const NamePosition& after) {
  const auto names_now = [&] {
    const auto held = volume.locks().Shared(inode);
    return volume.NamesOf(inode, after);
  };
  Result<std::vector<NameOfInode>> names = names_now();
  if (!names.ok()) return names;
  const bool is_start = after.directory == InodeId{};
  if (names->empty() && is_start && inode != kRootInode) return Error{ENOENT, "names of what has none"};
  if (names->empty() || volume.IsPrepared(inode)) return names;
  if (Status prepared = volume.Prepare(inode); !prepared.ok()) return prepared.error();
  return names_now();
}

}  // namespace

Result<NamesPage> Vfs::Names(const Caller& caller, InodeId top, InodeId inode, const NamePosition& after, size_t room) {
  const Result<std::vector<NameOfInode>> names = PreparedNames(volume_, inode, after);
  if (!names.ok()) return names.error();
  NamesPage page;
  if (names->empty()) return page;
  page.next = after;
  ListableWays ways(volume_, caller, top);
  size_t left = room;
  for (const NameOfInode& name : *names) {
    Result<std::optional<std::string>> path = ways.PathOf(name.position.directory, name.name, room - 1);
    if (!path.ok()) return path.error();
    if (path->has_value()) {
      if ((*path)->size() + 1 > left) return page;
      left -= (*path)->size() + 1;
      page.paths.push_back(**std::move(path));
    }
    page.next = name.position;
    if (ways.looks() >= kLooks) return page;
  }
  return page;
}

}  // namespace hardlinkfs
