// Volume: the filesystem without kernel or permissions, as fuse/vfs sees it. Two regimes implement it: CatalogVolume, where the catalog has
// authority over names and the mount owns the backing, and MirrorVolume (store/mirror), where the backing has it, and others use it at the
// same time.
//
// Locks (docs/locking.md): "REQUIRES exclusive(x)" means that the caller holds x of locks(). Prepare and PrepareDirectory take locks
// themselves and must be called before; once an inode is prepared it stays so until the volume is closed.
#ifndef HARDLINKFS_STORE_VOLUME_VOLUME_H_
#define HARDLINKFS_STORE_VOLUME_VOLUME_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/backing/backing.h"
#include "store/base/attributes.h"
#include "store/base/caller.h"
#include "store/base/capabilities.h"
#include "store/base/inode_id.h"
#include "store/base/name.h"
#include "store/base/result.h"
#include "store/volume/change_observer.h"
#include "store/volume/content_times.h"
#include "store/volume/inode_ref.h"
#include "store/volume/lock_table.h"
#include "store/volume/usage_observer.h"
#include "store/volume/volume_health.h"

namespace hardlinkfs {

// File capabilities, see capabilities(7).
inline constexpr char kCapabilityXattr[] = "security.capability";

// What mknod, mkdir and symlink ask for. `mode` is 07777 as the caller gave it: the volume applies his umask or the directory's default
// ACL, and gives the group that inode(7) says.
struct NodeRequest {
  FileType type = FileType::kRegular;
  uint32_t mode = 0;
  uint64_t rdev = 0;
  std::string target;  // of a symlink
};

struct CreatedInode {
  InodeRef inode;
  Attributes attributes;
  std::unique_ptr<BackingFile> content;  // of a regular file
};

// An inode that lost a name. When nlink is 0 it is an orphan: give it to Reclaim once nobody uses it any longer.
struct LostName {
  InodeId inode{};
  uint32_t nlink = 0;
};

// Whether an inode that loses its last name is open.
enum class Use { kIdle, kOpen };

enum class Replace { kAllowed, kRefused, kExchange };
enum class XattrMode { kAny, kCreate, kReplace };

struct RenameRequest {
  InodeId directory{};
  Name name;
  InodeId inode{};
  InodeId new_directory{};
  Name new_name;
  std::optional<InodeId> target;
  Use target_use = Use::kIdle;
  Replace replace = Replace::kAllowed;
  bool whiteout = false;  // leaves a character device 0:0 at the old name
};

// A directory that is open to be listed.
class DirectoryStream {
 public:
  virtual ~DirectoryStream() = default;
};

struct ListedName {
  std::string name;
  FileType type = FileType::kUnknown;
  uint64_t number = 0;  // st_ino
  uint64_t offset = 0;  // the names after this one begin there
  InodeId inode{};      // 0: a lookup of the name has to tell
};

// Where a name lies: its directory, and its offset in that as List tells it.
struct NamePosition {
  InodeId directory{};
  uint64_t offset = 0;
};

struct NameOfInode {
  NamePosition position;
  std::string name;
};

class Volume {
 public:
  using XattrChanges = std::vector<std::pair<std::string, std::optional<std::string>>>;

  virtual ~Volume() = default;
  // Ends the session: what was put off is done, and all is durable.
  virtual Status Close() = 0;

  LockTable& locks() { return locks_; }

  // Has `observer` (null: nobody) told of what changes without being asked for. REQUIRES: no operation is under way.
  virtual void Observe(ChangeObserver* observer) = 0;

  virtual const Capabilities& capabilities() const = 0;
  virtual Result<BackingSpace> Space() = 0;
  virtual VolumeHealth Health() = 0;

  // Makes an inode ready to be read. RETURNS: ENOENT when there is no such inode, or it has vanished. REQUIRES: no lock held.
  virtual Status Prepare(InodeId inode) = 0;
  // Prepare, of a directory and of what it lists. RETURNS: as Prepare; ENOTDIR. REQUIRES: no lock held.
  virtual Status PrepareDirectory(InodeId directory) = 0;
  // RETURNS: whether Prepare has nothing to do; cheap, and any lock may be held.
  virtual bool IsPrepared(InodeId inode) const = 0;

