// Vfs: what each operation means, on locks, the volume, the inode table and open contents. It knows no libfuse; fuse/lowlevel turns
// each kernel request into one call here. Each operation has one source file (link.cc, rename.cc, ...).
#ifndef HARDLINKFS_FUSE_VFS_VFS_H_
#define HARDLINKFS_FUSE_VFS_VFS_H_

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fuse/vfs/asked.h"
#include "fuse/vfs/background.h"
#include "fuse/vfs/gate.h"
#include "fuse/vfs/inode_table.h"
#include "fuse/vfs/invalidator.h"
#include "fuse/vfs/kernel_cache.h"
#include "fuse/vfs/ledger.h"
#include "fuse/vfs/passthrough.h"
#include "policy/flags.h"
#include "store/backing/file_locks.h"
#include "store/backing/lock_wait.h"
#include "store/base/attributes.h"
#include "store/base/caller.h"
#include "store/base/clock.h"
#include "store/base/inode_id.h"
#include "store/base/mutex.h"
#include "store/base/name.h"
#include "store/base/result.h"
#include "store/volume/volume.h"

namespace hardlinkfs {

enum class Atime { kRelative, kNever };

// What is durable before the caller is told that it is done: only what fsync(2) and O_SYNC ask for; names too (mount -o dirsync);
// attributes too (-o sync, which the kernel does for contents by itself).
enum class Durability { kOnRequest, kNames, kEverything };

// Whether only this mount changes the backing.
enum class BackingUse { kOurs, kShared };

// Who sees the locks of fcntl(2) and flock(2) that are taken on files: the users of this mount alone, among whom the kernel keeps them, or
// those of the backing, too.
enum class LockSharing { kThisMount, kWithBacking };

struct VfsOptions {
  BackingUse backing = BackingUse::kOurs;
  std::chrono::seconds commit{5};  // how much unsynced work a power cut may take
  Atime atime = Atime::kRelative;
  Durability durability = Durability::kOnRequest;
  // So many contents may be open at a time, each with a descriptor; ENFILE beyond. What the server itself needs has to be left over.
  size_t max_open = SIZE_MAX;
  std::shared_ptr<const LoadedPolicy> policy = std::make_shared<LoadedPolicy>();
};

// How what a handle reads and writes gets to the backing.
enum class IoPath { kRequests, kPassthrough };

// Whether the kernel may keep pages of what a handle reads and writes. What may only be appended to must not be mapped so that it can be
// written anywhere.
enum class Caching { kAllowed, kNever };

// An open as the kernel has to be told of it. While an inode has a backing id, every open of it has to give that; one with kRequests then
// reads and writes past it, uncached.
struct OpenedFile {
  int backing_id = 0;  // > 0: passthrough
  IoPath path = IoPath::kRequests;
  Caching caching = Caching::kAllowed;
};

struct CreatedFile {
  Attributes attributes;
  OpenedFile file;
};

enum class RenameMode { kReplace, kNoReplace, kExchange, kWhiteout, kWhiteoutNoReplace };

struct DirectoryEntry {
  std::string_view name;
  uint64_t number = 0;  // st_ino
  FileType type = FileType::kUnknown;
  uint64_t next_offset = 0;              // the offset that continues after this entry
  std::optional<Attributes> attributes;  // when asked for, and not for "." and ".."
};

enum class ListingMode { kNames, kNamesAndAttributes };
enum class SyncMode { kData, kAll };

// Some of the names of an inode, as paths.
struct NamesPage {
  std::vector<std::string> paths;
  std::optional<NamePosition> next;  // where to go on; nullopt: these were the last
};

// As statvfs(3).
struct FilesystemUsage {
  uint64_t block_size = 0;
  uint64_t blocks = 0;
  uint64_t free_blocks = 0;
  uint64_t available_blocks = 0;
  uint64_t inodes = 0;
  uint64_t free_inodes = 0;
  uint32_t max_name_bytes = 255;
};

// Errors are those of the system call's man page; permission checks are the kernel's (default_permissions). Names come as the kernel gives
// them. Thread safety: every function from any thread. A function that RETURNS Attributes for an entry (Lookup, MakeNode, Create,
// MakeTemporary, Link) also counts one lookup of the inode, to be given back with Forget; so does each entry that ReadDirectory's visitor
// took with attributes.
class Vfs {
 public:
  // Borrows all; `passthrough` and `kernel_cache` may be null. Call Start before the first operation.
  Vfs(Volume& volume, const Clock& clock, Passthrough* passthrough, VfsOptions options, KernelCache* kernel_cache = nullptr);
  ~Vfs();

