// What all parts of MirrorVolume share: from a number to a descriptor, and from a name to a number.
#include "store/mirror/mirror_volume.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "store/backing/linux_calls.h"

namespace hardlinkfs {

Attributes MirrorVolume::Show(InodeId inode, const BackingStat& stat) const {
  return {.inode = inode,
          .number = stat.inode,
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
          .btime = stat.btime.value_or(Timestamp{})};
}

MirrorVolume::MirrorVolume(UniqueFd root, const FileKey& root_key, Reopening reopening, int mount_id, const Capabilities& capabilities,
                           uint64_t generation, MirrorOptions options)
    : root_(std::move(root)), reopening_(reopening), mount_id_(mount_id), capabilities_(capabilities), generation_(generation), options_(options), nodes_(root_key) {}

Result<UniqueFd> MirrorVolume::Open(InodeId inode, int flags) const {
  int held = root_.get();
  if (inode != kRootInode) {
    const Result<NodeTable::Found> found = nodes_.Find(inode);
    if (!found.ok()) return found.error();
    if (found->held < 0) return OpenHandle(root_.get(), found->key, flags);
    held = found->held;
  }
  const int fd = flags == O_PATH ? fcntl(held, F_DUPFD_CLOEXEC, 0)
                                 : RetryInterrupted([&] { return open(ProcPath(held).c_str(), flags | O_CLOEXEC); });
  if (fd < 0) return LastError("open of a known file");
  return UniqueFd(fd);
}

Result<InodeRef> MirrorVolume::Number(int directory_fd, const char* name) {
  const bool is_itself = *name == '\0';
  if (reopening_ == Reopening::kByHandle) {
    const Result<FileKey> handle = is_itself ? HandleOf(directory_fd) : HandleAt(directory_fd, name, mount_id_);
    if (!handle.ok()) return handle.error();
    return nodes_.Remember(*handle);
  }
  Result<UniqueFd> held = is_itself ? UniqueFd(fcntl(directory_fd, F_DUPFD_CLOEXEC, 0)) : Pin(directory_fd, name);
  if (!held.ok()) return held.error();
  if (!held->valid()) return LastError("dup");
  const Result<BackingStat> seen = StatAt(held->get(), "");
  if (!seen.ok()) return seen.error();
  return nodes_.Remember(NumbersOf(*seen), *std::move(held));
}

void MirrorVolume::Observe(ChangeObserver* observer) {
  watcher_.reset();
  if (observer == nullptr || options_.watching == Watching::kNever) return;
  // Without handles there is nothing by which an event could be known to be about a file.
  Result<std::unique_ptr<Watcher>> watcher = Error{EOPNOTSUPP, "no handles"};
  if (reopening_ == Reopening::kByHandle) watcher = Watcher::Start(root_.get(), nodes_, *observer);
  if (watcher.ok()) {
    watcher_ = *std::move(watcher);
    return;
  }
  spdlog::info("the kernel does not tell of changes on the backing ({}: {}): they are seen when the timeouts end", watcher.error().what,
               std::strerror(watcher.code()));
}

Result<BackingSpace> MirrorVolume::Space() { return SpaceOf(root_.get()); }

}  // namespace hardlinkfs