  // Reads. REQUIRES: what they read is prepared.
  virtual Result<Attributes> Stat(InodeId inode) = 0;
  virtual Result<InodeRef> Lookup(InodeId directory, const Name& name) = 0;  // ENOENT; ESTALE when the directory is gone
  virtual Result<InodeRef> Parent(InodeId directory) = 0;                    // the root's is the root
  // RETURNS: some of the names of `inode` (of a directory the one) after that position (no directory: from the first); none at the end.
  // What is a name all the time comes once, whatever comes and goes meanwhile. EOPNOTSUPP where they cannot be known without a search.
  // REQUIRES: shared(inode), or it may be missed while it is renamed; not that `inode` is prepared, but then they may be out of date.
  virtual Result<std::vector<NameOfInode>> NamesOf(InodeId inode, const NamePosition& after) = 0;
  // RETURNS: the path of a directory from the root on, "/" for that; ENOENT when it was removed. Where names are the backing's, also of
  // what is no directory: one of its paths, EOPNOTSUPP when none can be told.
  virtual Result<std::string> PathOf(InodeId directory) = 0;
  virtual Result<std::string> ReadLink(InodeId inode) = 0;                           // EINVAL for what is no symlink
  virtual Result<std::string> GetXattr(InodeId inode, const std::string& name) = 0;  // ENODATA
  virtual Result<std::vector<std::string>> ListXattrs(InodeId inode) = 0;

  virtual Result<std::unique_ptr<DirectoryStream>> OpenDirectory(InodeId directory) = 0;
  // RETURNS: some of the names from `offset` on (0: all), "." and ".." among them; none at the end.
  virtual Result<std::vector<ListedName>> List(InodeId directory, DirectoryStream& stream, uint64_t offset) = 0;
  // RETURNS: whether a listing may show a name of `inode` in `directory` before it is prepared.
  virtual bool MayBeListed(InodeId directory, InodeId inode) const = 0;

  // Creation, as the caller: with his ids. RETURNS: EEXIST, ENOENT (the directory was removed), ENOSPC ... REQUIRES: exclusive(directory),
  // prepared.
  virtual Result<CreatedInode> Create(const Caller& caller, InodeId directory, const Name& name, const NodeRequest& request) = 0;
  // A regular file without a name, that Link may give one if it is linkable: O_TMPFILE.
  enum class Linkable { kNo, kYes };
  virtual Result<CreatedInode> CreateUnnamed(const Caller& caller, InodeId directory, uint32_t mode, Linkable linkable) = 0;

  // For these, what a caller may do the kernel has checked by what it was told, which may be old where others use the backing: there it is
  // checked again.
  // As link(2): EPERM (directory), ENOENT (nlink is 0 and it is not linkable), EMLINK, EEXIST. REQUIRES: exclusive(inode, directory).
  virtual Result<Attributes> Link(const Caller& caller, InodeId inode, InodeId directory, const Name& name) = 0;
  // As unlink(2) and rmdir(2): EISDIR, ENOTDIR, ENOTEMPTY. REQUIRES: exclusive(directory, inode). RETURNS: ESTALE when the name is
  // not `inode`'s any longer.
  virtual Result<LostName> Unlink(const Caller& caller, InodeId directory, const Name& name, InodeId inode, Use use) = 0;
  virtual Result<LostName> RemoveDirectory(const Caller& caller, InodeId directory, const Name& name, InodeId inode) = 0;
  // As renameat2(2). RETURNS: the inode that lost its name, if one was replaced. REQUIRES: exclusive(both directories, both inodes);
  // `inode` is what `name` shows, `target` what `new_name` shows (nullopt: nothing), else ESTALE.
  virtual Result<std::optional<LostName>> Rename(const Caller& caller, const RenameRequest& request) = 0;
  // RETURNS: whether `inode` is `below` or one of the directories above it.
  virtual Result<bool> IsAncestor(InodeId inode, InodeId below) const = 0;

