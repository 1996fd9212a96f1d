// What all parts of CatalogVolume share: numbers, commits, small reads. The operations are in the files that catalog_volume.h names.
#include "store/volume/catalog_volume.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "store/base/rules.h"

namespace hardlinkfs {
namespace {

constexpr uint64_t kDirectorySize = 4096;  // names lie in the catalog; the number is what most filesystems show

}  // namespace

Attributes ToAttributes(InodeId inode, const InodeRecord& record) {
  const bool is_directory = record.type == FileType::kDirectory;
  // Before its home was listed the subdirectories of a directory are not counted; 1 says "not counted", as on btrfs.
  const uint32_t nlink = is_directory && !record.listed && record.nlink != 0 ? 1 : record.nlink;
  return {.inode = inode,
          .number = Raw(inode),
          .generation = record.generation,
          .type = record.type,
          .mode = record.mode,
          .uid = record.uid,
          .gid = record.gid,
          .nlink = nlink,
          .rdev = record.rdev,
          .size = is_directory ? kDirectorySize : record.size,
          .blocks = is_directory ? kDirectorySize / 512 : record.blocks,
          .atime = record.atime,
          .mtime = record.mtime,
          .ctime = record.ctime,
          .btime = record.btime,
          .flags = record.flags};
}

CatalogVolume::CatalogVolume(Backing& backing, Catalog& catalog, const Clock& clock, const Capabilities& capabilities,
                             BackingDirectoryRef homes, VolumeOptions options)
    : backing_(backing),
      catalog_(catalog),
      clock_(clock),
      capabilities_(capabilities),
      codec_(capabilities),
      options_(options),
      directories_(backing, catalog, std::move(homes), options.open_directories) {}

CatalogVolume::~CatalogVolume() { catalog_.engine().SetBeforePersist({}); }

Result<BackingSpace> CatalogVolume::Space() {
  Result<BackingSpace> space = backing_.Space();
  if (!space.ok()) return space;
  // A backing that does not count inodes runs out of blocks first.
  if (space->total_inodes == 0) space->free_inodes = space->available_bytes / std::max<uint64_t>(space->block_size, 1);
  space->total_inodes = inode_count() + space->free_inodes;
  return space;
}

VolumeHealth CatalogVolume::Health() {
  VolumeHealth health{.after_crash = crash_session_ != 0 && crash_session_ == generation_,
                      .inodes = inode_count(),
                      .unsynced = NeedsSync(),
                      .to_settle = NeedsSettling(),
                      .reserve_whole = options_.reserve == nullptr || options_.reserve->IsWhole()};
  MutexLock lock(pending_mutex_);
  health.failure = failure_;
  health.to_remove = reclaimable_.size();
  return health;
}

// Only numbers below the committed bound are given out: those of a session that ends in a crash are skipped by the next one.
Result<InodeId> CatalogVolume::NextInode() {
  MetaRecord raised;
  {
    MutexLock lock(meta_mutex_);
    if (next_inode_ + kInodeNumberStretch / 2 <= meta_.next_inode) return InodeId{next_inode_++};
    raised = meta_;
    raised.next_inode = next_inode_ + kInodeNumberStretch;
  }
  Transaction transaction(catalog_);
  transaction.PutMeta(raised);
  const Status committed = Commit(transaction);
  MutexLock lock(meta_mutex_);
  if (committed.ok()) meta_.next_inode = std::max(meta_.next_inode, raised.next_inode);
  if (next_inode_ >= meta_.next_inode) return committed.error();
  return InodeId{next_inode_++};
}

Status CatalogVolume::Commit(Transaction& transaction, Room room) {
  if (transaction.empty()) return {};
  if (Status writable = Writable(); !writable.ok()) return writable;
  if (room == Room::kNeeded && options_.reserve != nullptr && !options_.reserve->IsWhole() && !options_.reserve->Restore()) {
    return Error{ENOSPC, "no space for more than removing"};
  }
  std::shared_lock gate(commit_gate_);
  const Result<std::vector<Recount>> recounts = BeginRecount(transaction);
  if (!recounts.ok()) return recounts.error();
  Status status = transaction.Commit();
  if (status.ok()) {
    ++committed_;
    EndRecount(*recounts);
  }
  gate.unlock();
  if (status.ok() && !Keeps(Rule::kCommitsDoNotSync)) status = catalog_.engine().Sync();
  return status;
}

void CatalogVolume::Touch(InodeRecord& record, Timestamp now) {
  record.mtime = now;
  record.ctime = now;
}

Result<InodeRecord> CatalogVolume::ReadLiveDirectory(InodeId directory) const {
  Result<InodeRecord> record = catalog_.ReadInode(directory);
  if (!record.ok()) return record;
  if (record->type != FileType::kDirectory) return Error{ENOTDIR, "not a directory"};
  if (record->nlink == 0) return Error{ENOENT, "directory was removed"};
  return record;
}

// An odd spelling that was adopted as it stood is at its place too.
bool CatalogVolume::LiesUnder(const BackingName& home, const Name& name) const {
  return codec_.Spells(home, name) || home.bytes() == name.bytes();
}

// The name just removed may be where the home lies: then the home is detached from now on.
void CatalogVolume::MarkDetachedIfAt(Transaction& transaction, InodeId inode, const InodeRecord& record, InodeId directory,
                                     const Name& name) {
  if (!record.home.has_value() || record.home->directory != directory || !LiesUnder(record.home->name, name)) return;
  transaction.PutDetached(inode);
  may_be_detached_ = true;
}

Place CatalogVolume::HomesPlace(InodeId inode) {
  char name[24];
  std::snprintf(name, sizeof name, "%016llx", static_cast<unsigned long long>(Raw(inode)));
  return {kHomesDirectory, BackingName(name)};
}

}  // namespace hardlinkfs
