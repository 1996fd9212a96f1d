// Attributes and extended attributes. What the backing can show is mirrored there first and committed then: what was acknowledged is in
// both.
#include <algorithm>
#include <cerrno>

#include "store/volume/catalog_volume.h"

namespace hardlinkfs {

// A server that is not root needs its own way into what it keeps for others.
uint32_t CatalogVolume::BackingMode(FileType type, uint32_t mode) const {
  if (capabilities_.owners) return mode;
  return mode | (type == FileType::kDirectory ? 0700U : 0600U);
}

Status CatalogVolume::MirrorOwnerAndMode(const Place& home, FileType type, std::optional<uint32_t> mode, std::optional<uint32_t> uid,
                                         std::optional<uint32_t> gid) {
  if (!capabilities_.modes && !capabilities_.owners) return {};
  if (type != FileType::kRegular && type != FileType::kDirectory) return {};
  const Result<BackingDirectoryRef> in = directories_.Open(home.directory);
  if (!in.ok()) return in.error();
  if (capabilities_.owners && (uid.has_value() || gid.has_value())) {
    constexpr uint32_t kUnchanged = ~0U;
    Status set = backing_.SetOwner(*in, home.name, uid.value_or(kUnchanged), gid.value_or(kUnchanged));
    if (!set.ok()) return set;
  }
  // After the owner: chown clears suid and sgid.
  if (capabilities_.modes && mode.has_value()) return backing_.SetMode(*in, home.name, BackingMode(type, *mode));
  return {};
}

Status CatalogVolume::MirrorTimes(const AttributeChange& change, InodeRecord& record) {
  if (record.type != FileType::kRegular || (!change.mtime.has_value() && !change.atime.has_value())) return {};
  const InodeRecord before = record;
  const Result<BackingDirectoryRef> in = directories_.Open(record.home->directory);
  if (!in.ok()) return in.error();
  // The backing may not be able to hold the time at all (before 1980 on FAT): the record does, so a refusal is no error.
  const Status set = backing_.SetTimes(*in, record.home->name, change.atime, change.mtime);
  const Result<BackingStat> seen = backing_.Stat(*in, record.home->name);
  if (!seen.ok()) {
    if (change.mtime.has_value() && set.ok()) static_cast<void>(backing_.SetTimes(*in, record.home->name, std::nullopt, before.seen_mtime));
    return seen.error();
  }
  if (change.mtime.has_value() || set.ok()) record.seen_mtime = seen->mtime;
  return {};
}

// A time on the backing that the record does not know would be taken for a write.
void CatalogVolume::TakeBackTimes(const InodeRecord& before, const InodeRecord& after) {
  if (!before.home.has_value() || before.type != FileType::kRegular) return;
  const Result<BackingDirectoryRef> in = directories_.Open(before.home->directory);
  if (!in.ok()) return;
  // Unless somebody has written meanwhile.
  const Result<BackingStat> seen = backing_.Stat(*in, before.home->name);
  if (!seen.ok() || seen->mtime != after.seen_mtime || seen->size != before.size) return;
  static_cast<void>(backing_.SetTimes(*in, before.home->name, std::nullopt, before.seen_mtime));
}

Result<Attributes> CatalogVolume::ChangeAttributes(const Caller& /*caller*/, InodeId inode, const AttributeChange& change,
                                                   const XattrChanges& xattrs) {
  const Result<InodeRecord> read = catalog_.ReadInode(inode);
  if (!read.ok()) return read.error();
  const InodeRecord& before = *read;
  InodeRecord record = before;
  if (change.uid.has_value()) record.uid = *change.uid;
  if (change.gid.has_value()) record.gid = *change.gid;
  if (change.mode.has_value()) record.mode = *change.mode & 07777U;
  if (change.kill_suidgid && record.type != FileType::kDirectory) record.mode = WithoutPrivileges(record.mode);
  if (change.atime.has_value()) record.atime = *change.atime;
  if (change.mtime.has_value()) record.mtime = *change.mtime;
  record.ctime = change.ctime.value_or(clock_.Now());

  if (record.home.has_value()) {
    const bool owner_changes = change.uid.has_value() || change.gid.has_value();
    const bool mode_changes = change.mode.has_value() || change.kill_suidgid;
    if (owner_changes || mode_changes) {
      Status mirrored = MirrorOwnerAndMode(*record.home, record.type, record.mode, owner_changes ? std::optional(record.uid) : std::nullopt,
                                           owner_changes ? std::optional(record.gid) : std::nullopt);
      if (!mirrored.ok()) return mirrored.error();
    }
    if (Status mirrored = MirrorTimes(change, record); !mirrored.ok()) return mirrored.error();
    if (record.type == FileType::kRegular && (change.mtime.has_value() || change.atime.has_value())) {
      // Else a power cut could bring the backing's old time back, which would count as a later write.
      MutexLock lock(pending_mutex_);
      unsynced_contents_.insert(inode);
    }
  }
  Transaction transaction(catalog_);
  // Any number of changes could use up what deletions need: the second half of the reserve is theirs.
  Reserve* const reserve = options_.reserve;
  const bool is_scarce = reserve != nullptr && !reserve->IsWhole() && !reserve->CouldGive(reserve->goal() / 2);
  Room room = is_scarce ? Room::kNeeded : Room::kFromReserve;
  const bool sets_acl = std::ranges::any_of(xattrs, [](const auto& xattr) { return xattr.first == kAccessAclXattr; });
  if (change.mode.has_value() && !sets_acl) {
    const Result<std::optional<Acl>> acl = ReadAcl(inode, kAccessAclXattr);
    if (!acl.ok()) return acl.error();
    if (acl->has_value()) {
      room = Room::kNeeded;
      transaction.PutXattr(inode, std::string(kAccessAclXattr), Encode(WithMode(**acl, *change.mode)));
    }
  }
  for (const auto& [name, value] : xattrs) {
    if (value.has_value()) {
      room = Room::kNeeded;
      transaction.PutXattr(inode, name, *value);
    } else {
      transaction.DeleteXattr(inode, name);
    }
  }
  transaction.PutInode(inode, record);
  if (Status committed = Commit(transaction, room); !committed.ok()) {
    if (change.mtime.has_value()) TakeBackTimes(before, record);
    return committed.error();
  }
  return ToAttributes(inode, record);
}

Result<uint32_t> CatalogVolume::GetFlags(InodeId inode) {
  const Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (!record.ok()) return record.error();
  return record->flags;
}

Result<Attributes> CatalogVolume::SetFlags(const Caller& /*caller*/, InodeId inode, uint32_t flags) {
  Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (!record.ok()) return record.error();
  record->flags = flags;
  record->ctime = clock_.Now();
  Transaction transaction(catalog_);
  transaction.PutInode(inode, *record);
  if (Status committed = Commit(transaction, Room::kNeeded); !committed.ok()) return committed.error();
  return ToAttributes(inode, *record);
}

}  // namespace hardlinkfs
