// Names and listings: each one call on the backing.
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "store/backing/linux_calls.h"
#include "store/mirror/as_caller.h"
#include "store/mirror/directory_stream.h"
#include "store/mirror/mirror_volume.h"

namespace hardlinkfs {
namespace {

unsigned RenameFlags(const RenameRequest& request) {
  unsigned flags = request.whiteout ? RENAME_WHITEOUT : 0U;
  if (request.replace == Replace::kRefused) flags |= RENAME_NOREPLACE;
  if (request.replace == Replace::kExchange) flags |= RENAME_EXCHANGE;
  return flags;
}

Status UnlinkAt(const Actor& actor, int directory_fd, const Name& name, int flags) {
  const AsCaller as_caller(actor);
  if (!as_caller.status().ok()) return as_caller.status();
  if (unlinkat(directory_fd, name.bytes().c_str(), flags) != 0) return LastError("unlink");
  return {};
}

Status RenameAt(const Actor& actor, int from_fd, int to_fd, const RenameRequest& request) {
  const AsCaller as_caller(actor);
  if (!as_caller.status().ok()) return as_caller.status();
  if (renameat2(from_fd, request.name.bytes().c_str(), to_fd, request.new_name.bytes().c_str(), RenameFlags(request)) != 0) {
    return LastError("rename");
  }
  return {};
}

// AT_EMPTY_PATH takes CAP_DAC_READ_SEARCH; what /proc shows of a descriptor leads to the file itself, also to a symlink.
Status LinkAt(const Actor& actor, int file_fd, int directory_fd, const Name& name) {
  const AsCaller as_caller(actor);
  if (!as_caller.status().ok()) return as_caller.status();
  if (linkat(AT_FDCWD, ProcPath(file_fd).c_str(), directory_fd, name.bytes().c_str(), AT_SYMLINK_FOLLOW) != 0) return LastError("link");
  return {};
}

// RETURNS: where the kernel says that a descriptor leads to.
Result<std::string> PathOfFd(int fd) {
  std::string path(PATH_MAX, '\0');
  const ssize_t length = readlink(ProcPath(fd).c_str(), path.data(), path.size());
  if (length < 0) return LastError("path of a descriptor");
  path.resize(static_cast<size_t>(length));
  return path;
}

}  // namespace

// Opened before a name of the file goes, for the case that it was the last.
class MirrorVolume::LastName {
 public:
  LastName(const MirrorVolume& volume, InodeId inode) : inode_(inode), fd_(volume.OpenInode(inode, O_PATH)) {}

  // REQUIRES: the name is gone.
  void Gone(NodeTable& nodes) {
    if (!fd_.ok()) return;
    const Result<BackingStat> seen = StatAt(fd_->get(), "");
    // Of a removed directory not every filesystem says 0.
    const bool is_last = seen.ok() && (seen->nlink == 0 || seen->type == FileType::kDirectory);
    if (is_last) nodes.Hold(inode_, *std::move(fd_));
  }

