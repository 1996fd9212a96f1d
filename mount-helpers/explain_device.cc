#include "mount-helpers/explain_device.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string_view>

#include "store/base/unique_fd.h"

namespace hardlinkfs {
namespace {

constexpr off_t kSuperblock = 1024;
constexpr size_t kSuperblockBytes = 1024;
constexpr size_t kIncompatibleFeatures = 0x60;  // struct ext4_super_block: s_feature_incompat, little-endian
constexpr uint32_t kInlineData = 0x8000;

// RETURNS: `size` bytes from `at`; empty when they cannot be read.
std::string BytesOf(const std::string& device, off_t at, size_t size) {
  const UniqueFd file(open(device.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat seen {};
  if (!file.valid() || fstat(file.get(), &seen) != 0 || !S_ISBLK(seen.st_mode)) return {};
  std::string bytes(size, '\0');
  return pread(file.get(), bytes.data(), size, at) == static_cast<ssize_t>(size) ? bytes : std::string();
}

// The kernel's name of the block device, whatever it is called in /dev: "sda1".
std::string KernelName(const MountEntry& mount) {
  std::error_code error;
  return std::filesystem::read_symlink("/sys/dev/block/" + mount.device, error).filename().string();
}

std::string Ext4Folder(const MountEntry& mount) {
  const std::string name = KernelName(mount);
  return name.empty() ? std::string() : "/sys/fs/ext4/" + name;
}

}  // namespace

std::string DriverOf(const MountEntry& mount) {
  std::error_code error;
  if (mount.type == "ext2" || mount.type == "ext3") {
    const std::string folder = Ext4Folder(mount);
    return !folder.empty() && std::filesystem::exists(folder, error) ? "ext4" : mount.type;
  }
  if (mount.type != "fuseblk") return mount.type;
  // The boot sector has the name of the filesystem after a jump of three bytes.
  return BytesOf(mount.source, 3, 8) == "EXFAT   " ? "fuse.exfat" : mount.type;
}

std::optional<bool> HasInlineData(const MountEntry& mount) {
  const std::string name = KernelName(mount);
  const std::string superblock = name.empty() ? std::string() : BytesOf("/dev/" + name, kSuperblock, kSuperblockBytes);
  if (superblock.empty()) return std::nullopt;
  uint32_t features = 0;
  for (size_t i = 4; i-- > 0;) features = features << 8U | static_cast<unsigned char>(superblock[kIncompatibleFeatures + i]);
  return (features & kInlineData) != 0;
}

std::optional<uint64_t> Ext4Number(const MountEntry& mount, const std::string& name) {
  const std::string folder = Ext4Folder(mount);
  uint64_t number = 0;
  if (folder.empty() || !(std::ifstream(folder + "/" + name) >> number)) return std::nullopt;
  return number;
}

}  // namespace hardlinkfs
