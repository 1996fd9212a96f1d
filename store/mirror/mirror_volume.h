// MirrorVolume: the regime where the backing has authority over names: an ordinary filesystem, which others use at the same time, is shown
// as it is. Nothing is kept here but which file a number stands for, so an answer is as true as one of the backing itself at that moment;
// the backing also does what a catalog would have to imitate (ACLs, inheritance, times, durability).
//
// What each function of Volume promises volume.h says; here is what is particular. The locks of Volume are not needed here: the backing has
// its own.
#ifndef HARDLINKFS_STORE_MIRROR_MIRROR_VOLUME_H_
#define HARDLINKFS_STORE_MIRROR_MIRROR_VOLUME_H_

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/base/capabilities.h"
#include "store/base/result.h"
#include "store/base/unique_fd.h"
#include "store/mirror/as_caller.h"
#include "store/mirror/inode_numbers.h"
#include "store/mirror/mounts.h"
#include "store/mirror/node_table.h"
#include "store/mirror/shown_as.h"
#include "store/mirror/watcher.h"
#include "store/volume/volume.h"

namespace hardlinkfs {

// How a file is found again that was looked up before.
enum class Reopening {
  kByHandle,     // takes no descriptor; needs CAP_DAC_READ_SEARCH, and a filesystem that has handles
  kByDescriptor  // each file that the kernel knows costs one
};

enum class Watching { kIfPossible, kNever };
// What is mounted below the source.
enum class Submounts { kHide, kFollow };

struct MirrorOptions {
  Watching watching = Watching::kIfPossible;
  Submounts submounts = Submounts::kHide;
  RootMount mount = RootMount::kShared;
  ShownAs shown;
  size_t max_held = 4096;  // files without a name that are kept known, each by a descriptor
};

class MirrorVolume final : public Volume {
 public:
  // `root` is the directory to show, open for reading. No other session has the same `generation`, so that a number that an NFS client has
  // from there is not taken for one of this. RETURNS: as the backing.
  static Result<std::unique_ptr<MirrorVolume>> Open(UniqueFd root, Reopening reopening, const Capabilities& capabilities,
                                                    uint64_t generation, MirrorOptions options);

  // What others wrote is theirs to sync, and so it is with an unmount of a bind mount.
  Status Close() override { return {}; }
  // Tells `observer` as soon as the kernel tells us, if it does.
  void Observe(ChangeObserver* observer) override;
  const Capabilities& capabilities() const override { return capabilities_; }
  Result<BackingSpace> Space() override;
  VolumeHealth Health() override { return {}; }

  Status Prepare(InodeId /*inode*/) override { return {}; }
  Status PrepareDirectory(InodeId /*directory*/) override { return {}; }
  bool IsPrepared(InodeId /*inode*/) const override { return true; }

  // names.cc
  Result<Attributes> Stat(InodeId inode) override;
  Result<InodeRef> Lookup(InodeId directory, const Name& name) override;
  Result<InodeRef> Parent(InodeId directory) override;
  Result<std::vector<NameOfInode>> NamesOf(InodeId /*inode*/, const NamePosition& /*after*/) override {
    return Error{EOPNOTSUPP, "the backing does not tell the names of a file"};
  }
  Result<std::string> PathOf(InodeId directory) override;
  Result<std::string> ReadLink(InodeId inode) override;
  Result<std::unique_ptr<DirectoryStream>> OpenDirectory(InodeId directory) override;
  Result<std::vector<ListedName>> List(InodeId directory, DirectoryStream& stream, uint64_t offset) override;
  bool MayBeListed(InodeId /*directory*/, InodeId /*inode*/) const override { return true; }
  Result<Attributes> Link(const Caller& caller, InodeId inode, InodeId directory, const Name& name) override;
  Result<LostName> Unlink(const Caller& caller, InodeId directory, const Name& name, InodeId inode, Use use) override;
  Result<LostName> RemoveDirectory(const Caller& caller, InodeId directory, const Name& name, InodeId inode) override;
  Result<std::optional<LostName>> Rename(const Caller& caller, const RenameRequest& request) override;
  // The backing finds that out itself.
  Result<bool> IsAncestor(InodeId /*inode*/, InodeId /*below*/) const override { return false; }

  // create.cc
  Result<CreatedInode> Create(const Caller& caller, InodeId directory, const Name& name, const NodeRequest& request) override;
  Result<CreatedInode> CreateUnnamed(const Caller& caller, InodeId directory, uint32_t mode, Linkable linkable) override;

