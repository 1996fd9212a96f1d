// Reading and writing contents that the kernel does not read and write by itself (passthrough).
#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "fuse/vfs/vfs.h"
#include "store/base/privilege.h"

namespace hardlinkfs {
namespace {

Result<AllocateMode> AllocateModeOf(int mode) {
  switch (mode) {
    case 0:
      return AllocateMode::kExtend;
    case FALLOC_FL_KEEP_SIZE:
      return AllocateMode::kKeepSize;
    case FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE:
      return AllocateMode::kPunchHole;
    case FALLOC_FL_ZERO_RANGE:
      return AllocateMode::kZeroRange;
    case FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE:
      return AllocateMode::kZeroRangeKeepSize;
    case FALLOC_FL_COLLAPSE_RANGE:
      return AllocateMode::kCollapseRange;
    case FALLOC_FL_INSERT_RANGE:
      return AllocateMode::kInsertRange;
    default:
      return Error{EOPNOTSUPP, "unknown fallocate mode"};
  }
}

// Of what the kernel asks for none comes near it.
uint64_t Sum(uint64_t a, uint64_t b) { return a > std::numeric_limits<uint64_t>::max() - b ? std::numeric_limits<uint64_t>::max() : a + b; }

}  // namespace

Result<size_t> Vfs::Read(InodeId inode, std::span<char> into, uint64_t offset) {
  const Result<std::shared_ptr<OpenContent>> open = FindOpen(inode);
  if (!open.ok()) return open.error();
  if (options_.atime == Atime::kRelative) (*open)->was_read = true;
  return (*open)->file->Read(into, offset);
}

Status Vfs::Write(InodeId inode, std::span<const char> from, uint64_t offset, bool kill_suidgid, int open_flags, const Caller& caller) {
  const Result<std::shared_ptr<OpenContent>> open = FindOpen(inode);
  if (!open.ok()) return open.error();
  const uint32_t flags = (*open)->flags;
  // The kernel, which does not know the flag, lets fcntl(2) take O_APPEND away.
  const Change change = (open_flags & O_APPEND) != 0 ? Change::kAppend : Change::kContent;
  if (Status allowed = ToStatus(MayChange(flags, change)); !allowed.ok()) return allowed;
  if (Status killed = KillPrivileges(inode, kill_suidgid); !killed.ok()) return killed;
  // The kernel's offset is the end that it knows of.
  const bool appends = (open_flags & O_APPEND) != 0 && ((flags & FS_APPEND_FL) != 0 || options_.backing == BackingUse::kShared);
  const auto end = [&](uint64_t size) { return Sum(appends ? std::max(size, offset) : offset, from.size()); };
  Result<Ledger::Growth> growth = Grow({.operation = Operation::kWrite, .caller = caller, .inode = inode}, end);
  if (!growth.ok()) return growth.error();
  const WithoutReserve without_reserve(volume_.capabilities().reserve_for_root);
  Status written = WithSpace([&] { return appends ? (*open)->file->Append(from) : (*open)->file->Write(from, offset); });
  EndGrowth(*growth, inode, **open, written.ok());
  (*open)->NoteWrite(clock_.Now());
  // By a handle past passthrough, which is uncached, the kernel does not ask for the sync itself.
  const bool synchronous = (open_flags & O_DSYNC) != 0 || options_.durability == Durability::kEverything;
  if (written.ok() && synchronous && (*open)->backing_id > 0) return volume_.SyncFile(*(*open)->file);
  return written;
}

Status Vfs::KillPrivileges(InodeId inode, bool kill_suidgid) {
  const Result<bool> has_capabilities = HasCapabilities(inode);
  if (!has_capabilities.ok()) return has_capabilities.error();
  if (!kill_suidgid && !*has_capabilities) return {};
  const auto held = volume_.locks().Exclusive(inode);
  const Result<Attributes> attributes = volume_.Stat(inode);
  if (!attributes.ok()) return attributes.error();
  return TakePrivileges(inode, attributes->mode, kill_suidgid);
}

Status Vfs::TakePrivileges(InodeId inode, uint32_t mode, bool kill_suidgid) {
  const Result<bool> has_capabilities = HasCapabilities(inode);
  if (!has_capabilities.ok()) return has_capabilities.error();
  const bool has_suidgid = kill_suidgid && IsPrivileged(mode);
  if (!*has_capabilities && !has_suidgid) return {};
  Volume::XattrChanges xattrs;
  if (*has_capabilities) xattrs.emplace_back(kCapabilityXattr, std::nullopt);
  return volume_.ChangeAttributes({}, inode, {.kill_suidgid = kill_suidgid}, xattrs).status();
}

// By how much a file grows at least is known before.
Result<Ledger::Growth> Vfs::GrowToAllocate(const Asked& asked, AllocateMode mode, uint64_t offset, uint64_t length) {
  switch (mode) {
    case AllocateMode::kExtend:
    case AllocateMode::kZeroRange:
      return Grow(asked, [&](uint64_t /*size*/) { return Sum(offset, length); });
    case AllocateMode::kInsertRange:
      return Grow(asked, [&](uint64_t size) { return Sum(size, length); });
    case AllocateMode::kKeepSize:
    case AllocateMode::kZeroRangeKeepSize:
      if (Status allowed = MayAllocateBehind(asked, Sum(offset, length)); !allowed.ok()) return allowed.error();
      break;
    case AllocateMode::kPunchHole:
    case AllocateMode::kCollapseRange:
      break;
  }
  return Ledger::Growth();
}

Status Vfs::Allocate(InodeId inode, int mode, uint64_t offset, uint64_t length, const Caller& caller) {
  const Result<std::shared_ptr<OpenContent>> open = FindOpen(inode);
  if (!open.ok()) return open.error();
  const Result<AllocateMode> allocate = AllocateModeOf(mode);
  if (!allocate.ok()) return allocate.error();
  const bool extends = *allocate == AllocateMode::kExtend || *allocate == AllocateMode::kKeepSize;
  const Change change = extends ? Change::kAppend : Change::kContent;
  if (Status allowed = ToStatus(MayChange((*open)->flags, change)); !allowed.ok()) return allowed;
  // The request does not say who asks; taking too much away is safe.
  if (Status killed = KillPrivileges(inode, true); !killed.ok()) return killed;
  Result<Ledger::Growth> growth =
      GrowToAllocate({.operation = Operation::kFallocate, .caller = caller, .inode = inode}, *allocate, offset, length);
  if (!growth.ok()) return growth.error();
  const WithoutReserve without_reserve(volume_.capabilities().reserve_for_root);
  Status allocated = (*open)->file->Allocate(*allocate, offset, length);
  EndGrowth(*growth, inode, **open, allocated.ok());
  if (allocated.ok()) (*open)->NoteWrite(clock_.Now());
  return allocated;
}

Result<size_t> Vfs::CopyRange(InodeId from, uint64_t from_offset, InodeId to, uint64_t to_offset, size_t length, const Caller& caller) {
  const Result<std::shared_ptr<OpenContent>> source = FindOpen(from);
  if (!source.ok()) return source.error();
  const Result<std::shared_ptr<OpenContent>> target = FindOpen(to);
  if (!target.ok()) return target.error();
  if (Status allowed = ToStatus(MayChange((*target)->flags, Change::kContent)); !allowed.ok()) return allowed.error();
  if (Status killed = KillPrivileges(to, true); !killed.ok()) return killed.error();
  Result<Ledger::Growth> growth =
      Grow({.operation = Operation::kWrite, .caller = caller, .inode = to}, [&](uint64_t /*size*/) { return Sum(to_offset, length); });
  if (!growth.ok()) return growth.error();
  const WithoutReserve without_reserve(volume_.capabilities().reserve_for_root);
  Result<size_t> copied = (*source)->file->CopyTo(from_offset, *(*target)->file, to_offset, length);
  EndGrowth(*growth, to, **target, copied.ok() && *copied == length);
  if (copied.ok()) (*target)->NoteWrite(clock_.Now());
  return copied;
}

Result<uint64_t> Vfs::Seek(InodeId inode, uint64_t offset, int whence) {
  const Result<std::shared_ptr<OpenContent>> open = FindOpen(inode);
  if (!open.ok()) return open.error();
  if (whence != SEEK_DATA && whence != SEEK_HOLE) return Error{EINVAL, "unknown whence"};
  return (*open)->file->Seek(whence == SEEK_DATA ? SeekTarget::kData : SeekTarget::kHole, offset);
}

}  // namespace hardlinkfs
