// InodeTable: what the kernel holds of each inode: lookups, and the open content that all its handles share.
#ifndef HARDLINKFS_FUSE_VFS_INODE_TABLE_H_
#define HARDLINKFS_FUSE_VFS_INODE_TABLE_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "store/backing/backing.h"
#include "store/base/inode_id.h"
#include "store/base/mutex.h"
#include "store/base/timestamp.h"
#include "store/volume/inode_ref.h"

namespace hardlinkfs {

// A regular file that is open. One descriptor however many handles: passthrough allows one an inode, and one is enough.
class OpenContent {
 public:
  OpenContent(std::unique_ptr<BackingFile> content, int id) : file(std::move(content)), backing_id(id) {}

  const std::unique_ptr<BackingFile> file;
  const int backing_id;  // > 0: passthrough

  // REQUIRES for these: exclusive(inode).
  uint32_t handles = 0;
  uint32_t writers = 0;
  std::atomic<uint32_t> flags{0};  // FS_*_FL of ioctl_iflags(2); may be read without the lock
  // Set when suid, sgid or file capabilities were given while unseen writers were open: the mtime then.
  std::optional<Timestamp> privileged_since;
  std::atomic<bool> uncacheable{false};  // whether it is set; may be read without the lock

  void NoteWrite(Timestamp now) {
    MutexLock lock(mutex_);
    last_write_ = now;
  }
  // RETURNS: the time of the last write through us that was not taken yet.
  std::optional<Timestamp> TakeLastWrite() {
    MutexLock lock(mutex_);
    return std::exchange(last_write_, std::nullopt);
  }
  std::atomic<bool> was_read{false};

  // Writers whose writes the kernel carries out by itself, so that we see only that something was written. They are among `writers`.
  uint32_t unseen_writers() const {
    MutexLock lock(mutex_);
    return unseen_writers_;
  }
  void AddUnseenWriter() {
    MutexLock lock(mutex_);
    ++unseen_writers_;
  }
  void RemoveUnseenWriter() {
    MutexLock lock(mutex_);
    if (--unseen_writers_ == 0) unseen_gone_.notify_all();
  }
  // Returns when there are none, or after `patience`. REQUIRES: no inode lock held.
  void AwaitUnseenWriters(std::chrono::milliseconds patience) {
    std::unique_lock<Mutex> lock(mutex_);
    unseen_gone_.wait_for(lock, patience, [this]() {
      mutex_.AssertHeld();
      return HasNoUnseenWriters();
    });
  }

 private:
  bool HasNoUnseenWriters() const REQUIRES(mutex_) { return unseen_writers_ == 0; }

  mutable Mutex mutex_;
  ConditionVariable unseen_gone_;
  uint32_t unseen_writers_ GUARDED_BY(mutex_) = 0;
  std::optional<Timestamp> last_write_ GUARDED_BY(mutex_);
};

// A name by which the kernel has found an inode.
struct SeenName {
  InodeId directory{};
  std::string name;
  bool operator==(const SeenName&) const = default;
};

// Thread safety: any thread.
class InodeTable {
 public:
  // Keeps the inode known from the first lookup until the kernel has forgotten it.
  void AddLookup(InodeRef inode);
  // RETURNS: true when the kernel does not know the inode any longer and it is an orphan: then it can be reclaimed.
  bool DropLookups(InodeId inode, uint64_t count);
  // Names of an inode that the kernel knows, for who goes by names where the backing has authority over them: there nobody can be asked for
  // all of a file's, but the one that an operation goes by has been looked up. Kept until the kernel has forgotten the inode; of an inode
  // with many those that were noted last.
  void NoteName(InodeId inode, InodeId directory, std::string_view name);
  void DropName(InodeId inode, InodeId directory, std::string_view name);
  std::vector<SeenName> NamesOf(InodeId inode) const;
  static constexpr size_t kNamesNoted = 64;
  // The inode lost its last name (or was made without one). RETURNS: true when the kernel does not know it: then it can be reclaimed.
  bool MarkOrphan(InodeId inode);
  // The inode got a name (O_TMPFILE).
  void ClearOrphan(InodeId inode);

  // Shared, since an I/O may be under way when the last handle is released. RETURNS: null when it is not open.
  std::shared_ptr<OpenContent> FindOpen(InodeId inode) const;
  // RETURNS: all inodes that are open now.
  std::vector<InodeId> OpenInodes() const;
  // RETURNS: how many they are.
  size_t open_count() const { return open_count_.load(); }
  // REQUIRES: exclusive(inode), not open.
  void SetOpen(InodeId inode, std::shared_ptr<OpenContent> content);
  // A mapping through which the kernel writes by itself may outlive all handles. It keeps the kernel from forgetting the inode, and that is
  // all we learn of it. REQUIRES: it is open.
  void NoteMayBeMapped(InodeId inode);
  bool MayBeMapped(InodeId inode) const;
  // RETURNS: whether the record of the inode may be behind its content: it is open, or may be mapped.
  bool MayBeWritten(InodeId inode) const;
  // RETURNS: all inodes that the kernel knows, but for the root, which nobody counts.
  std::vector<InodeId> Known() const;
  // RETURNS: as DropLookups: the kernel may forget an inode before it releases its last handle. REQUIRES: exclusive(inode).
  bool Close(InodeId inode);

 private:
  struct Entry {
    uint64_t lookups = 0;
    bool orphan = false;
    bool may_be_mapped = false;
    std::shared_ptr<OpenContent> open;
    InodeRef known;
    std::unique_ptr<std::vector<SeenName>> names;  // null: none was noted
  };
  struct Shard {
    mutable Mutex mutex;
    std::unordered_map<InodeId, Entry> entries GUARDED_BY(mutex);
  };
  static bool IsIdle(const Entry& entry) { return entry.lookups == 0 && entry.open == nullptr; }
  // What went with an entry; let go of after the shard's lock, since that may close a file.
  struct Erased {
    bool orphan = false;
    InodeRef known;
  };
  static Erased EraseIfIdle(Shard& shard, std::unordered_map<InodeId, Entry>::iterator entry) REQUIRES(shard.mutex);

  Shard& ShardOf(InodeId inode) { return shards_[Raw(inode) % shards_.size()]; }
  const Shard& ShardOf(InodeId inode) const { return shards_[Raw(inode) % shards_.size()]; }
  std::array<Shard, 64> shards_;
  std::atomic<size_t> open_count_{0};
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_VFS_INODE_TABLE_H_
