// lookup and forget.
#include <cerrno>

#include "fuse/vfs/vfs.h"

namespace hardlinkfs {

Result<Attributes> Vfs::Lookup(InodeId directory, std::string_view name) {
  if (name == "." || name == "..") {
    // An NFS server resolves handles so, for any inode, and after a restart too.
    if (Status prepared = volume_.Prepare(directory); !prepared.ok()) return prepared.error();
    Result<InodeRecord> record = volume_.Read(directory);
    if (!record.ok()) return record.error();
    // A handle of a file that was deleted is stale, also before its content is gone; not so while somebody has it open.
    if (record->nlink == 0 && table_.FindOpen(directory) == nullptr) return Error{ESTALE, "handle of a deleted inode"};
    const InodeId inode = name == ".." ? record->parent : directory;
    if (inode != directory) record = volume_.Read(inode);
    if (!record.ok()) return record.error();
    table_.AddLookup(inode);
    return ShowCounted(inode, *record);
  }
  const Result<Name> component = VisibleName(directory, name);
  if (!component.ok()) return component.error();
  if (Status prepared = volume_.PrepareDirectory(directory); !prepared.ok()) {
    // That the directory is not there says nothing of the name, which may be there again with it.
    return prepared.code() == ENOENT ? Error{ESTALE, "lookup in a directory that vanished"} : prepared.error();
  }
  for (;;) {
    std::optional<InodeRecord> shown;
    InodeId inode{};
    {
      // The lookup is counted under the directory's lock: an unlink comes before it, and is seen, or after it, and finds the inode in use.
      const auto held = volume_.locks().Shared(directory);
      const Result<NameRow> row = volume_.Find(directory, *component);
      if (!row.ok()) return row.error();
      inode = row->record.inode;
      if (volume_.IsPrepared(inode)) {
        const Result<InodeRecord> record = volume_.Read(inode);
        if (!record.ok()) return record.code() == ENOENT ? Error{EUCLEAN, "name without an inode"} : record.error();
        table_.AddLookup(inode);
        shown = *record;
      }
    }
    if (shown.has_value()) return ShowCounted(inode, *shown);
    if (const Result<InodeId> prepared = FindPrepared(directory, *component); !prepared.ok()) return prepared.error();
  }
}

// The kernel takes size and times from a lookup too. Of a file that is being written the record is behind, and would make it cut what it
// caches.
// REQUIRES: no lock held.
Result<Attributes> Vfs::ShowCounted(InodeId inode, const InodeRecord& record) {
  if (!MayBeBehind(inode)) return Show(inode, record);
  Result<Attributes> attributes = GetAttributes(inode);
  if (attributes.ok()) return attributes;
  Forget(inode, 1);
  return attributes.code() == ENOENT ? Error{ESTALE, "vanished while it was looked up"} : attributes.error();
}

void Vfs::Forget(InodeId inode, uint64_t lookups) {
  if (table_.DropLookups(inode, lookups)) volume_.Reclaim(inode);
}

}  // namespace hardlinkfs
