// Putting operations to policy: what they are about is gathered from the volume, as far as the policy goes by it.
#include <cerrno>

#include "fuse/vfs/caller_access.h"
#include "fuse/vfs/vfs.h"
#include "policy/access.h"

namespace hardlinkfs {
namespace {

// RETURNS: the path of a name in the directory of that path.
std::string Joined(std::string directory, std::string_view name) {
  if (!directory.ends_with('/')) directory.push_back('/');
  return directory.append(name);
}

}  // namespace

Status Vfs::Judge(const Asked& asked) {
  if (!gate_.Watches(asked.operation)) return {};
  const Result<Attributes> inode = gate_.goes_by_size() && MayBeBehind(asked.inode) ? UpToDate(asked.inode) : AttributesOf(asked);
  return inode.ok() ? gate_.Judge(FactsOf(asked, *inode)) : inode.error();
}

// Of what is open the volume is behind. REQUIRES: exclusive(inode).
Result<Attributes> Vfs::UpToDate(InodeId inode) {
  const std::shared_ptr<OpenContent> open = table_.FindOpen(inode);
  return open != nullptr ? Refresh(inode, *open) : RefreshClosed(inode);
}

Status Vfs::MayFail(const Asked& asked) {
  if (!gate_.MayFail(asked.operation)) return {};
  Asked complete = asked;
  if (asked.inode == InodeId{} && asked.from.has_value()) {
    const Result<Name> name = Name::From(asked.from->name);
    if (!name.ok()) return name.error();
    const Result<InodeRef> found = FindPrepared(asked.from->directory, *name);
    if (!found.ok()) return found.error();
    complete.inode = found->inode();
  }
  const Result<Attributes> inode = AttributesOf(complete);
  // What cannot be looked at the operation itself will tell.
  return inode.ok() ? gate_.Strike(FactsOf(complete, *inode)) : Status();
}

void Vfs::Note(const Asked& asked, const Refusal& refusal) {
  if (const Result<Attributes> inode = AttributesOf(asked); inode.ok()) gate_.NoteRefusal(FactsOf(asked, *inode), refusal);
}

Result<Attributes> Vfs::AttributesOf(const Asked& asked) {
  if (asked.inode != InodeId{}) return volume_.Stat(asked.inode);
  return Attributes{.type = asked.type, .uid = asked.caller.uid, .gid = asked.caller.gid};
}

Facts Vfs::FactsOf(const Asked& asked, const Attributes& inode) {
  Facts facts{.operation = asked.operation, .caller = asked.caller, .inode = inode};
  const auto path_of = [this](const NameAt& name) -> Result<std::string> {
    Result<std::string> directory = volume_.PathOf(name.directory);
    return directory.ok() ? Joined(*std::move(directory), name.name) : directory;
  };
  facts.by_name = asked.from.has_value();
  facts.names = [this, path_of, from = asked.from, id = asked.inode](size_t most) -> Result<std::vector<std::string>> {
    if (!from.has_value()) return PathsOf(id, most);
    const Result<std::string> path = path_of(*from);
    return path.ok() ? Result(std::vector{*path}) : path.error();
  };
  if (asked.to.has_value()) facts.new_name = [path_of, to = *asked.to] { return path_of(to); };
  facts.may_read_and_write = [this, &caller = asked.caller, inode] { return HasAccess(volume_, caller, inode, kMayRead | kMayWrite); };
  return facts;
}

Result<std::vector<std::string>> Vfs::PathsOf(InodeId inode, size_t most) {
  std::vector<std::string> paths;
  if (inode == InodeId{}) return paths;
  if (inode == kRootInode) return std::vector<std::string>{"/"};
  if (options_.backing == BackingUse::kShared) return SeenPathsOf(inode);
  for (NamePosition after;;) {
    const Result<std::vector<NameOfInode>> names = volume_.NamesOf(inode, after);
    if (!names.ok()) return names.error();
    if (names->empty()) return paths;
    for (const NameOfInode& name : *names) {
      if (paths.size() == most) return paths;
      Result<std::string> directory = volume_.PathOf(name.position.directory);
      if (!directory.ok()) return directory.error();
      paths.push_back(Joined(*std::move(directory), name.name));
    }
    after = names->back().position;
  }
}

// Names that others have taken away underneath do not count. Without any that is known, as after the policy was loaded, the backing's word
// has to do.
Result<std::vector<std::string>> Vfs::SeenPathsOf(InodeId inode) {
  std::vector<std::string> paths;
  for (const SeenName& seen : table_.NamesOf(inode)) {
    const Result<Name> name = Name::From(seen.name);
    if (!name.ok()) continue;
    const Result<InodeRef> found = volume_.Lookup(seen.directory, *name);
    Result<std::string> directory = volume_.PathOf(seen.directory);
    if (!found.ok() || found->inode() != inode || !directory.ok()) {
      table_.DropName(inode, seen.directory, seen.name);
      continue;
    }
    paths.push_back(Joined(*std::move(directory), seen.name));
  }
  if (!paths.empty()) return paths;
  const Result<Attributes> attributes = volume_.Stat(inode);
  if (attributes.ok() && attributes->nlink == 0) return paths;
  const Result<std::string> path = volume_.PathOf(inode);
  return path.ok() ? Result(std::vector{*path}) : path.error();
}

void Vfs::Saw(InodeId inode, InodeId directory, std::string_view name) {
  if (options_.backing == BackingUse::kShared && gate_.goes_by_paths()) table_.NoteName(inode, directory, name);
}

}  // namespace hardlinkfs
