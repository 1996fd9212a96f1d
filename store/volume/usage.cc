// What inodes count for is told to whoever keeps sums of it: of all that there are when he begins, and then of each commit. Nothing of it
// is kept on the disk, so no crash can make it wrong.
#include <cerrno>

#include "store/volume/catalog_volume.h"

namespace hardlinkfs {
namespace {

// `directory` is that of the first name of what is no directory.
Footprint ToFootprint(InodeId inode, const InodeRecord& record, InodeId directory) {
  Footprint footprint{.uid = record.uid, .gid = record.gid, .names = record.nlink};
  if (record.type == FileType::kRegular || record.type == FileType::kSymlink) footprint.bytes = record.size;
  if (record.type == FileType::kDirectory) {
    footprint.names = record.nlink == 0 || inode == kRootInode ? 0 : 1;
    directory = record.parent;
  }
  if (footprint.names > 0) footprint.directory = directory;
  return footprint;
}

// Damaged records count for nothing, as in the beginning.
bool IsNone(int code) { return code == ENOENT || code == EUCLEAN || code == ENOTSUP; }

}  // namespace

Result<Footprint> CatalogVolume::FootprintOf(InodeId inode, Directories directories) {
  const Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (!record.ok()) return record.error();
  const bool is_directory = record->type == FileType::kDirectory;
  if (directories == Directories::kIgnored) {
    Footprint footprint = ToFootprint(inode, *record, {});
    footprint.directory = {};
    return footprint;
  }
  const Result<InodeId> directory = is_directory ? Result(InodeId{}) : catalog_.FirstDirectoryOf(inode);
  if (!directory.ok()) return directory.error();
  return ToFootprint(inode, *record, *directory);
}

Status CatalogVolume::CountFor(std::shared_ptr<UsageObserver> observer) {
  const std::unique_lock gate(commit_gate_);
  if (observer == nullptr) {
    usage_observer_.reset();
    return {};
  }
  const Directories directories = observer->directories();
  const Status counted = catalog_.VisitInodes([&](InodeId inode, const InodeRecord& record, InodeId directory) {
    Footprint footprint = ToFootprint(inode, record, directory);
    if (directories == Directories::kIgnored) footprint.directory = {};
    observer->Changed(inode, std::nullopt, footprint);
  });
  if (counted.ok()) usage_observer_ = std::move(observer);
  return counted;
}

// REQUIRES for these: commit_gate_, and the locks of whoever commits.
Result<std::vector<CatalogVolume::Recount>> CatalogVolume::BeginRecount(const Transaction& transaction) {
  std::vector<Recount> recounts;
  if (usage_observer_ == nullptr) return recounts;
  for (auto& [inode, change] : transaction.ChangedInodes()) {
    Result<Footprint> before = FootprintOf(inode, usage_observer_->directories());
    if (!before.ok() && !IsNone(before.code())) return before.error();
    Recount& recount = recounts.emplace_back(Recount{.inode = inode, .change = std::move(change), .before = std::nullopt});
    if (before.ok()) recount.before = *before;
  }
  return recounts;
}

void CatalogVolume::EndRecount(const std::vector<Recount>& recounts) {
  for (const auto& [inode, change, before] : recounts) {
    std::optional<Footprint> after = before;
    if (change.deleted) {
      after.reset();
    } else if (change.record.has_value()) {
      InodeId directory = before.has_value() ? before->directory : change.first_new_directory;
      // What cannot be read now, of what was just written, is the directory that it was in.
      if (change.names && before.has_value() && usage_observer_->directories() == Directories::kNeeded) {
        if (const Result<InodeId> found = catalog_.FirstDirectoryOf(inode); found.ok()) directory = *found;
      }
      after = ToFootprint(inode, *change.record, directory);
      if (usage_observer_->directories() == Directories::kIgnored) after->directory = {};
    } else if (change.names && before.has_value() && before->directory != InodeId{}) {
      if (const Result<InodeId> found = catalog_.FirstDirectoryOf(inode); found.ok()) after->directory = *found;
    }
    if (before != after) usage_observer_->Changed(inode, before, after);
  }
}

}  // namespace hardlinkfs
