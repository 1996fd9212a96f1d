// The cache of open home directories, see home_directories.h.
#include "store/volume/home_directories.h"

#include <cerrno>
#include <vector>

#include "store/volume/loop_guard.h"

namespace hardlinkfs {
namespace {

constexpr int kAttempts = 3;

}  // namespace

BackingDirectoryRef HomeDirectories::Cached(InodeId directory) {
  if (directory == kRootInode) return backing_.root();
  if (directory == kHomesDirectory) return homes_;
  MutexLock lock(mutex_);
  if (const auto pinned = pinned_.find(directory); pinned != pinned_.end()) return pinned->second;
  const auto found = index_.find(directory);
  if (found == index_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return found->second->second;
}

void HomeDirectories::Remember(InodeId directory, BackingDirectoryRef ref) {
  MutexLock lock(mutex_);
  if (index_.contains(directory)) return;
  recent_.emplace_front(directory, std::move(ref));
  index_[directory] = recent_.begin();
  if (recent_.size() <= capacity_) return;
  index_.erase(recent_.back().first);
  recent_.pop_back();
}

Result<BackingDirectoryRef> HomeDirectories::Open(InodeId directory) {
  // A home that moves between the look into the catalog and the step on the backing shows as ENOENT once; the second look sees it pinned.
  Result<BackingDirectoryRef> ref = OpenOnce(directory);
  for (int attempt = 0; attempt < kAttempts && (ref.code() == ENOENT || ref.code() == ESTALE); ++attempt) ref = OpenOnce(directory);
  if (ref.code() == ESTALE) return Error{EAGAIN, "home directory moves all the time"};
  return ref;
}

Result<BackingDirectoryRef> HomeDirectories::OpenOnce(InodeId directory) {
  // Up to the first directory that is open, then down again: no recursion, since trees can be thousands of levels deep.
  std::vector<std::pair<InodeId, Place>> missing;
  LoopGuard guard(directory);
  BackingDirectoryRef at = Cached(directory);
  for (InodeId up = directory; at == nullptr; at = Cached(up)) {
    const Result<InodeRecord> record = catalog_.ReadInode(up);
    if (!record.ok()) return record.error();
    if (!record->home.has_value()) return Error{ENOTDIR, "inode without a home used as a directory"};
    missing.emplace_back(up, *record->home);
    up = record->home->directory;
    if (guard.Repeats(up)) return Error{ELOOP, "home directories lie inside each other"};
  }
  for (auto down = missing.rbegin(); down != missing.rend(); ++down) {
    Result<BackingDirectoryRef> next = backing_.OpenDirectory(at, down->second.name);
    if (!next.ok()) return next.error();
    // Something else may have come to lie there since the look into the catalog.
    const Result<InodeRecord> record = catalog_.ReadInode(down->first);
    if (!record.ok()) return record.error();
    if (record->home != down->second) return Error{ESTALE, "home directory moved meanwhile"};
    at = *next;
    Remember(down->first, at);
  }
  return at;
}

Status HomeDirectories::Pin(InodeId directory) {
  Result<BackingDirectoryRef> ref = Open(directory);
  if (!ref.ok()) return ref.error();
  MutexLock lock(mutex_);
  pinned_[directory] = *ref;
  return {};
}

void HomeDirectories::Unpin(InodeId directory) {
  MutexLock lock(mutex_);
  pinned_.erase(directory);
}

void HomeDirectories::Forget(InodeId directory) {
  MutexLock lock(mutex_);
  const auto found = index_.find(directory);
  if (found == index_.end()) return;
  recent_.erase(found->second);
  index_.erase(found);
}

}  // namespace hardlinkfs