  // Starts the background work (commit timer, reclaimer, settler) and what keeps the kernel's cache true.
  void Start();
  // Ends it, reclaims what is unlinked, settles all homes and syncs everything. No operation may be under way or follow.
  Status Stop();

  // Namespace.                                                      // source file
  // lookup.cc. ENOENT says that there is no such name, which may be remembered; no other error may. "." and ".." too (NFS handles).
  Result<Attributes> Lookup(InodeId directory, std::string_view name);
  void Forget(InodeId inode, uint64_t lookups);                                                                             // lookup.cc
  Result<Attributes> MakeNode(const Caller& caller, InodeId directory, std::string_view name, const NodeRequest& request);  // create.cc
  // `open_flags` as open(2).
  Result<CreatedFile> Create(const Caller& caller, InodeId directory, std::string_view name, uint32_t mode, int open_flags);
  Result<CreatedFile> MakeTemporary(const Caller& caller, InodeId directory, uint32_t mode, int open_flags);       // O_TMPFILE
  Result<Attributes> Link(const Caller& caller, InodeId inode, InodeId new_directory, std::string_view new_name);  // link.cc
  Status Unlink(const Caller& caller, InodeId directory, std::string_view name);                                   // unlink.cc
  Status RemoveDirectory(const Caller& caller, InodeId directory, std::string_view name);                          // unlink.cc
  Status Rename(const Caller& caller, InodeId directory, std::string_view name, InodeId new_directory, std::string_view new_name,
                RenameMode mode);  // rename.cc
  Result<std::string> ReadLink(InodeId inode);

  // Attributes.
  Result<Attributes> GetAttributes(InodeId inode);                                                       // attributes.cc
  Result<Attributes> SetAttributes(const Caller& caller, InodeId inode, const AttributeChange& change);  // attributes.cc
  Result<std::string> GetXattr(InodeId inode, const std::string& name);                                  // xattr.cc; ENODATA
  Result<std::vector<std::string>> ListXattrs(const Caller& caller, InodeId inode);                      // those that he can get
  Status SetXattr(const Caller& caller, InodeId inode, const std::string& name, std::string_view value, XattrMode mode);
  Status RemoveXattr(const Caller& caller, InodeId inode, const std::string& name);

  // Flags, FS_*_FL of ioctl_iflags(2), of regular files and directories: flags.cc.
  Result<uint32_t> GetFlags(InodeId inode);
  // RETURNS: EOPNOTSUPP for flags that are not kept; EPERM without the right to; EBUSY for one that forbids writing while somebody could
  // still write.
  Status SetFlags(const Caller& caller, InodeId inode, uint32_t flags);

  // Contents. The handles of one inode share one open file, so there is no handle number: what counts is the inode and, for
  // Release, the flags it was opened with and the path it got.
  Result<OpenedFile> Open(const Caller& caller, InodeId inode, int open_flags);  // open.cc
  // `open` is the number of the open in LockOwner.
  void Release(InodeId inode, int open_flags, IoPath path = IoPath::kRequests, uint64_t open = 0);
  Result<size_t> Read(InodeId inode, std::span<char> into, uint64_t offset);  // io.cc
  // Writes all of it. `kill_suidgid` as FUSE_WRITE_KILL_SUIDGID, `open_flags` those of the handle. Of the caller quotas ask whether he is
  // exempt.
  Status Write(InodeId inode, std::span<const char> from, uint64_t offset, bool kill_suidgid, int open_flags = 0,
               const Caller& caller = {});
  // `mode` as fallocate(2).
  Status Allocate(InodeId inode, int mode, uint64_t offset, uint64_t length, const Caller& caller = {});
  // EOPNOTSUPP: the kernel then copies by itself.
  Result<size_t> CopyRange(InodeId from, uint64_t from_offset, InodeId to, uint64_t to_offset, size_t length, const Caller& caller = {});
  // `whence` is SEEK_DATA or SEEK_HOLE.
  Result<uint64_t> Seek(InodeId inode, uint64_t offset, int whence);

  // Locks: lock.cc. For mounts that share them with the backing's users.
  // F_GETLK. RETURNS: a lock in the way of `wanted`, if there is one.
  Result<std::optional<FileLock>> FindLock(InodeId inode, const LockOwner& owner, const FileLock& wanted);
  // fcntl(2) and flock(2): EAGAIN when another's lock is in the way; with `wait` it is waited for (EINTR after its Interrupt). What others
  // have written before they unlocked is seen afterwards. Calls `done` at once or later, from another thread.
  void SetLock(InodeId inode, const LockOwner& owner, const FileLock& wanted, std::shared_ptr<LockWait> wait,
               std::function<void(const Status&)> done);
  // Each close(2) in a process that has the open.
  void Flush(InodeId inode, uint64_t owner_id, uint64_t open);
  // Interrupts all who wait (ECONNABORTED), and returns when their `done` was called.
  void EndLockWaits();