 private:
  const InodeId inode_;
  Result<UniqueFd> fd_;
};

Result<Attributes> MirrorVolume::Stat(InodeId inode) {
  const Result<UniqueFd> fd = OpenInode(inode, O_PATH);
  if (!fd.ok()) return fd.error();
  return Look(inode, fd->get());
}

Result<InodeRef> MirrorVolume::Lookup(InodeId directory, const Name& name) {
  const Result<UniqueFd> in = OpenInode(directory, O_PATH);
  if (!in.ok()) return in.error();
  return Number(in->get(), name.bytes().c_str());
}

Result<InodeRef> MirrorVolume::Parent(InodeId directory) {
  if (directory == kRootInode) return InodeRef(kRootInode);
  const Result<UniqueFd> fd = OpenInode(directory, O_PATH);
  if (!fd.ok()) return fd.error();
  const UniqueFd above(RetryInterrupted([&] { return openat(fd->get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC); }));
  if (!above.valid()) return LastError("open of the directory above");
  return Number(above.get(), "");
}

// A file has as many paths as names; the kernel tells one that it remembers.
Result<std::string> MirrorVolume::PathOf(InodeId directory) {
  const Result<UniqueFd> file = OpenInode(directory, O_PATH);
  if (!file.ok()) return file.error();
  const Result<std::string> top = PathOfFd(root_.get());
  if (!top.ok()) return top.error();
  const Result<std::string> path = PathOfFd(file->get());
  if (!path.ok()) return path.error();
  if (*path == *top) return std::string("/");
  const std::string above = *top == "/" ? *top : *top + "/";
  // The mount may cover its own source: the path is right, and leads to us.
  if (!path->starts_with(above)) return Error{EOPNOTSUPP, "a path that does not lead through the source"};
  return path->substr(above.size() - 1);
}

Result<std::string> MirrorVolume::ReadLink(InodeId inode) {
  const Result<UniqueFd> fd = OpenInode(inode, O_PATH);
  if (!fd.ok()) return fd.error();
  return ReadLinkAt(fd->get(), "");
}

Result<std::unique_ptr<DirectoryStream>> MirrorVolume::OpenDirectory(InodeId directory) {
  Result<UniqueFd> readable = OpenInode(directory, O_RDONLY | O_DIRECTORY);
  if (!readable.ok()) return readable.error();
  const Result<BackingStat> seen = StatAt(readable->get(), "");
  if (!seen.ok()) return seen.error();
  return std::unique_ptr<DirectoryStream>(std::make_unique<MirrorStream>(*std::move(readable), seen->device, numbers_));
}

// A stream only ever comes from OpenDirectory.
Result<std::vector<ListedName>> MirrorVolume::List(InodeId /*directory*/, DirectoryStream& stream, uint64_t offset) {
  return static_cast<MirrorStream&>(stream).List(offset);
}

Result<Attributes> MirrorVolume::Link(const Caller& caller, InodeId inode, InodeId directory, const Name& name) {
  const Result<UniqueFd> fd = OpenInode(inode, O_PATH);
  if (!fd.ok()) return fd.error();
  const Result<UniqueFd> in = OpenInode(directory, O_PATH);
  if (!in.ok()) return in.error();
  if (Status linked = LinkAt(ActorFor(caller), fd->get(), in->get(), name); !linked.ok()) return linked.error();
  return Look(inode, fd->get());
}

// The name may have become another's a moment ago: it goes if the caller may remove that too, as it would on the backing.
Result<LostName> MirrorVolume::Remove(const Caller& caller, InodeId directory, const Name& name, InodeId inode, int flags) {
  const Result<UniqueFd> in = OpenInode(directory, O_PATH);
  if (!in.ok()) return in.error();
  LastName last(*this, inode);
  if (Status removed = UnlinkAt(ActorFor(caller), in->get(), name, flags); !removed.ok()) return removed.error();
  last.Gone(nodes_);
  return LostName{inode, 1};  // nobody here has to remove the content
}

Result<LostName> MirrorVolume::Unlink(const Caller& caller, InodeId directory, const Name& name, InodeId inode, Use /*use*/) {
  return Remove(caller, directory, name, inode, 0);
}

Result<LostName> MirrorVolume::RemoveDirectory(const Caller& caller, InodeId directory, const Name& name, InodeId inode) {
  return Remove(caller, directory, name, inode, AT_REMOVEDIR);
}

Result<std::optional<LostName>> MirrorVolume::Rename(const Caller& caller, const RenameRequest& request) {
  const Result<UniqueFd> from = OpenInode(request.directory, O_PATH);
  if (!from.ok()) return from.error();
  const Result<UniqueFd> to = OpenInode(request.new_directory, O_PATH);
  if (!to.ok()) return to.error();
  std::optional<LastName> last;
  if (request.target.has_value() && request.replace == Replace::kAllowed) last.emplace(*this, *request.target);
  if (Status renamed = RenameAt(ActorFor(caller), from->get(), to->get(), request); !renamed.ok()) return renamed.error();
  if (last.has_value()) last->Gone(nodes_);
  return std::optional<LostName>();
}

}  // namespace hardlinkfs
