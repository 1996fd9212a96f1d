// Attributes and xattrs. Who may change what the kernel has checked (default_permissions); so the server does it with its own rights.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "store/backing/linux_calls.h"
#include "store/mirror/as_caller.h"
#include "store/mirror/mirror_volume.h"
#include "store/volume/acl.h"

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
  const int changed = value.has_value() ? setxattr(path.c_str(), name.c_str(), value->data(), value->size(), 0)
                                        : removexattr(path.c_str(), name.c_str());
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

Result<Attributes> MirrorVolume::ChangeAttributes(InodeId inode, const AttributeChange& change, const XattrChanges& xattrs) {
  const Result<UniqueFd> fd = OpenInode(inode, O_PATH);
  if (!fd.ok()) return fd.error();
  Status changed;
  if (change.uid.has_value() || change.gid.has_value()) {
    constexpr uint32_t kUnchanged = ~0U;
    const uint32_t uid = change.uid.value_or(kUnchanged);
    if (fchownat(fd->get(), "", uid, change.gid.value_or(kUnchanged), AT_EMPTY_PATH) != 0) return LastError("chown");
  }
  // After the owner: chown clears suid and sgid.
  if (change.mode.has_value()) changed = ChangeMode(fd->get(), *change.mode);
  if (changed.ok() && change.kill_suidgid) changed = KillPrivileges(fd->get());
  for (const auto& [name, value] : xattrs) {
    if (changed.ok()) changed = ChangeXattr(fd->get(), name, value);
  }
  if (changed.ok() && (change.atime.has_value() || change.mtime.has_value())) changed = ChangeTimes(fd->get(), change);
  if (!changed.ok()) return changed.error();
  const Result<BackingStat> seen = StatAt(fd->get(), "");
  if (!seen.ok()) return seen.error();
  return Show(inode, *seen);
}

Result<std::string> MirrorVolume::GetXattr(InodeId inode, const std::string& name) {
  const Result<UniqueFd> fd = OpenInode(inode, O_PATH);
  if (!fd.ok()) return fd.error();
  return GetXattrOf(fd->get(), name);
}

Result<std::vector<std::string>> MirrorVolume::ListXattrs(InodeId inode) {
  const Result<UniqueFd> fd = OpenInode(inode, O_PATH);
  if (!fd.ok()) return fd.error();
  return ListXattrsOf(fd->get());
}

Result<Attributes> MirrorVolume::SetXattr(const Caller& caller, InodeId inode, const std::string& name, std::string_view value,
                                          XattrMode mode) {
  const Result<UniqueFd> fd = OpenInode(inode, O_PATH);
  if (!fd.ok()) return fd.error();
  // Whether sgid stays depends on who sets an ACL.
  std::optional<AsCaller> as_caller;
  if (name == kAccessAclXattr) {
    as_caller.emplace(caller);
    if (!as_caller->status().ok()) return as_caller->status().error();
  }
  if (setxattr(ProcPath(fd->get()).c_str(), name.c_str(), value.data(), value.size(), XattrFlags(mode)) != 0) return LastError("setxattr");
  const Result<BackingStat> seen = StatAt(fd->get(), "");
  if (!seen.ok()) return seen.error();
  return Show(inode, *seen);
}

Status MirrorVolume::RemoveXattr(InodeId inode, const std::string& name) {
  const Result<UniqueFd> fd = OpenInode(inode, O_PATH);
  if (!fd.ok()) return fd.error();
  if (removexattr(ProcPath(fd->get()).c_str(), name.c_str()) != 0) return LastError("removexattr");
  return {};
}

}  // namespace hardlinkfs
