#include "mount-helpers/explain_room.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/quota.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>

#include "mount-helpers/explain_device.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {
namespace {

constexpr uint64_t kQuotaBlock = 1024;  // QIF_DQBLKSIZE

int Quotactl(int fd, unsigned command, QuotaKind kind, uint32_t id, void* argument) {
  const unsigned type = kind == QuotaKind::kUser ? USRQUOTA : (kind == QuotaKind::kGroup ? GRPQUOTA : PRJQUOTA);
  return syscall(SYS_quotactl_fd, fd, QCMD(command, type), id, argument) == 0 ? 0 : errno;
}

// Accounting alone refuses nothing. RETURNS: whether limits of this kind hold there.
bool IsEnforced(int fd, QuotaKind kind) {
  fs_quota_stat state{};
  if (Quotactl(fd, Q_XGETQSTAT, kind, 0, &state) != 0) return false;
  const unsigned flag = kind == QuotaKind::kUser ? FS_QUOTA_UDQ_ENFD : (kind == QuotaKind::kGroup ? FS_QUOTA_GDQ_ENFD : FS_QUOTA_PDQ_ENFD);
  return (state.qs_flags & flag) != 0;
}

ExplainedQuota QuotaOf(int fd, QuotaKind kind, uint32_t id) {
  ExplainedQuota quota{.kind = kind, .id = id};
  if_dqblk found{};
  quota.error = Quotactl(fd, Q_GETQUOTA, kind, id, &found);
  // Whom nobody has given a limit, and who has nothing, need not be known there.
  if (quota.error == ENOENT || quota.error == ESRCH) quota.error = 0;
  quota.used = found.dqb_curspace;
  quota.hard_limit = found.dqb_bhardlimit * kQuotaBlock;
  quota.soft_limit = found.dqb_bsoftlimit * kQuotaBlock;
  quota.grace_is_over = found.dqb_btime != 0 && static_cast<time_t>(found.dqb_btime) <= std::time(nullptr);
  return quota;
}

// Before Linux 5.14 there is no such call, and no filesystem without quotas has it; its options tell which of both.
bool IsSaidToHaveQuotas(int fd, const ExplainedMount& mount) {
  fs_quota_stat state{};
  if (Quotactl(fd, Q_XGETQSTAT, QuotaKind::kUser, 0, &state) != ENOSYS) return false;
  const std::vector<std::string>& options = mount.entry.super_options;
  return std::any_of(options.begin(), options.end(), [](const std::string& option) {
    return option == "quota" || option.starts_with("usr") || option.starts_with("grp") || option.starts_with("prj");
  });
}

void ReadQuotas(int fd, const ExplainedInode& inode, ExplainedRoom& room) {
  if (IsSaidToHaveQuotas(fd, inode.mount)) {
    room.quotas.push_back({.kind = QuotaKind::kUser, .id = inode.attributes.uid, .error = ENOSYS});
    return;
  }
  if (IsEnforced(fd, QuotaKind::kUser)) room.quotas.push_back(QuotaOf(fd, QuotaKind::kUser, inode.attributes.uid));
  if (IsEnforced(fd, QuotaKind::kGroup)) room.quotas.push_back(QuotaOf(fd, QuotaKind::kGroup, inode.attributes.gid));
  if (IsEnforced(fd, QuotaKind::kProject) && inode.project.has_value()) {
    room.quotas.push_back(QuotaOf(fd, QuotaKind::kProject, *inode.project));
  }
}

using Listing = std::unique_ptr<DIR, int (*)(DIR*)>;

// Looking changes nothing, not even when the directory was last looked at, where that can be had. RETURNS: null when it cannot be listed.
Listing OpenListing(const std::string& path) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  int fd = open(path.c_str(), kFlags | O_NOATIME);
  if (fd < 0 && errno == EPERM) fd = open(path.c_str(), kFlags);
  Listing listing(fd < 0 ? nullptr : fdopendir(fd), closedir);
  if (listing == nullptr && fd >= 0) close(fd);
  return listing;
}

// What the entries of a directory of ext4 take, "." and ".." among them: each is a header of 8 bytes and the name, to a multiple of 4.
std::optional<uint64_t> EntriesBytes(const std::string& path) {
  const Listing directory = OpenListing(path);
  if (directory == nullptr) return std::nullopt;
  uint64_t bytes = 0;
  errno = 0;
  while (const dirent* const entry = readdir(directory.get())) bytes += (8 + std::strlen(entry->d_name) + 3) / 4 * 4;
  return errno == 0 ? std::optional(bytes) : std::nullopt;
}

// More than this is not free, whatever gaps there are. Of directories of several blocks, or with entries of another form, nothing is known.
std::optional<uint64_t> FreeForName(const ExplainedInode& directory, uint64_t block_bytes) {
  const bool is_one_block = directory.attributes.type == FileType::kDirectory && directory.attributes.size == block_bytes;
  if (!is_one_block || directory.is_encrypted) return std::nullopt;
  const std::optional<uint64_t> taken = EntriesBytes(directory.path);
  if (!taken.has_value() || *taken > block_bytes) return std::nullopt;
  return block_bytes - *taken;
}

}  // namespace

ExplainedRoom RoomAt(const ExplainedInode& inode) {
  ExplainedRoom room;
  const UniqueFd fd(open(inode.path.c_str(), O_PATH | O_CLOEXEC));
  struct statfs found {};
  if (inode.look_error != 0 || !fd.valid() || fstatfs(fd.get(), &found) != 0) return room;
  room.is_known = true;
  room.block_bytes = static_cast<uint64_t>(found.f_bsize);
  room.blocks = found.f_blocks;
  room.free_blocks = found.f_bfree;
  room.available_blocks = found.f_bavail;
  room.inodes = found.f_files;
  room.free_inodes = found.f_ffree;
  ReadQuotas(fd.get(), inode, room);
  const bool is_tight = room.available_blocks == 0 || !room.quotas.empty();
  if (!is_tight || inode.mount.driver != "ext4") return room;
  room.held_blocks = Ext4Number(inode.mount.entry, "reserved_clusters");
  room.has_inline_data = HasInlineData(inode.mount.entry);
  room.name_bytes = FreeForName(inode, room.block_bytes);
  return room;
}

std::optional<bool> IsEmptyDirectory(const std::string& path) {
  const Listing directory = OpenListing(path);
  if (directory == nullptr) return std::nullopt;
  errno = 0;
  while (const dirent* const entry = readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") return false;
  }
  return errno == 0 ? std::optional(true) : std::nullopt;
}

}  // namespace hardlinkfs