  // attributes.cc
  Result<Attributes> ChangeAttributes(const Caller& caller, InodeId inode, const AttributeChange& change,
                                      const XattrChanges& xattrs) override;
  Result<std::string> GetXattr(InodeId inode, const std::string& name) override;
  Result<std::vector<std::string>> ListXattrs(InodeId inode) override;
  Result<Attributes> SetXattr(const Caller& caller, InodeId inode, const std::string& name, std::string_view value,
                              XattrMode mode) override;
  Result<uint32_t> GetFlags(InodeId inode) override;
  Result<Attributes> SetFlags(const Caller& caller, InodeId inode, uint32_t flags) override;
  Status RemoveXattr(const Caller& caller, InodeId inode, const std::string& name) override;

  // content.cc
  Status MayWrite(const Caller& caller, InodeId inode) override;
  Result<std::unique_ptr<BackingFile>> OpenContent(InodeId inode) override;
  Result<Attributes> RefreshContent(InodeId inode, BackingFile& content, const ContentUse& use) override;
  bool IsBehind(InodeId /*inode*/) override { return false; }
  Result<Attributes> Truncate(InodeId inode, BackingFile& content, uint64_t size) override;
  Status NoteRead(InodeId /*inode*/) override { return {}; }  // the backing has noted it
  // The backing has quotas of its own.
  Status CountFor(std::shared_ptr<UsageObserver> observer) override {
    return observer == nullptr ? Status() : Error{EOPNOTSUPP, "quotas are the backing's own"};
  }
  Result<Footprint> FootprintOf(InodeId /*inode*/, Directories /*directories*/) override {
    return Error{EOPNOTSUPP, "quotas are the backing's own"};
  }
  Status SyncFile(BackingFile& file) override { return file.Sync(); }
  Status SyncInode(InodeId inode) override;
  Status SyncNames() override { return SyncAll(); }
  Status SyncAll() override;

  // Nothing is put off.
  bool NeedsSync() override { return false; }
  void Reclaim(InodeId /*orphan*/) override {}
  Result<size_t> ReclaimSome(size_t /*limit*/) override { return size_t{0}; }
  bool NeedsReclaim() override { return false; }
  Result<size_t> SettleSome(size_t /*limit*/) override { return size_t{0}; }
  bool NeedsSettling() const override { return false; }
  uint64_t commits() const override { return 0; }

 private:
  struct Root {
    UniqueFd fd;
    FileKey key;
    BackingStat seen;
    int mount_id = 0;  // with kByHandle
  };
  MirrorVolume(Root root, Reopening reopening, const Capabilities& capabilities, uint64_t generation, MirrorOptions options);

  // RETURNS: a descriptor of the file (O_PATH with these flags, else as open(2)); ESTALE when it is gone.
  Result<UniqueFd> OpenInode(InodeId inode, int flags) const;
  // A file without a name has no handle that may be opened, and may still be in use: a program that was looking it up when another was
  // renamed over it, a working directory.
  class LastName;
  Actor ActorFor(const Caller& caller) const { return {caller, options_.shown.is_other() ? Rights::kServers : Rights::kCallers}; }
  // attributes.cc
  bool IsHidden(const std::string& xattr) const;
  // RETURNS: what is shown of the inode that `fd` refers to, and `stat` was seen of.
  Result<Attributes> Show(InodeId inode, int fd, const BackingStat& stat);
  // RETURNS: what `fd`, which refers to it, shows of the inode.
  Result<Attributes> Look(InodeId inode, int fd);
  // names.cc. unlink(2) and rmdir(2), by the flags of unlinkat(2).
  Result<LostName> Remove(const Caller& caller, InodeId directory, const Name& name, InodeId inode, int flags);
  // RETURNS: the handle of what `name` shows, in a mount that is known; EXDEV in one that is not to be followed.
  Result<FileKey> HandleOf(int directory_fd, const char* name);
  // RETURNS: the number of what `name` shows in a directory, or of what `fd` refers to when it is empty.
  Result<InodeRef> Number(int directory_fd, const char* name);

  const UniqueFd root_;
  const Reopening reopening_;
  const Capabilities capabilities_;
  const uint64_t generation_;
  const MirrorOptions options_;
  NodeTable nodes_;
  Mounts mounts_;
  InodeNumbers numbers_;
  std::unique_ptr<Watcher> watcher_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_MIRROR_MIRROR_VOLUME_H_