  // policy.cc. RETURNS: the error of a fault that the policy has for an operation, after its delay. For each to be asked first.
  Status MayFail(const Asked& asked);

  // Durability: sync.cc
  Status Sync(InodeId inode, SyncMode mode);  // fsync(2): content, attributes, and the name by which it was opened
  Status SyncDirectory(InodeId directory);
  Status SyncAll();

  // Listing: directory.cc. Calls `visit` for each entry from `offset` on until it returns false or the directory ends.
  // An entry whose visit returned false was not taken.
  Result<std::unique_ptr<DirectoryStream>> OpenDirectory(InodeId directory);
  Status ReadDirectory(InodeId directory, DirectoryStream& stream, uint64_t offset, ListingMode mode,
                       const std::function<bool(const DirectoryEntry&)>& visit);

  // The names of `inode` that lie below the directory `top`, as paths from there; those alone that `caller` would find if he searched it,
  // which takes leave to list every directory on the way. Paths that take more than `room` bytes with a byte behind each are left out, and
  // no more are given than fit there. RETURNS: ENOENT for what has no name; EOPNOTSUPP on a mirror. REQUIRES: room > 0. names.cc
  Result<NamesPage> Names(const Caller& caller, InodeId top, InodeId inode, const NamePosition& after, size_t room);

  Result<FilesystemUsage> Statfs();
  VolumeHealth Health() { return volume_.Health(); }
  const Capabilities& capabilities() const { return volume_.capabilities(); }
  // The policy in force, which LoadPolicy exchanges, and what it has refused.
  Gate& gate() { return gate_; }
  // Exchanges it. With quotas all inodes are counted, before they are in force (of the policy in the options they are only by this).
  // RETURNS: EOPNOTSUPP for quotas where the backing is shared; on an error the old one stays in force. REQUIRES: no lock held.
  Status LoadPolicy(std::shared_ptr<const LoadedPolicy> policy);  // quota.cc
  // RETURNS: up to `limit` of those who have a quota, and anything, from `first` on.
  std::vector<AccountState> Accounts(const AccountKey& first, size_t limit) const;

 private:
  // RETURNS: the name, ENOENT for the private area, which nobody can see from above.
  static Result<Name> VisibleName(InodeId directory, std::string_view name);
  // RETURNS: the name, EPERM for the private area: nothing can be made there, linked or renamed into it.
  static Result<Name> NewName(InodeId directory, std::string_view name);

