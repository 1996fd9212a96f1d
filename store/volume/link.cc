// Names come and go: link(2), unlink(2), rmdir(2). One commit each, and no step on the backing.
#include <cerrno>
#include <cstdint>

#include "store/volume/catalog_volume.h"

namespace hardlinkfs {

Result<Attributes> CatalogVolume::Link(const Caller& /*caller*/, InodeId inode, InodeId directory, const Name& name) {
  Result<InodeRecord> parent = ReadLiveDirectory(directory);
  if (!parent.ok()) return parent.error();
  Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (!record.ok()) return record.error();
  if (record->type == FileType::kDirectory) return Error{EPERM, "link of a directory"};
  if (record->nlink == 0 && !record->linkable) return Error{ENOENT, "link of an unlinked file"};
  if (record->nlink == UINT32_MAX) return Error{EMLINK, "as many names as can be counted"};

  Transaction transaction(catalog_);
  if (Status added = transaction.AddName(directory, name, inode, record->type); !added.ok()) return added.error();
  const Timestamp now = clock_.Now();
  if (record->nlink == 0) {
    // O_TMPFILE: it gets its first name, and a place to move to.
    record->linkable = false;
    transaction.DeleteOrphan(inode);
    transaction.PutDetached(inode);
    may_be_detached_ = true;
  }
  ++record->nlink;
  record->ctime = now;
  Touch(*parent, now);
  transaction.PutInode(inode, *record);
  transaction.PutInode(directory, *parent);
  if (Status committed = Commit(transaction, Room::kNeeded); !committed.ok()) return committed.error();
  return ToAttributes(inode, *record);
}

Result<LostName> CatalogVolume::Unlink(const Caller& /*caller*/, InodeId directory, const Name& name, InodeId inode, Use use) {
  const Result<NameRow> row = catalog_.FindName(directory, name);
  if (!row.ok()) return row.error();
  if (row->record.inode != inode) return Error{ESTALE, "name was replaced meanwhile"};
  Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (!record.ok()) return record.error();
  if (record->type == FileType::kDirectory) return Error{EISDIR, "unlink of a directory"};
  Result<InodeRecord> parent = ReadLiveDirectory(directory);
  if (!parent.ok()) return parent.error();

  Transaction transaction(catalog_);
  if (Status removed = transaction.RemoveName(directory, name); !removed.ok()) return removed.error();
  const Timestamp now = clock_.Now();
  --record->nlink;
  record->ctime = now;
  if (record->nlink == 0) {
    record->in_use = use == Use::kOpen || IsContentUnsynced(inode);
    transaction.PutOrphan(inode);
  } else {
    MarkDetachedIfAt(transaction, inode, *record, directory, name);
  }
  Touch(*parent, now);
  transaction.PutInode(inode, *record);
  transaction.PutInode(directory, *parent);
  if (Status committed = Commit(transaction); !committed.ok()) return committed.error();
  return LostName{inode, record->nlink};
}

Result<LostName> CatalogVolume::RemoveDirectory(const Caller& /*caller*/, InodeId directory, const Name& name, InodeId inode) {
  const Result<NameRow> row = catalog_.FindName(directory, name);
  if (!row.ok()) return row.error();
  if (row->record.inode != inode) return Error{ESTALE, "name was replaced meanwhile"};
  Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (!record.ok()) return record.error();
  if (record->type != FileType::kDirectory) return Error{ENOTDIR, "rmdir of a file"};
  const Result<bool> has_names = catalog_.HasNames(inode);
  if (!has_names.ok()) return has_names.error();
  if (*has_names) return Error{ENOTEMPTY, "rmdir of a directory with names in it"};
  Result<InodeRecord> parent = ReadLiveDirectory(directory);
  if (!parent.ok()) return parent.error();

  Transaction transaction(catalog_);
  if (Status removed = transaction.RemoveName(directory, name); !removed.ok()) return removed.error();
  const Timestamp now = clock_.Now();
  record->nlink = 0;
  record->ctime = now;
  --parent->nlink;
  Touch(*parent, now);
  transaction.PutOrphan(inode);
  transaction.PutInode(inode, *record);
  transaction.PutInode(directory, *parent);
  if (Status committed = Commit(transaction); !committed.ok()) return committed.error();
  return LostName{inode, 0};
}

}  // namespace hardlinkfs
