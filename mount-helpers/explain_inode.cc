#include "mount-helpers/explain_inode.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <cerrno>
#include <fstream>

#include "mount-helpers/explain_device.h"
#include "mount-helpers/explain_filesystems.h"
#include "policy/flags.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {
namespace {

// Through a descriptor of O_PATH most calls are refused; through its name here they are not.
std::string ProcPath(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

// Also where stat(2) is refused, and before Linux 5.8.
uint64_t MountIdOf(int fd) {
  std::ifstream info("/proc/self/fdinfo/" + std::to_string(fd));
  for (std::string key; info >> key;) {
    uint64_t id = 0;
    if (key == "mnt_id:" && info >> id) return id;
  }
  return 0;
}

void ReadAcl(int fd, ExplainedInode& inode) {
  if (inode.attributes.type == FileType::kSymlink) return;
  std::string value(65536, '\0');
  const ssize_t size = getxattr(ProcPath(fd).c_str(), std::string(kAccessAclXattr).c_str(), value.data(), value.size());
  if (size < 0) {
    inode.knows_acl = errno == ENODATA || errno == EOPNOTSUPP;
    return;
  }
  const Result<Acl> acl = ParseAcl({value.data(), static_cast<size_t>(size)});
  inode.knows_acl = acl.ok();
  if (acl.ok()) inode.acl = *acl;
}

std::string UserName(uid_t uid) {
  const passwd* const entry = getpwuid(uid);
  return entry == nullptr ? std::string() : entry->pw_name;
}

std::string GroupName(gid_t gid) {
  const group* const entry = getgrgid(gid);
  return entry == nullptr ? std::string() : entry->gr_name;
}

void TakeAttributes(const struct statx& seen, ExplainedInode& inode) {
  Attributes& attributes = inode.attributes;
  attributes.number = seen.stx_ino;
  attributes.type = TypeOfMode(seen.stx_mode);
  attributes.mode = seen.stx_mode & 07777U;
  attributes.uid = seen.stx_uid;
  attributes.gid = seen.stx_gid;
  attributes.nlink = seen.stx_nlink;
  attributes.size = seen.stx_size;
  attributes.blocks = seen.stx_blocks;
  inode.device = makedev(seen.stx_dev_major, seen.stx_dev_minor);
  inode.owner = UserName(seen.stx_uid);
  inode.group = GroupName(seen.stx_gid);
  inode.is_mount_root = (seen.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  inode.is_encrypted = (seen.stx_attributes & STATX_ATTR_ENCRYPTED) != 0;
  constexpr uint64_t kFlags = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND;
  if ((seen.stx_attributes_mask & kFlags) != kFlags) return;
  inode.flags = ((seen.stx_attributes & STATX_ATTR_IMMUTABLE) != 0 ? unsigned{FS_IMMUTABLE_FL} : 0U) |
                ((seen.stx_attributes & STATX_ATTR_APPEND) != 0 ? unsigned{FS_APPEND_FL} : 0U);
}

bool HasNoSuchIoctl(int code) { return code == ENOTTY || code == EOPNOTSUPP || code == EINVAL || code == ENOSYS; }

}  // namespace

ExplainedMount InodeReader::MountOf(uint64_t id) {
  const auto known = mounts_.find(id);
  if (known != mounts_.end()) return known->second;
  ExplainedMount mount;
  for (const MountEntry& entry : table_) {
    if (entry.id == id) mount.entry = entry;
  }
  mount.entry.id = id;  // of one that no path of ours leads to, nothing else is known
  mount.driver = DriverOf(mount.entry);
  return mounts_.emplace(id, mount).first->second;
}

ExplainedInode InodeReader::Read(int fd, const std::string& path) {
  ExplainedInode inode;
  inode.path = path;
  inode.mount = MountOf(MountIdOf(fd));
  struct statx seen {};
  if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &seen) != 0) {
    inode.look_error = errno;
    return inode;
  }
  TakeAttributes(seen, inode);
  ReadAcl(fd, inode);
  return inode;
}

void InodeReader::ReadMore(int fd, ExplainedInode& inode) const {
  const bool is_ordinary = inode.attributes.type == FileType::kRegular || inode.attributes.type == FileType::kDirectory;
  if (inode.look_error != 0) return;
  if (!is_ordinary) {
    // Only those two take chattr(1).
    if (!inode.flags.has_value()) inode.flags = 0;
    return;
  }
  const UniqueFd file(open(ProcPath(fd).c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file.valid()) return;
  fsxattr extended{};
  if (ioctl(file.get(), FS_IOC_FSGETXATTR, &extended) == 0) {
    inode.project = extended.fsx_projid;
    inode.passes_project_on = (extended.fsx_xflags & FS_XFLAG_PROJINHERIT) != 0;
  }
  if (inode.flags.has_value() && !IsFuse(inode.mount.driver)) return;
  unsigned flags = 0;
  if (ioctl(file.get(), FS_IOC_GETFLAGS, &flags) == 0) {
    inode.flags = flags & kKnownFlags;
  } else if (HasNoSuchIoctl(errno)) {
    inode.flags = 0;
  }
}

}  // namespace hardlinkfs