  // flags.cc. RETURNS: whether flags forbid anything of it that the backing does not see to. REQUIRES for these: prepared.
  bool IsFlagged(InodeId inode);
  // RETURNS: what is said to a change of an inode, by its flags, unless the backing sees to it.
  Status CheckChange(const Asked& asked, InodeId inode, Change change);
  Status CheckFlags(const Asked& asked, uint32_t flags, Change change);
  // RETURNS: what flags and policy say to what takes the name asked.from away; ESTALE rather than a refusal when it is not the inode's any
  // longer, as the volume says it. REQUIRES: shared(directory) or more.
  Status JudgeLoss(const Asked& asked);
  // RETURNS: whether that, or the volume, says that the name is another's by now, and is to be looked at again.
  static bool IsStale(const Status& status) { return status.code() == ESTALE && !status.error().decided; }
  Status JudgeRename(const Caller& caller, const RenameRequest& request, FileType target_type);  // rename.cc
  void NoteMoved(const RenameRequest& request);                                                  // rename.cc
  // REQUIRES for these: exclusive(inode).
  Status SetFlagsLocked(const Caller& caller, InodeId inode, uint32_t flags);
  Status CheckNoWriters(InodeId inode, OpenContent* open);
  // policy.cc. RETURNS: what policy says. REQUIRES: what it is about is prepared, and locked as the operation itself has it.
  Status Judge(const Asked& asked);
  // Remembers a refusal by something else than the policy.
  void Note(const Asked& asked, const Refusal& refusal);
  Result<Attributes> AttributesOf(const Asked& asked);
  Result<Attributes> UpToDate(InodeId inode);
  // Borrows what it is asked with.
  Facts FactsOf(const Asked& asked, const Attributes& inode);
  // RETURNS: all paths of an inode, from the root of the volume on, as far as they are known.
  Result<std::vector<std::string>> PathsOf(InodeId inode, size_t most);
  Result<std::vector<std::string>> SeenPathsOf(InodeId inode);
  // The kernel was told of a name.
  void Saw(InodeId inode, InodeId directory, std::string_view name);
  // Finds the inode behind a name, prepared, with no lock held: to be looked at again under locks.
  Result<InodeRef> FindPrepared(InodeId directory, const Name& name);
  void Lost(const LostName& lost);
  // quota.cc. RETURNS: null without quotas. Cheap then.
  std::shared_ptr<Ledger> ledger() const { return has_ledger_.load(std::memory_order_relaxed) ? ledger_.load() : nullptr; }
  // An operation that is over quota at first is tried again once what was unlinked is reclaimed, and only then refused.
  enum class Attempt { kFirst, kLast };
  static constexpr char kOverQuotaAtFirst[] = "over quota, while something may be reclaimed";
  // REQUIRES: no lock held.
  template <typename Operation>
  auto WithQuota(const Operation& operation) {
    auto result = operation(Attempt::kFirst);
    if (result.ok() || result.error().what != kOverQuotaAtFirst) return result;
    AwaitReclaim();
    return operation(Attempt::kLast);
  }
  // With space and quota.
  template <typename Operation>
  auto WithRoom(const Operation& operation) {
    return WithSpace([&] { return WithQuota(operation); });
  }
  void AwaitReclaim();
  Status Refuse(const Asked& asked, const Refusal& refusal);
  template <typename Room, typename Ask>
  Result<Room> AskFor(const Asked& asked, Attempt attempt, const Ask& ask);
  // RETURNS: room for what is to be made, for one name more (asked.to), for another owner; EDQUOT. REQUIRES: exclusive(asked.inode).
  Result<Ledger::Reservation> ReserveNew(const Asked& asked, InodeId directory, uint64_t bytes, Attempt attempt);
  Result<Ledger::Reservation> ReserveName(const Asked& asked, Attempt attempt);
  Result<Ledger::Reservation> ReserveOwner(const Asked& asked, const AttributeChange& change, Attempt attempt);
  Result<Ledger::Reservation> ReserveChange(Ledger& ledger, const Asked& asked, const Footprint& before, const Footprint& after,
                                            Attempt attempt);
  Status CheckNoUnseenWriters(InodeId inode);
  // RETURNS: whether its writes have to be seen. REQUIRES: shared(inode) or more.
  bool LimitsBytes(InodeId inode);
  // RETURNS: room for a content to grow. REQUIRES: no lock held; the second: shared(asked.inode) or more.
  Result<Ledger::Growth> Grow(const Asked& asked, const Ledger::WantedSize& wanted);
  Result<Ledger::Growth> GrowLocked(const Asked& asked, const Ledger::WantedSize& wanted, Attempt attempt);
  Result<Ledger::Growth> GrowToAllocate(const Asked& asked, AllocateMode mode, uint64_t offset, uint64_t length);  // io.cc
  // `whole`: the content is as large as was wanted. REQUIRES: no lock held.
  void EndGrowth(Ledger::Growth& growth, InodeId inode, OpenContent& open, bool whole);
  // As the volume's RefreshContent and Truncate. REQUIRES: exclusive(inode).
  Result<Attributes> RefreshCounted(InodeId inode, BackingFile& content, const ContentUse& use);
  Result<Attributes> TruncateCounted(const Asked& asked, BackingFile& content, uint64_t size, Attempt attempt);
  Status MayAllocateBehind(const Asked& asked, uint64_t end);

  // create.cc. RETURNS: what flags of the directory and policy say to what is to be made in it.
  Status JudgeNew(const Asked& asked, InodeId directory);
  Result<CreatedInode> MakeNamed(const Caller& caller, InodeId directory, std::string_view name, const NodeRequest& request);  // create.cc
  // create.cc. The first handle of what was made. REQUIRES: its lookup is counted; no lock held.
  Result<CreatedFile> AttachNew(CreatedInode created, int open_flags);
  // Runs `operation`, and once more after removing unlinked contents if there was no space for it. REQUIRES: no lock held.
  template <typename Operation>
  auto WithSpace(const Operation& operation) {
    auto result = operation();
    if (result.ok() || !IsFull(result.error())) return result;
    const Result<size_t> reclaimed = volume_.ReclaimSome(kReclaimForSpace);
    if (!reclaimed.ok() || *reclaimed == 0) return result;
    return operation();
  }
  static constexpr size_t kReclaimForSpace = 4096;
  Use UseOf(InodeId inode) const { return table_.FindOpen(inode) == nullptr ? Use::kIdle : Use::kOpen; }
  // RETURNS: what the volume says, with what open contents say of the kernel's caching.
  Attributes Show(Attributes attributes) const;
  // RETURNS: whether what the volume says has to be brought up to the content before it is shown.
  bool MayBeBehind(InodeId inode) const { return table_.MayBeWritten(inode) || volume_.IsBehind(inode); }
  // directory.cc. RETURNS: nullopt when the inode has to be prepared first. REQUIRES: shared(directory).
  struct Listed {
    DirectoryEntry entry;
    InodeRef inode;  // of an entry with attributes
  };
  std::optional<Listed> EntryOf(InodeId directory, const ListedName& name, ListingMode mode) const;
  // For an inode whose lookup was counted: on an error it is taken back. lookup.cc. REQUIRES: no lock held.
  Result<Attributes> ShowCounted(const Attributes& looked_up);

