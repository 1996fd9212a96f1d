#include "mount-helpers/explain_filesystems.h"

#include <algorithm>
#include <array>

namespace hardlinkfs {
namespace {

constexpr Trait kYes = Trait::kYes;
constexpr Trait kNo = Trait::kNo;
constexpr Trait kUnknown = Trait::kUnknown;
constexpr PermissionsBy kServer = PermissionsBy::kServer;

// From the kernel's sources: whether the directories' inode_operations have .link, and s_max_links or the filesystem's own limit.
constexpr std::array kTraits = {
    FilesystemTraits{"ext2", kYes, 32000},
    FilesystemTraits{"ext3", kYes, 32000},
    FilesystemTraits{"ext4", kYes, 65000},
    FilesystemTraits{"xfs", kYes, 0x7FFFFFFF},
    FilesystemTraits{"btrfs", kYes, 65535},
    FilesystemTraits{"f2fs", kYes, 0xFFFFFFFF},
    FilesystemTraits{"jfs", kYes},
    FilesystemTraits{"nilfs2", kYes, 32000},
    FilesystemTraits{"bcachefs", kYes},
    FilesystemTraits{"zfs", kYes},
    FilesystemTraits{"ubifs", kYes},
    FilesystemTraits{"hfsplus", kYes},
    FilesystemTraits{"ntfs3", kYes},
    FilesystemTraits{"udf", kYes},
    FilesystemTraits{"overlay", kYes},
    FilesystemTraits{"tmpfs", kYes, kNoLinkLimit},
    FilesystemTraits{"devtmpfs", kYes, kNoLinkLimit},
    FilesystemTraits{"ramfs", kYes, kNoLinkLimit},
    FilesystemTraits{"hostfs", kYes},
    FilesystemTraits{"vfat", kNo},
    FilesystemTraits{"msdos", kNo},
    FilesystemTraits{"exfat", kNo},
    FilesystemTraits{"hfs", kNo},
    FilesystemTraits{"proc", kNo, kUnknownLinkLimit, kNo},
    FilesystemTraits{"sysfs", kNo, kUnknownLinkLimit, kNo},
    FilesystemTraits{"cgroup", kNo, kUnknownLinkLimit, kUnknown},
    FilesystemTraits{"cgroup2", kNo, kUnknownLinkLimit, kNo},
    FilesystemTraits{"devpts", kNo, kUnknownLinkLimit, kNo},
    FilesystemTraits{"debugfs", kNo, kUnknownLinkLimit, kNo},
    FilesystemTraits{"securityfs", kNo, kUnknownLinkLimit, kNo},
    FilesystemTraits{"fusectl", kNo, kUnknownLinkLimit, kNo},
    FilesystemTraits{"binfmt_misc", kNo, kUnknownLinkLimit, kNo},
    FilesystemTraits{"squashfs", kNo, kUnknownLinkLimit, kNo},
    FilesystemTraits{"erofs", kNo, kUnknownLinkLimit, kNo},
    FilesystemTraits{"iso9660", kNo, kUnknownLinkLimit, kNo},
    FilesystemTraits{"cramfs", kNo, kUnknownLinkLimit, kNo},
    FilesystemTraits{"romfs", kNo, kUnknownLinkLimit, kNo},
    FilesystemTraits{"tracefs", kUnknown, kUnknownLinkLimit, kUnknown},
    FilesystemTraits{"configfs", kUnknown, kUnknownLinkLimit, kUnknown},
    FilesystemTraits{"efivarfs", kUnknown, kUnknownLinkLimit, kUnknown},
    FilesystemTraits{"mqueue", kUnknown, kUnknownLinkLimit, kUnknown},
    FilesystemTraits{"hugetlbfs", kUnknown, kUnknownLinkLimit, kUnknown},
    FilesystemTraits{"bpf", kUnknown, kUnknownLinkLimit, kUnknown},
    FilesystemTraits{"autofs", kUnknown, kUnknownLinkLimit, kUnknown},
    FilesystemTraits{"rootfs", kYes, kNoLinkLimit},
    FilesystemTraits{"minix", kYes},
    FilesystemTraits{"nfs", kUnknown, kUnknownLinkLimit, kYes, kServer},
    FilesystemTraits{"nfs4", kUnknown, kUnknownLinkLimit, kYes, kServer},
    FilesystemTraits{"cifs", kUnknown, kUnknownLinkLimit, kYes, kServer},
    FilesystemTraits{"smb3", kUnknown, kUnknownLinkLimit, kYes, kServer},
    FilesystemTraits{"9p", kUnknown, kUnknownLinkLimit, kYes, kServer},
    FilesystemTraits{"ceph", kYes, kUnknownLinkLimit, kYes, kServer},
    FilesystemTraits{"afs", kUnknown, kUnknownLinkLimit, kYes, kServer},
    // Those behind FUSE whose server is known. Permissions are as the mount's options say.
    FilesystemTraits{"fuse.hardlinkfs", kYes},
    FilesystemTraits{"fuse.exfat", kNo},
};

}  // namespace

FilesystemTraits TraitsOf(std::string_view driver) {
  const auto* const found =
      std::find_if(kTraits.begin(), kTraits.end(), [driver](const FilesystemTraits& traits) { return traits.type == driver; });
  if (found != kTraits.end()) return *found;
  // Of those that nobody has looked into nothing is known.
  return {driver, kUnknown, kUnknownLinkLimit, IsFuse(driver) ? kYes : kUnknown, kServer};
}

bool IsFuse(std::string_view driver) {
  return driver == "fuse" || driver == "fuseblk" || driver == "virtiofs" || driver.starts_with("fuse.") || driver.starts_with("fuseblk.");
}

}  // namespace hardlinkfs
