// The operations on contents and attributes, syncs, and what else goes on in the background.
#include <fcntl.h>

#include <cerrno>
#include <cstring>

#include "tests/sim/sim_run.h"

namespace hardlinkfs {

// The kernel knows an inode as long as it likes.
void SimRun::Counted(InodeId inode) {
  if (dice_.Chance(80)) {
    machine_.vfs().Forget(inode, 1);
  } else {
    ++lookups_[inode];
  }
}

void SimRun::Forget() {
  if (lookups_.empty()) return;
  const auto at = std::next(lookups_.begin(), static_cast<ptrdiff_t>(dice_.Below(lookups_.size())));
  const auto file = files_.find(at->first);
  if (removed_.contains(at->first) || (file != files_.end() && file->second.is_open())) return;
  Trace("forget ", at->first);
  machine_.vfs().Forget(at->first, at->second);
  lookups_.erase(at);
}

bool SimRun::OpenFor(InodeId inode, size_t actor) {
  SimFile& file = files_[inode];
  if (file.handles[actor] > 0) return true;
  if (now_.nodes[inode].nlink == 0 && !file.is_open()) return false;
  Trace("open ", inode);
  if (!Acknowledged(machine_.vfs().Open({}, inode, O_RDWR).code(), 0)) return false;
  ++file.handles[actor];
  return true;
}

void SimRun::WriteTo(InodeId inode) {
  SimFile& file = files_[inode];
  SimContent next = file.history.back();
  const uint64_t first = dice_.Below(kSimSectors);
  const uint64_t count = 1 + dice_.Below(std::min<uint64_t>(kSimSectors - first, kSimSectors / 2));
  std::string bytes;
  for (uint64_t sector = first; sector < first + count; ++sector) {
    next.stamps[sector] = ++last_stamp_;
    for (size_t i = 0; i < kSectorBytes; i += sizeof last_stamp_)
      bytes.append(reinterpret_cast<const char*>(&last_stamp_), sizeof last_stamp_);
  }
  next.sectors = std::max(next.sectors, first + count);
  Trace("write ", inode, " sectors ", first, " … ", first + count - 1, " stamps to ", last_stamp_);
  file.history.push_back(next);  // also when it is not acknowledged, it may have been done
  file.mtime_promised = false;
  now_.nodes[inode].mtime.reset();
  Acknowledged(machine_.vfs().Write(inode, bytes, first * kSectorBytes, false).code(), 0);
}

void SimRun::WriteOpen() {
  if (const InodeId inode = PickOpenFile(); inode != InodeId{0}) WriteTo(inode);
}

void SimRun::Write() {
  const InodeId inode = dice_.Chance(50) ? PickOpenFile() : PickFile();
  if (inode == InodeId{0}) return;
  Learn(inode);
  if (!dead_ && OpenFor(inode, dice_.Below(kSimActors))) WriteTo(inode);
}

void SimRun::Truncate() {
  const InodeId inode = PickFile();
  if (inode == InodeId{0} || now_.nodes[inode].nlink == 0) return;
  Learn(inode);
  if (dead_) return;
  SimFile& file = files_[inode];
  SimContent next = file.history.back();
  next.sectors = dice_.Chance(30) ? 0 : dice_.Below(kSimSectors);
  for (size_t sector = next.sectors; sector < kSimSectors; ++sector) next.stamps[sector] = 0;
  Trace("truncate ", inode, " to ", next.sectors, " sectors");
  file.history.push_back(next);
  file.mtime_promised = false;
  now_.nodes[inode].mtime.reset();
  Acknowledged(machine_.vfs().SetAttributes(PickCaller(), inode, {.size = next.sectors * kSectorBytes}).code(), 0);
}

void SimRun::ReleaseOf(InodeId inode, size_t actor) {
  Trace("release ", inode);
  machine_.vfs().Release(inode, O_RDWR);
  if (dead_) return;
  SimFile& file = files_[inode];
  --file.handles[actor];
  if (file.is_open() || !lookups_.contains(inode) || dice_.Chance(20)) return;
  machine_.vfs().Forget(inode, lookups_[inode]);
  lookups_.erase(inode);
}

void SimRun::Release() {
  const InodeId inode = PickOpenFile();
  const size_t actor = dice_.Below(kSimActors);
  if (inode == InodeId{0}) return;
  for (size_t other = 0; other < kSimActors; ++other) {
    const size_t one = (actor + other) % kSimActors;
    if (files_[inode].handles[one] > 0) return ReleaseOf(inode, one);
  }
}

void SimRun::SetAttributes() {
  const InodeId inode = PickNode();
  if (inode == InodeId{0} || inode == kRootInode) return;
  SimNode node = now_.nodes[inode];
  AttributeChange change;
  switch (dice_.Below(3)) {
    case 0:
      if (node.type == FileType::kSymlink) return;
      change.mode = node.mode = dice_.Pick<uint32_t>({0600, 0644, 0755});
      break;
    case 1:
      change.uid = node.uid = PickCaller().uid;
      if (dice_.Chance(50)) change.gid = node.gid = PickCaller().gid;
      break;
    default:
      // Another tick of each backing, and nanoseconds that none of the coarse ones holds.
      change.mtime = Timestamp{1'500'000'000 + static_cast<int64_t>(dice_.Below(1'000'000)), 123'456'789};
      if (node.type == FileType::kRegular) Learn(inode);
      if (dead_) return;
      node.mtime = change.mtime;
  }
  Trace("setattr ", inode, change.mode ? " mode" : change.mtime ? " mtime" : " owner");
  // Also when it is not acknowledged, the backing may have the time already.
  if (change.mtime.has_value() && files_.contains(inode)) files_[inode].mtime_promised = false;
  if (!Acknowledged(machine_.vfs().SetAttributes(PickCaller(), inode, change).code(), 0)) return;
  now_.nodes[inode] = node;
  CheckAttributes(inode);
}

void SimRun::SetXattr() {
  const InodeId inode = PickNode();
  if (inode == InodeId{0} || (!IsDirectory(inode) && !files_.contains(inode))) return;
  auto& xattrs = now_.nodes[inode].xattrs;
  const std::string name = dice_.Pick<std::string>({"user.a", "user.b", "trusted.c"});
  if (dice_.Chance(30)) {
    Trace("removexattr ", inode, " ", name);
    if (Acknowledged(machine_.vfs().RemoveXattr({}, inode, name).code(), xattrs.contains(name) ? 0 : ENODATA)) xattrs.erase(name);
    return;
  }
  const std::string value = std::to_string(dice_.Any());
  Trace("setxattr ", inode, " ", name);
  if (Acknowledged(machine_.vfs().SetXattr({}, inode, name, value, XattrMode::kAny).code(), 0)) xattrs[name] = value;
}

void SimRun::SyncFile() {
  const InodeId inode = PickOpenFile();
  if (inode == InodeId{0}) return;
  Trace("fsync ", inode);
  if (!Acknowledged(machine_.vfs().Sync(inode, dice_.Chance(50) ? SyncMode::kAll : SyncMode::kData).code(), 0)) return;
  files_[inode].floor = files_[inode].history.size() - 1;
  files_[inode].mtime_promised = true;
  if (!log_synced_) Fail("fsync returned, and the log was not synced");
}

void SimRun::SyncDirectory() {
  Trace("fsync of a directory");
  if (!Acknowledged(machine_.vfs().SyncDirectory(kRootInode).code(), 0)) return;
  if (!log_synced_) Fail("fsync of a directory returned, and the log was not synced");
}

void SimRun::SyncAll() {
  Trace("sync");
  if (!Acknowledged(machine_.vfs().SyncAll().code(), 0)) return;
  for (auto& [inode, file] : files_) {
    // What nobody has a name or a handle for need not be kept; what was not looked at since a power cut is on the disk.
    if (now_.nodes[inode].nlink == 0 || !file.known) continue;
    file.floor = file.history.size() - 1;
    file.mtime_promised = true;
  }
  if (!log_synced_) Fail("sync returned, and the log was not synced");
}

void SimRun::Persist() {
  Trace("the engine writes its memory out");
  if (rocksdb_ == nullptr) return machine_.engine().Persist();
  const Status persisted = rocksdb_->Persist();
  if (!DiskHasFailed()) Acknowledged(persisted.code(), 0);
}

void SimRun::Settle() {
  Trace("settle");
  const Result<size_t> moved = machine_.volume().SettleSome(1 + dice_.Below(8));
  if (!moved.ok()) Trace("  ", moved.error().what);
  Acknowledged(moved.code(), 0);
  visited_.erase(kRootInode);  // there may be a lost+found now
}

void SimRun::Reclaim() {
  Trace("reclaim");
  Acknowledged(machine_.volume().ReclaimSome(1 + dice_.Below(8)).code(), 0);
  if (dead_) return;
  for (auto file = files_.begin(); file != files_.end();) {
    const InodeId inode = file->first;
    if (now_.nodes[inode].nlink > 0 || machine_.volume().Read(inode).code() != ENOENT) {
      ++file;
      continue;
    }
    for (const SimContent& content : file->second.history) {
      for (const uint64_t stamp : content.stamps) {
        if (stamp != 0 && !duplicates_.contains(stamp)) reclaimed_.insert(stamp);
      }
    }
    now_.nodes.erase(inode);
    lookups_.erase(inode);
    file = files_.erase(file);
  }
  std::erase_if(now_.nodes, [&](const auto& node) {
    return node.second.type != FileType::kDirectory && node.second.nlink == 0 && machine_.volume().Read(node.first).code() == ENOENT;
  });
  // What was rescued from homes/ is found there.
  for (const auto& [name, inode] : now_.names[kRootInode]) {
    if (name.starts_with("lost+found")) visited_.erase(inode);
  }
  visited_.erase(kRootInode);
}

void SimRun::FailSync() {
  if (!dice_.Chance(15)) return;
  Trace("the next fsync will fail");
  machine_.backing().FailNextSync();
}

}  // namespace hardlinkfs
