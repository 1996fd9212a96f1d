// Creation, as the caller: the backing gives owner, group, mode and ACLs as it would to him.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "store/backing/linux_calls.h"
#include "store/backing/posix_file.h"
#include "store/mirror/as_caller.h"
#include "store/mirror/mirror_volume.h"

namespace hardlinkfs {
namespace {

// RETURNS: the open file, when it is a regular one.
Result<UniqueFd> MakeAt(int directory_fd, const char* name, const NodeRequest& request, uint32_t mode) {
  int made = 0;
  switch (request.type) {
    case FileType::kRegular:
      return OpenBeneath(directory_fd, name, O_CREAT | O_EXCL | O_RDWR, mode);
    case FileType::kDirectory:
      made = mkdirat(directory_fd, name, mode);
      break;
    case FileType::kSymlink:
      made = symlinkat(request.target.c_str(), directory_fd, name);
      break;
    default:
      made = mknodat(directory_fd, name, ModeBits(request.type) | mode, request.rdev);
  }
  if (made != 0) return LastError("creation");
  return UniqueFd();
}

}  // namespace

Result<CreatedInode> MirrorVolume::Create(const Caller& caller, InodeId directory, const Name& name, const NodeRequest& request) {
  const Result<UniqueFd> in = OpenInode(directory, O_PATH);
  if (!in.ok()) return in.error();
  const char* const component = name.bytes().c_str();
  Result<UniqueFd> file = UniqueFd();
  {
    const Caller maker = options_.shown.MakerFor(caller);
    const AsCaller as_caller(ActorFor(maker));
    if (!as_caller.status().ok()) return as_caller.status().error();
    file = MakeAt(in->get(), component, request, as_caller.ModeFor(options_.shown.ModeOfMade(caller, request.type, request.mode)));
  }
  if (!file.ok()) return file.error();
  const bool is_file = file->valid();
  Result<InodeRef> inode = is_file ? Number(file->get(), "") : Number(in->get(), component);
  // Somebody has removed it already: it was made, and is gone.
  if (inode.code() == ENOENT) return Error{ESTALE, "what was made is gone again"};
  if (!inode.ok()) return inode.error();
  const Result<Attributes> attributes = is_file ? Look(inode->inode(), file->get()) : Stat(inode->inode());
  if (!attributes.ok()) return attributes.error();
  if (attributes->type != request.type) return Error{ESTALE, "what was made is something else by now"};
  std::unique_ptr<BackingFile> content;
  if (is_file) content = std::make_unique<PosixFile>(*std::move(file), PosixFile::Opened::kReadWrite);
  return CreatedInode{*std::move(inode), *attributes, std::move(content)};
}

Result<CreatedInode> MirrorVolume::CreateUnnamed(const Caller& caller, InodeId directory, uint32_t mode, Linkable linkable) {
  const Result<UniqueFd> in = OpenInode(directory, O_PATH);
  if (!in.ok()) return in.error();
  Result<UniqueFd> file = UniqueFd();
  {
    const Caller maker = options_.shown.MakerFor(caller);
    const AsCaller as_caller(ActorFor(maker));
    if (!as_caller.status().ok()) return as_caller.status().error();
    const int flags = O_TMPFILE | O_RDWR | O_CLOEXEC | (linkable == Linkable::kNo ? O_EXCL : 0);
    const int fd = RetryInterrupted(
        [&] { return openat(in->get(), ".", flags, as_caller.ModeFor(options_.shown.ModeOfMade(caller, FileType::kRegular, mode))); });
    if (fd < 0) return LastError("open with O_TMPFILE");
    file = UniqueFd(fd);
  }
  Result<InodeRef> inode = Number(file->get(), "");
  if (!inode.ok()) return inode.error();
  const Result<Attributes> attributes = Look(inode->inode(), file->get());
  if (!attributes.ok()) return attributes.error();
  return CreatedInode{*std::move(inode), *attributes, std::make_unique<PosixFile>(*std::move(file), PosixFile::Opened::kReadWrite)};
}

}  // namespace hardlinkfs
