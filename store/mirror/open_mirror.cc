// A mount of its own for what is shown, and whether its files can be opened by handles; see open_mirror.h.
#include "store/mirror/open_mirror.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <spdlog/spdlog.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <utility>

#include "store/backing/filesystem_name.h"
#include "store/backing/linux_calls.h"
#include "store/mirror/kept_flags.h"

namespace hardlinkfs {
namespace {

// A copy of the source's mount, attached nowhere: what is mounted below the source is not in it. It does not keep the source's filesystem
// from being unmounted where it is.
UniqueFd CloneMount(int source) {
  return UniqueFd(static_cast<int>(syscall(SYS_open_tree, source, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH)));
}

// Of the copy alone.
Status SetMountFlags(int mount, const OpenMirrorOptions& options) {
  mount_attr attributes{};
  if (options.access == MirrorAccess::kReadOnly) attributes.attr_set |= MOUNT_ATTR_RDONLY;
  if (options.atime == MirrorAtime::kNever) {
    attributes.attr_set |= MOUNT_ATTR_NOATIME;
    attributes.attr_clr |= MOUNT_ATTR__ATIME;
  }
  UniqueFd user_namespace;
  if (!options.map.empty()) {
    Result<UniqueFd> made = MakeUserNamespace(options.map);
    if (!made.ok()) return made.error();
    user_namespace = *std::move(made);
    attributes.attr_set |= MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<uint64_t>(user_namespace.get());
  }
  if (attributes.attr_set == 0) return {};
  if (syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0) return {};
  if (errno != ENOSYS || !options.map.empty()) return LastError("mount_setattr");
  spdlog::info("this kernel (before Linux 5.12) lets ro and noatime hold above the mirror only");
  return {};
}

// Nothing but the type tells. Not of what another machine keeps: there the ids are asked for more.
bool ReservesForRoot(int directory) {
  struct statfs filesystem {};
  if (fstatfs(directory, &filesystem) != 0) return false;
  return filesystem.f_type == EXT4_SUPER_MAGIC || filesystem.f_type == F2FS_SUPER_MAGIC;
}

// The kernel's handles have 32 bits of it: milliseconds, which come again after 49 days. Of seconds two sessions may have the same.
uint64_t NewGeneration() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint32_t>(static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000);
}

}  // namespace

// By trying: the server's uid does not tell. But of FUSE the kernel forgets what a handle stands for, which no trial shows.
bool CanReopenByHandle(int directory) {
  struct statfs filesystem {};
  if (fstatfs(directory, &filesystem) != 0 || filesystem.f_type == FUSE_SUPER_MAGIC) return false;
  const Result<UniqueFd> root = ReopenDirectory(directory);
  if (!root.ok()) return false;
  const Result<FoundHandle> handle = HandleAt(root->get(), "");
  return handle.ok() && OpenHandle(root->get(), handle->key, O_PATH).ok();
}

Result<std::unique_ptr<MirrorVolume>> OpenMirror(UniqueFd source, const OpenMirrorOptions& options) {
  const UniqueFd clone = options.volume.submounts == Submounts::kHide ? CloneMount(source.get()) : UniqueFd();
  if (!clone.valid() && !options.map.empty()) return Error{EPERM, "map= takes a mount of its own, and so root, and submounts=hide"};
  const bool wants_flags = options.access == MirrorAccess::kReadOnly || options.atime == MirrorAtime::kNever;
  if (!clone.valid() && wants_flags) spdlog::info("without a mount of its own, ro and noatime hold above the mirror only");
  if (clone.valid()) {
    if (Status set = SetMountFlags(clone.get(), options); !set.ok()) return set.error();
  }
  Result<UniqueFd> root = ReopenDirectory(clone.valid() ? clone.get() : source.get());
  if (!root.ok()) return root.error();
  // What a mirror may rely on its backing has to have; that was the reason to choose it.
  const Capabilities capabilities{.hard_links = true,
                                  .stable_inodes = true,
                                  .reserve_for_root = ReservesForRoot(root->get()),
                                  .inode_flags = HasFlags(root->get()),
                                  .filesystem = FilesystemName(root->get())};
  const bool by_handle = CanReopenByHandle(root->get());
  if (!by_handle) spdlog::info("files cannot be opened by handles here: each that the kernel knows takes a descriptor");
  MirrorOptions volume = options.volume;
  if (clone.valid()) volume.mount = RootMount::kOwn;
  return MirrorVolume::Open(*std::move(root), by_handle ? Reopening::kByHandle : Reopening::kByDescriptor, capabilities, NewGeneration(),
                            volume);
}

}  // namespace hardlinkfs
