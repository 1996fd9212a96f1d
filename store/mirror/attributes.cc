// Attributes and xattrs, changed as the caller: who may, the kernel has checked by what it was told of the file, which may be old.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "store/backing/linux_calls.h"
#include "store/base/acl.h"
#include "store/mirror/as_caller.h"
#include "store/mirror/kept_flags.h"
#include "store/mirror/mirror_volume.h"

namespace hardlinkfs {
namespace {

Status ChangeMode(int fd, uint32_t mode) {
  if (chmod(ProcPath(fd).c_str(), mode) != 0) return LastError("chmod");
  return {};
}

Status KillPrivileges(int fd) {
  const Result<BackingStat> seen = StatAt(fd, "");
  if (!seen.ok()) return seen.error();
  if (seen->type == FileType::kDirectory || !IsPrivileged(seen->mode)) return {};
  return ChangeMode(fd, WithoutPrivileges(seen->mode));
}

Status ChangeXattr(int fd, const std::string& name, const std::optional<std::string>& value) {
  const std::string path = ProcPath(fd);
  const int changed =
      value.has_value() ? setxattr(path.c_str(), name.c_str(), value->data(), value->size(), 0) : removexattr(path.c_str(), name.c_str());
  // It was to be gone, and is.
  if (changed != 0 && !value.has_value() && errno == ENODATA) return {};
  if (changed != 0) return LastError("xattr");
  return {};
}

// What is to become now becomes the backing's now, which is the one that its ctime gets.
timespec TimeOf(const std::optional<Timestamp>& time, const std::optional<Timestamp>& now) {
  if (!time.has_value()) return {0, UTIME_OMIT};
  return time == now ? timespec{0, UTIME_NOW} : time->ToTimespec();
}

Status ChangeTimes(int fd, const AttributeChange& change) {
  const timespec times[] = {TimeOf(change.atime, change.ctime), TimeOf(change.mtime, change.ctime)};
  if (utimensat(fd, "", times, AT_EMPTY_PATH) != 0) return LastError("utimensat");
  return {};
}

// The owner may have changed since the kernel was told of him: the backing knows.
Status ChangeAs(const Actor& actor, int fd, const AttributeChange& change) {
  const bool owner_changes = change.uid.has_value() || change.gid.has_value();
  const bool times_change = change.atime.has_value() || change.mtime.has_value();
  if (!owner_changes && !change.mode.has_value() && !times_change) return {};
  const AsCaller as_caller(actor);
  if (!as_caller.status().ok()) return as_caller.status();
  if (owner_changes) {
    constexpr uint32_t kUnchanged = ~0U;
    if (fchownat(fd, "", change.uid.value_or(kUnchanged), change.gid.value_or(kUnchanged), AT_EMPTY_PATH) != 0) return LastError("chown");
  }
  // After the owner: chown clears suid and sgid.
  if (change.mode.has_value()) {
    if (Status changed = ChangeMode(fd, *change.mode); !changed.ok()) return changed;
  }
  return times_change ? ChangeTimes(fd, change) : Status();
}

int XattrFlags(XattrMode mode) {
  switch (mode) {
    case XattrMode::kAny:
      break;
    case XattrMode::kCreate:
      return XATTR_CREATE;
    case XattrMode::kReplace:
      return XATTR_REPLACE;
  }
  return 0;
}

}  // namespace

Result<Attributes> MirrorVolume::ChangeAttributes(const Caller& caller, InodeId inode, const AttributeChange& change,
                                                  const XattrChanges& xattrs) {
  const Result<UniqueFd> fd = OpenInode(inode, O_PATH);
  if (!fd.ok()) return fd.error();
  Result<AttributeChange> admitted = change;
  if (options_.shown.is_other()) {
    const Result<BackingStat> seen = StatAt(fd->get(), "");
    if (!seen.ok()) return seen.error();
    admitted = options_.shown.Admit(caller, seen->type, change);
    if (!admitted.ok()) return admitted.error();
  }
  // What takes privileges away is the server's to do.
  Status changed;
  for (const auto& [name, value] : xattrs) {
    if (changed.ok()) changed = ChangeXattr(fd->get(), name, value);
  }
  if (changed.ok() && change.kill_suidgid) changed = KillPrivileges(fd->get());
  if (changed.ok()) changed = ChangeAs(ActorFor(caller), fd->get(), *admitted);
  if (!changed.ok()) return changed.error();
  return Look(inode, fd->get());
}

// An ACL would say other things than the modes that are shown, and the kernel goes by it. Kept flags are chattr's.
bool MirrorVolume::IsHidden(const std::string& xattr) const {
  if (xattr == kFlagsXattr) return true;
  return !options_.shown.modes.empty() && (xattr == kAccessAclXattr || xattr == kDefaultAclXattr);
}

Result<std::string> MirrorVolume::GetXattr(InodeId inode, const std::string& name) {
  const Result<UniqueFd> fd = OpenInode(inode, O_PATH);
  if (!fd.ok()) return fd.error();
  Result<std::string> value = IsHidden(name) ? Error{ENODATA, "an xattr that is hidden"} : GetXattrOf(fd->get(), name);
  // A filesystem that has none of that kind: for the kernel, which asks for these by itself, no file has one.
  const bool asked_by_kernel = name == kCapabilityXattr || name == kAccessAclXattr || name == kDefaultAclXattr;
  if (value.code() == EOPNOTSUPP && asked_by_kernel) return Error{ENODATA, "the backing has no such xattrs"};
  return value;
}

Result<std::vector<std::string>> MirrorVolume::ListXattrs(InodeId inode) {
  const Result<UniqueFd> fd = OpenInode(inode, O_PATH);
  if (!fd.ok()) return fd.error();
  Result<std::vector<std::string>> names = ListXattrsOf(fd->get());
  if (names.ok()) std::erase_if(*names, [this](const std::string& name) { return IsHidden(name); });
  return names;
}

Result<Attributes> MirrorVolume::SetXattr(const Caller& caller, InodeId inode, const std::string& name, std::string_view value,
                                          XattrMode mode) {
  const Result<UniqueFd> fd = OpenInode(inode, O_PATH);
  if (!fd.ok()) return fd.error();
  if (IsHidden(name)) return Error{EOPNOTSUPP, "an xattr that is hidden"};
  const AsCaller as_caller(ActorFor(caller));
  if (!as_caller.status().ok()) return as_caller.status().error();
  if (setxattr(ProcPath(fd->get()).c_str(), name.c_str(), value.data(), value.size(), XattrFlags(mode)) != 0) return LastError("setxattr");
  return Look(inode, fd->get());
}

Result<uint32_t> MirrorVolume::GetFlags(InodeId inode) {
  const Result<UniqueFd> fd = OpenInode(inode, O_RDONLY | O_NONBLOCK);
  if (!fd.ok()) return fd.error();
  if (!capabilities_.inode_flags) return KeptFlags(fd->get());
  unsigned flags = 0;
  if (ioctl(fd->get(), FS_IOC_GETFLAGS, &flags) != 0) return LastError("FS_IOC_GETFLAGS");
  return flags;
}

Result<Attributes> MirrorVolume::SetFlags(const Caller& caller, InodeId inode, uint32_t flags) {
  const Result<UniqueFd> fd = OpenInode(inode, O_RDONLY | O_NONBLOCK);
  if (!fd.ok()) return fd.error();
  if (!capabilities_.inode_flags) {
    // Who may, has been checked; the xattr is the server's.
    if (Status keeps = KeepFlags(fd->get(), flags); !keeps.ok()) return keeps.error();
    return Look(inode, fd->get());
  }
  const AsCaller as_caller(ActorFor(caller));
  if (!as_caller.status().ok()) return as_caller.status().error();
  if (ioctl(fd->get(), FS_IOC_SETFLAGS, &flags) != 0) return LastError("FS_IOC_SETFLAGS");
  return Look(inode, fd->get());
}

Status MirrorVolume::RemoveXattr(const Caller& caller, InodeId inode, const std::string& name) {
  if (IsHidden(name)) return Error{EOPNOTSUPP, "an xattr that is hidden"};
  const Result<UniqueFd> fd = OpenInode(inode, O_PATH);
  if (!fd.ok()) return fd.error();
  const AsCaller as_caller(ActorFor(caller));
  if (!as_caller.status().ok()) return as_caller.status();
  if (removexattr(ProcPath(fd->get()).c_str(), name.c_str()) != 0) return LastError("removexattr");
  return {};
}

}  // namespace hardlinkfs
