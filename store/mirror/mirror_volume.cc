// What all parts of MirrorVolume share: from a number to a descriptor, and from a name to a number.
#include "store/mirror/mirror_volume.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <spdlog/spdlog.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "store/backing/linux_calls.h"
#include "store/mirror/kept_flags.h"

namespace hardlinkfs {
namespace {

// `name` is a single component. RETURNS: -1 as openat(2).
int OpenAcrossMounts(int directory_fd, const char* name) {
  return RetryInterrupted([&] { return openat(directory_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC); });
}

// Requests to a FUSE filesystem may come back to us, or never be answered: a few of them would take all our threads.
Status MayFollow(int fd) {
  struct statfs filesystem {};
  if (fstatfs(fd, &filesystem) != 0) return LastError("statfs");
  if (filesystem.f_type == FUSE_SUPER_MAGIC) return Error{EXDEV, "a FUSE filesystem is mounted there"};
  if ((static_cast<uint64_t>(filesystem.f_flags) & ST_NOEXEC) != 0) return Error{EXDEV, "mounted there without exec"};
  return {};
}

}  // namespace

Result<std::unique_ptr<MirrorVolume>> MirrorVolume::Open(UniqueFd root, Reopening reopening, const Capabilities& capabilities,
                                                         uint64_t generation, MirrorOptions options) {
  const Result<BackingStat> seen = StatAt(root.get(), "");
  if (!seen.ok()) return seen.error();
  Root opened{std::move(root), NumbersOf(*seen), *seen};
  if (reopening == Reopening::kByHandle) {
    const Result<FoundHandle> handle = HandleAt(opened.fd.get(), "");
    if (!handle.ok()) return handle.error();
    opened.key = handle->key;
    opened.mount_id = handle->mount_id;
  }
  return std::unique_ptr<MirrorVolume>(new MirrorVolume(std::move(opened), reopening, capabilities, generation, options));
}

MirrorVolume::MirrorVolume(Root root, Reopening reopening, const Capabilities& capabilities, uint64_t generation, MirrorOptions options)
    : root_(std::move(root.fd)),
      reopening_(reopening),
      capabilities_(capabilities),
      generation_(generation),
      options_(options),
      nodes_(root.key, options.max_held),
      numbers_(root.seen.device) {
  mounts_.Add(root.mount_id, UniqueFd(fcntl(root_.get(), F_DUPFD_CLOEXEC, 0)));
}

Result<Attributes> MirrorVolume::Show(InodeId inode, int fd, const BackingStat& stat) {
  Attributes attributes{.inode = inode,
                        .number = numbers_.Of(stat.device, stat.inode),
                        .generation = generation_,
                        .type = stat.type,
                        .mode = stat.mode,
                        .uid = stat.uid,
                        .gid = stat.gid,
                        .nlink = stat.nlink,
                        .rdev = stat.rdev,
                        .size = stat.size,
                        .blocks = stat.blocks,
                        .atime = stat.atime,
                        .mtime = stat.mtime,
                        .ctime = stat.ctime,
                        .btime = stat.btime.value_or(Timestamp{}),
                        .flags = stat.flags};
  options_.shown.Apply(attributes);
  if (!capabilities_.inode_flags) {
    const Result<uint32_t> kept = KeptFlags(fd);
    // Nobody can tell what they were meant to forbid.
    if (!kept.ok() && kept.code() != EUCLEAN) return kept.error();
    attributes.flags = kept.ok() ? *kept : FS_IMMUTABLE_FL;
  }
  return attributes;
}

Result<Attributes> MirrorVolume::Look(InodeId inode, int fd) {
  const Result<BackingStat> seen = StatAt(fd, "");
  if (!seen.ok()) return seen.error();
  return Show(inode, fd, *seen);
}

Result<UniqueFd> MirrorVolume::OpenInode(InodeId inode, int flags) const {
  int held = root_.get();
  if (inode != kRootInode) {
    const Result<NodeTable::Found> found = nodes_.Find(inode);
    if (!found.ok()) return found.error();
    if (found->held < 0) return OpenHandle(mounts_.descriptor(found->key.mount), found->key, flags);
    held = found->held;
  }
  const int fd =
      flags == O_PATH ? fcntl(held, F_DUPFD_CLOEXEC, 0) : RetryInterrupted([&] { return open(ProcPath(held).c_str(), flags | O_CLOEXEC); });
  if (fd < 0) return LastError("open of a known file");
  return UniqueFd(fd);
}

Result<FileKey> MirrorVolume::HandleOf(int directory_fd, const char* name) {
  Result<FoundHandle> found = HandleAt(directory_fd, name);
  if (!found.ok()) return found.error();
  std::optional<uint32_t> mount = mounts_.Find(found->mount_id);
  if (!mount.has_value()) {
    if (options_.submounts == Submounts::kHide) return Error{EXDEV, "another filesystem is mounted there"};
    const UniqueFd entry(OpenAcrossMounts(directory_fd, name));
    if (!entry.valid()) return LastError("open of what is mounted below the source");
    const Result<BackingStat> seen = StatAt(entry.get(), "");
    if (!seen.ok()) return seen.error();
    // A device or a fifo must not be opened.
    if (seen->type != FileType::kDirectory && seen->type != FileType::kRegular) return Error{EXDEV, "a special file is mounted there"};
    if (Status may = MayFollow(entry.get()); !may.ok()) return may.error();
    found = HandleAt(entry.get(), "");  // something else may have been mounted meanwhile
    if (!found.ok()) return found.error();
    UniqueFd any(RetryInterrupted([&] { return open(ProcPath(entry.get()).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC); }));
    if (!any.valid()) return LastError("open of what is mounted below the source");
    mount = mounts_.Add(found->mount_id, std::move(any));
  }
  found->key.mount = *mount;
  return std::move(found->key);
}

Result<InodeRef> MirrorVolume::Number(int directory_fd, const char* name) {
  const bool is_itself = *name == '\0';
  if (reopening_ == Reopening::kByHandle) {
    const Result<FileKey> handle = HandleOf(directory_fd, name);
    if (!handle.ok()) return handle.error();
    return nodes_.Remember(*handle);
  }
  Result<UniqueFd> held = UniqueFd();
  if (!is_itself && options_.submounts == Submounts::kHide) {
    held = Pin(directory_fd, name);
  } else {
    held = UniqueFd(is_itself ? fcntl(directory_fd, F_DUPFD_CLOEXEC, 0) : OpenAcrossMounts(directory_fd, name));
  }
  if (!held.ok()) return held.error();
  if (!held->valid()) return LastError("open of an entry");
  const Result<BackingStat> seen = StatAt(held->get(), "");
  if (!seen.ok()) return seen.error();
  return nodes_.Remember(NumbersOf(*seen), *std::move(held));
}

void MirrorVolume::Observe(ChangeObserver* observer) {
  watcher_.reset();
  if (observer == nullptr || options_.watching == Watching::kNever) return;
  // Without handles there is nothing by which an event could be known to be about a file.
  Result<std::unique_ptr<Watcher>> watcher = Error{EOPNOTSUPP, "no handles"};
  if (reopening_ == Reopening::kByHandle) watcher = Watcher::Start(root_.get(), options_.mount, nodes_, *observer);
  if (watcher.ok()) {
    watcher_ = *std::move(watcher);
    return;
  }
  spdlog::info("the kernel does not tell of changes on the backing ({}: {}): they are seen when the timeouts end", watcher.error().what,
               std::strerror(watcher.code()));
}

Result<BackingSpace> MirrorVolume::Space() { return SpaceOf(root_.get()); }

}  // namespace hardlinkfs
