// Operations on attributes: stat and statx, setattr, statfs, xattrs.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "fuse/lowlevel/operations.h"
#include "fuse/lowlevel/reply.h"

namespace hardlinkfs {
namespace {

Status GetAttributes(Server& server, fuse_req_t request, fuse_ino_t inode, fuse_file_info* /*file*/) {
  const Result<Attributes> attributes = server.vfs.GetAttributes(InodeId{inode});
  if (!attributes.ok()) return attributes.error();
  const struct stat out = ToStat(*attributes);
  fuse_reply_attr(request, &out, TimeoutOf(server, *attributes));
  return {};
}

// UTIME_NOW is the server's time, although the kernel fills its own in: that one is coarse, and would lie before stamps already given here.
std::optional<Timestamp> TimeOf(int to_set, int set, int set_now, const timespec& time, Timestamp now) {
  if ((to_set & set_now) != 0) return now;
  if ((to_set & set) != 0) return Timestamp::From(time);
  return std::nullopt;
}

AttributeChange ToChange(const struct stat& attributes, int to_set, Timestamp now) {
  AttributeChange change;
  if ((to_set & FUSE_SET_ATTR_MODE) != 0) change.mode = attributes.st_mode & 07777U;
  if ((to_set & FUSE_SET_ATTR_UID) != 0) change.uid = attributes.st_uid;
  if ((to_set & FUSE_SET_ATTR_GID) != 0) change.gid = attributes.st_gid;
  if ((to_set & FUSE_SET_ATTR_SIZE) != 0) change.size = static_cast<uint64_t>(attributes.st_size);
  change.atime = TimeOf(to_set, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW, attributes.st_atim, now);
  change.mtime = TimeOf(to_set, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW, attributes.st_mtim, now);
  // One time for all that becomes now: of a mailbox, an mtime after the atime means new mail.
  if ((to_set & (FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW)) != 0) change.ctime = now;
  if ((to_set & FUSE_SET_ATTR_CTIME) != 0) change.ctime = Timestamp::From(attributes.st_ctim);
  // The kernel's one bit FATTR_KILL_SUIDGID; libfuse's name for the next one, KILL_SGID, has no counterpart there. Before a write that
  // takes privileges away, also one by passthrough, the kernel sends a request that sets nothing (fuse_setattr strips the rest), and takes
  // the mode from its reply; what it caches would stay privileged otherwise.
  change.kill_suidgid = (to_set & FUSE_SET_ATTR_KILL_SUID) != 0 || to_set == 0;
  return change;
}

Status SetAttributes(Server& server, fuse_req_t request, fuse_ino_t inode, struct stat* attributes, int to_set, fuse_file_info* file) {
  AttributeChange change = ToChange(*attributes, to_set, server.clock.Now());
  change.by_open = file != nullptr;
  const Result<Attributes> changed = server.vfs.SetAttributes(CallerOf(request), InodeId{inode}, change);
  if (!changed.ok()) return changed.error();
  const struct stat out = ToStat(*changed);
  fuse_reply_attr(request, &out, TimeoutOf(server, *changed));
  return {};
}

statx_timestamp ToStatxTime(const Timestamp& time) {
  statx_timestamp out{};
  out.tv_sec = time.seconds;
  out.tv_nsec = time.nanoseconds;
  return out;
}

// Linux asks by STATX only when a program wants the time of birth.
Status GetStatx(Server& server, fuse_req_t request, fuse_ino_t inode, int /*flags*/, int /*mask*/, fuse_file_info* /*file*/) {
  const Result<Attributes> found = server.vfs.GetAttributes(InodeId{inode});
  if (!found.ok()) return found.error();
  const Attributes& attributes = *found;
  struct statx out {};
  out.stx_mask = STATX_BASIC_STATS | STATX_BTIME;
  out.stx_blksize = 4096;
  out.stx_nlink = attributes.nlink;
  out.stx_uid = attributes.uid;
  out.stx_gid = attributes.gid;
  out.stx_mode = static_cast<uint16_t>(ModeBits(attributes.type) | attributes.mode);
  out.stx_ino = attributes.number;
  out.stx_size = attributes.size;
  out.stx_blocks = attributes.blocks;
  out.stx_atime = ToStatxTime(attributes.atime);
  out.stx_btime = ToStatxTime(attributes.btime);
  out.stx_ctime = ToStatxTime(attributes.ctime);
  out.stx_mtime = ToStatxTime(attributes.mtime);
  out.stx_rdev_major = major(attributes.rdev);
  out.stx_rdev_minor = minor(attributes.rdev);
  fuse_reply_statx(request, 0, &out, TimeoutOf(server, attributes));
  return {};
}

Status Statfs(Server& server, fuse_req_t request, fuse_ino_t /*inode*/) {
  const Result<FilesystemUsage> usage = server.vfs.Statfs();
  if (!usage.ok()) return usage.error();
  struct statvfs out {};
  out.f_bsize = usage->block_size;
  out.f_frsize = usage->block_size;
  out.f_blocks = usage->blocks;
  out.f_bfree = usage->free_blocks;
  out.f_bavail = usage->available_blocks;
  out.f_files = usage->inodes;
  out.f_ffree = usage->free_inodes;
  out.f_favail = usage->free_inodes;
  out.f_namemax = usage->max_name_bytes;
  fuse_reply_statfs(request, &out);
  return {};
}

// The answer to getxattr(2) and listxattr(2): the size alone when that was asked for (0).
Status ReplyXattr(fuse_req_t request, const std::string& value, size_t size) {
  if (size == 0) {
    fuse_reply_xattr(request, value.size());
    return {};
  }
  if (value.size() > size) return Error{ERANGE, "xattr: the buffer is too small"};
  fuse_reply_buf(request, value.data(), value.size());
  return {};
}

Status GetXattr(Server& server, fuse_req_t request, fuse_ino_t inode, const char* name, size_t size) {
  const Result<std::string> value = server.vfs.GetXattr(InodeId{inode}, name);
  if (!value.ok()) return value.error();
  return ReplyXattr(request, *value, size);
}

Status ListXattrs(Server& server, fuse_req_t request, fuse_ino_t inode, size_t size) {
  const Result<std::vector<std::string>> names = server.vfs.ListXattrs(CallerOf(request), InodeId{inode});
  if (!names.ok()) return names.error();
  std::string list;
  for (const std::string& name : *names) list.append(name).push_back('\0');
  return ReplyXattr(request, list, size);
}

Result<XattrMode> ToXattrMode(int flags) {
  switch (flags) {
    case 0:
      return XattrMode::kAny;
    case XATTR_CREATE:
      return XattrMode::kCreate;
    case XATTR_REPLACE:
      return XattrMode::kReplace;
    default:
      return Error{EINVAL, "setxattr: unknown flags"};
  }
}

Status SetXattr(Server& server, fuse_req_t request, fuse_ino_t inode, const char* name, const char* value, size_t size, int flags) {
  const Result<XattrMode> mode = ToXattrMode(flags);
  if (!mode.ok()) return mode.error();
  return ReplyDone(request, server.vfs.SetXattr(CallerOf(request), InodeId{inode}, name, {value, size}, *mode));
}

Status RemoveXattr(Server& server, fuse_req_t request, fuse_ino_t inode, const char* name) {
  return ReplyDone(request, server.vfs.RemoveXattr(CallerOf(request), InodeId{inode}, name));
}

}  // namespace

void AddAttributeOperations(fuse_lowlevel_ops& table) {
  table.getattr = Guard<GetAttributes>::Call;
  table.setattr = Guard<SetAttributes>::Call;
  table.statx = Guard<GetStatx>::Call;
  table.statfs = Guard<Statfs>::Call;
  table.getxattr = Guard<GetXattr>::Call;
  table.listxattr = Guard<ListXattrs>::Call;
  table.setxattr = Guard<SetXattr>::Call;
  table.removexattr = Guard<RemoveXattr>::Call;
}

}  // namespace hardlinkfs