  // sync.cc. Makes what was committed durable if that is to be so for `what` of it before it is acknowledged. REQUIRES for these: no lock
  // held.
  Status Promise(Durability what);
  // The same for names, when `done` is a success. Of an entry, whose lookup was counted, it is taken back on an error.
  Status Promised(const Status& done);
  Result<Attributes> Promised(const Result<Attributes>& entry);
  // attributes.cc
  Status CheckSet(const Asked& asked, const Attributes& attributes, const AttributeChange& change);
  // open.cc
  Result<OpenedFile> OpenOnce(const Caller& caller, InodeId inode, int open_flags);
  void AwaitPassthroughEnd(InodeId inode) const;
  Result<OpenedFile> OpenUnpromised(const Caller& caller, InodeId inode, int open_flags);
  Result<Attributes> SetUnpromised(const Caller& caller, InodeId inode, const AttributeChange& change, Attempt attempt);
  Status SetXattrUnpromised(const Caller& caller, InodeId inode, const std::string& name, std::string_view value, XattrMode mode);

  Status NoteReads(InodeId inode, OpenContent& open);
  // open.cc. REQUIRES: exclusive(inode).
  Status CheckOpen(const Caller& caller, const Attributes& attributes, int open_flags);
  Status JudgeOpen(const Caller& caller, InodeId inode, int open_flags);
  // RETURNS: whether there is a descriptor left for one more content, or lock, when the locks take so many.
  bool HasRoomToOpen(size_t for_locks) const { return table_.open_count() + for_locks < options_.max_open; }
  // RETURNS: ENFILE when one more content must not be opened.
  Status RoomToOpen() const;
  // REQUIRES: exclusive(inode).
  OpenedFile Attach(const Attributes& attributes, std::unique_ptr<BackingFile> content, int open_flags);
  // Attributes of an inode whose content may be changing. REQUIRES: exclusive(inode).
  Result<Attributes> Refresh(InodeId inode, OpenContent& open);
  // The same for one that is not open, but may be mapped. REQUIRES: exclusive(inode).
  Result<Attributes> RefreshClosed(InodeId inode);
  Result<std::shared_ptr<OpenContent>> FindOpen(InodeId inode) const;
  // sync.cc. The content, and size and times in the record; not the log yet. REQUIRES: no lock held.
  Status SyncContent(InodeId inode, OpenContent& open);
  // Suid, sgid and file capabilities do not survive a write by somebody else. REQUIRES: no lock held.
  Status KillPrivileges(InodeId inode, bool kill_suidgid);
  // A file that is given privileges was closed before, as a rule; that may not have come through to here yet. Gives it a moment, so that
  // the next writer is seen. REQUIRES: no lock held.
  void AwaitCloses(InodeId inode) const;
  // REQUIRES for these: exclusive(inode).
  Status TakePrivileges(InodeId inode, uint32_t mode, bool kill_suidgid);
  bool HasPrivileges(const Attributes& attributes) const;
  Result<bool> HasCapabilities(InodeId inode) const;
  Result<Attributes> RefreshPrivileges(InodeId inode, OpenContent& open);
  void NotePrivileges(OpenContent& open, const Attributes& attributes) const;

  Volume& volume_;
  const Clock& clock_;
  Passthrough* passthrough_;
  Gate gate_;  // before the options, which lose the policy to it
  const VfsOptions options_;
  Mutex loading_;  // one LoadPolicy at a time; first of all
  std::atomic<bool> has_ledger_{false};
  std::atomic<std::shared_ptr<Ledger>> ledger_;  // shared: operations that are under way use the one before to their end
  InodeTable table_;
  KernelCache* const kernel_cache_;
  std::optional<Invalidator> invalidator_;
  FileLocks file_locks_;
  LockWaits lock_waits_;
  Mutex directory_moves_;  // one rename of a directory to another parent at a time; before all inode locks
  Background background_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_VFS_VFS_H_