  // All of `change` but the size, and xattrs with it (nullopt removes one). A change of the mode changes the access ACL as chmod(2) does.
  // What takes privileges away (kill_suidgid, xattrs) is done for whoever asks. REQUIRES: exclusive(inode).
  virtual Result<Attributes> ChangeAttributes(const Caller& caller, InodeId inode, const AttributeChange& change,
                                              const XattrChanges& xattrs) = 0;
  // FS_*_FL of ioctl_iflags(2). RETURNS: EOPNOTSUPP or ENOTTY where they cannot be kept. REQUIRES: prepared.
  virtual Result<uint32_t> GetFlags(InodeId inode) = 0;
  // REQUIRES: exclusive(inode).
  virtual Result<Attributes> SetFlags(const Caller& caller, InodeId inode, uint32_t flags) = 0;
  // As setxattr(2) and removexattr(2); an ACL changes the mode. REQUIRES: exclusive(inode).
  virtual Result<Attributes> SetXattr(const Caller& caller, InodeId inode, const std::string& name, std::string_view value,
                                      XattrMode mode) = 0;
  virtual Status RemoveXattr(const Caller& caller, InodeId inode, const std::string& name) = 0;

  // RETURNS: EACCES or EPERM for who may not write it (any longer). Any lock may be held.
  virtual Status MayWrite(const Caller& caller, InodeId inode) = 0;
  // RETURNS: the open content of a regular file. REQUIRES: shared(inode) or more.
  virtual Result<std::unique_ptr<BackingFile>> OpenContent(InodeId inode) = 0;
  // RETURNS: attributes as the content shows them now. REQUIRES: exclusive(inode).
  virtual Result<Attributes> RefreshContent(InodeId inode, BackingFile& content, const ContentUse& use) = 0;
  // RETURNS: whether what Stat tells is known to be behind the content. Cheap, and any lock may be held.
  virtual bool IsBehind(InodeId inode) = 0;
  // truncate(2). REQUIRES: exclusive(inode).
  virtual Result<Attributes> Truncate(InodeId inode, BackingFile& content, uint64_t size) = 0;
  // Notes a read that has just happened, by the rule of relatime in mount(8). REQUIRES: exclusive(inode).
  virtual Status NoteRead(InodeId inode) = 0;

  // Has `observer` (null: nobody) told what inodes count for, from now on: first of each that there is, and then of changes. No change is
  // made meanwhile. RETURNS: EOPNOTSUPP where others make changes too; on an error who was told before is told. REQUIRES: no lock held.
  // (Shared, since an operation that is under way may still be counted by the one before.)
  virtual Status CountFor(std::shared_ptr<UsageObserver> observer) = 0;
  // RETURNS: what `inode` counts for, where that is counted. REQUIRES: shared(inode) or more.
  virtual Result<Footprint> FootprintOf(InodeId inode, Directories directories) = 0;

  // Durability. REQUIRES for these: no lock held.
  // fsync of a content, and nothing else.
  virtual Status SyncFile(BackingFile& file) = 0;
  // What is told of an inode besides its content: attributes and names; of a directory the names in it.
  virtual Status SyncInode(InodeId inode) = 0;
  // All names and attributes.
  virtual Status SyncNames() = 0;
  // Everything that was acknowledged.
  virtual Status SyncAll() = 0;
  // RETURNS: whether SyncAll has anything to do.
  virtual bool NeedsSync() = 0;

  // What is put off for a quiet moment.
  // The orphan is used by nobody any longer: its content will be removed, soon. Thread safety: any lock may be held.
  virtual void Reclaim(InodeId orphan) = 0;
  // Removes the contents of up to `limit` reclaimable orphans. RETURNS: how many. REQUIRES: no lock held.
  virtual Result<size_t> ReclaimSome(size_t limit) = 0;
  virtual bool NeedsReclaim() = 0;
  // Does up to `limit` pieces of other work. RETURNS: how many. REQUIRES: no lock held.
  virtual Result<size_t> SettleSome(size_t limit) = 0;
  virtual bool NeedsSettling() const = 0;
  // RETURNS: how many changes this session has made; to see whether there was one.
  virtual uint64_t commits() const = 0;

 private:
  LockTable locks_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_VOLUME_H_
