// lookup and forget.
#include <cerrno>

#include "fuse/vfs/vfs.h"

namespace hardlinkfs {
namespace {

constexpr int kAttempts = 16;

}  // namespace

Result<Attributes> Vfs::Lookup(InodeId directory, std::string_view name) {
  if (name == "." || name == "..") {
    // An NFS server resolves handles so, for any inode, and after a restart too.
    if (Status prepared = volume_.Prepare(directory); !prepared.ok()) return prepared.error();
    Result<Attributes> attributes = volume_.Stat(directory);
    if (!attributes.ok()) return attributes.error();
    // A handle of a file that was deleted is stale, also before its content is gone; not so while somebody has it open.
    if (attributes->nlink == 0 && table_.FindOpen(directory) == nullptr) return Error{ESTALE, "handle of a deleted inode"};
    InodeRef inode(directory);
    if (name == "..") {
      Result<InodeRef> parent = volume_.Parent(directory);
      if (!parent.ok()) return parent.error();
      inode = *std::move(parent);
      attributes = volume_.Stat(inode.inode());
      if (!attributes.ok()) return attributes.error();
    }
    table_.AddLookup(std::move(inode));
    return ShowCounted(*attributes);
  }
  const Result<Name> component = VisibleName(directory, name);
  if (!component.ok()) return component.error();
  if (Status prepared = volume_.PrepareDirectory(directory); !prepared.ok()) {
    // That the directory is not there says nothing of the name, which may be there again with it.
    return prepared.code() == ENOENT ? Error{ESTALE, "lookup in a directory that vanished"} : prepared.error();
  }
  // Where others replace a file all the time, the one that was found may be gone when it is looked at.
  for (int attempts = 0;; ++attempts) {
    std::optional<Attributes> shown;
    {
      // The lookup is counted under the directory's lock: an unlink comes before it, and is seen, or after it, and finds the inode in use.
      const auto held = volume_.locks().Shared(directory);
      Result<InodeRef> inode = volume_.Lookup(directory, *component);
      if (!inode.ok()) return inode.error();
      if (volume_.IsPrepared(inode->inode())) {
        const Result<Attributes> attributes = volume_.Stat(inode->inode());
        if (attributes.code() == ESTALE && attempts < kAttempts) continue;
        if (!attributes.ok()) return attributes.code() == ENOENT ? Error{EUCLEAN, "name without an inode"} : attributes.error();
        table_.AddLookup(*std::move(inode));
        Saw(attributes->inode, directory, name);
        shown = *attributes;
      }
    }
    if (shown.has_value()) return ShowCounted(*shown);
    if (const Result<InodeRef> prepared = FindPrepared(directory, *component); !prepared.ok()) return prepared.error();
  }
}

// The kernel takes size and times from a lookup too. Of a file that is being written the volume is behind, and would make it cut what it
// caches.
// REQUIRES: no lock held.
Result<Attributes> Vfs::ShowCounted(const Attributes& looked_up) {
  const InodeId inode = looked_up.inode;
  if (!MayBeBehind(inode)) return Show(looked_up);
  Result<Attributes> attributes = GetAttributes(inode);
  if (attributes.ok()) return attributes;
  Forget(inode, 1);
  return attributes.code() == ENOENT ? Error{ESTALE, "vanished while it was looked up"} : attributes.error();
}

void Vfs::Forget(InodeId inode, uint64_t lookups) {
  if (table_.DropLookups(inode, lookups)) volume_.Reclaim(inode);
  background_.NoteForgotten();
}

}  // namespace hardlinkfs
