// The flags of chattr(1): getting and setting them, and asking policy whether they let something be done. Of a mirror the backing forbids
// by itself what it can.
#include "policy/flags.h"

#include <linux/capability.h>

#include <cerrno>

#include "fuse/vfs/vfs.h"

namespace hardlinkfs {

// What cannot be looked at the operation itself will tell.
Status Vfs::CheckChange(const Asked& asked, InodeId inode, Change change) {
  if (volume_.capabilities().inode_flags) return {};
  const Result<Attributes> attributes = volume_.Stat(inode);
  return attributes.ok() ? CheckFlags(asked, attributes->flags, change) : Status();
}

Status Vfs::CheckFlags(const Asked& asked, uint32_t flags, Change change) {
  Decision refusal = MayChange(flags, change);
  if (refusal.has_value()) Note(asked, *refusal);
  return ToStatus(refusal);
}

bool Vfs::IsFlagged(InodeId inode) {
  if (volume_.capabilities().inode_flags) return false;
  const Result<Attributes> attributes = volume_.Stat(inode);
  return attributes.ok() && attributes->flags != 0;
}

Status Vfs::JudgeLoss(const Asked& asked) {
  const InodeId directory = asked.from->directory;
  if (!gate_.Watches(asked.operation) && !IsFlagged(directory) && !IsFlagged(asked.inode)) return {};
  const Result<Name> name = Name::From(asked.from->name);
  if (!name.ok()) return name.error();
  const Result<InodeRef> found = volume_.Lookup(directory, *name);
  if (!found.ok() || found->inode() != asked.inode) return Error{ESTALE, "the name is another's by now"};
  if (Status removable = CheckChange(asked, directory, Change::kLostEntry); !removable.ok()) return removable;
  if (Status losable = CheckChange(asked, asked.inode, Change::kLostName); !losable.ok()) return losable;
  return Judge(asked);
}

Result<uint32_t> Vfs::GetFlags(InodeId inode) {
  if (Status prepared = volume_.Prepare(inode); !prepared.ok()) return prepared.error();
  return volume_.GetFlags(inode);
}

Status Vfs::SetFlags(const Caller& caller, InodeId inode, uint32_t flags) {
  if (Status prepared = volume_.Prepare(inode); !prepared.ok()) return prepared;
  if (Status failed = MayFail({.operation = Operation::kSetflags, .caller = caller, .inode = inode}); !failed.ok()) return failed;
  AwaitCloses(inode);
  {
    const auto held = volume_.locks().Exclusive(inode);
    if (Status allowed = Judge({.operation = Operation::kSetflags, .caller = caller, .inode = inode}); !allowed.ok()) return allowed;
    if (Status set = SetFlagsLocked(caller, inode, flags); !set.ok()) return set;
  }
  return Promise(Durability::kEverything);
}

// The kernel has asked for the capability already, from Linux 5.13 on.
Status Vfs::SetFlagsLocked(const Caller& caller, InodeId inode, uint32_t flags) {
  const Result<Attributes> attributes = volume_.Stat(inode);
  if (!attributes.ok()) return attributes.error();
  const Result<uint32_t> before = volume_.GetFlags(inode);
  if (!before.ok()) return before.error();
  if (caller.uid != attributes->uid && !caller.Holds(CAP_FOWNER)) return Error{EPERM, "flags of another's file"};
  const uint32_t changed = *before ^ flags;
  if (!volume_.capabilities().inode_flags && (changed & ~kKnownFlags) != 0) return Error{EOPNOTSUPP, "a flag that is not kept here"};
  if ((changed & kGuardingFlags) != 0 && !caller.Holds(CAP_LINUX_IMMUTABLE)) return Error{EPERM, "CAP_LINUX_IMMUTABLE"};
  const std::shared_ptr<OpenContent> open = table_.FindOpen(inode);
  if ((changed & flags & kGuardingFlags) != 0 && attributes->type == FileType::kRegular) {
    if (Status free = CheckNoWriters(inode, open.get()); !free.ok()) return free;
  }
  if (open != nullptr) {
    // Writes so far come before the flag.
    if (const Result<Attributes> fresh = RefreshPrivileges(inode, *open); !fresh.ok()) return fresh.error();
  }
  const Result<Attributes> set = volume_.SetFlags(caller, inode, flags);
  if (!set.ok()) return set.error();
  if (open != nullptr) open->flags = flags;
  return {};
}

// Whoever has the file open for writing, or mapped so, would go on writing: by passthrough nobody asks us.
Status Vfs::CheckNoWriters(InodeId inode, OpenContent* open) {
  const Error busy{EBUSY, "it is open for writing"};
  if (open != nullptr && open->writers > 0) return busy;
  if (!table_.MayBeMapped(inode)) return {};
  std::unique_ptr<BackingFile> content;
  if (open == nullptr) {
    Result<std::unique_ptr<BackingFile>> opened = volume_.OpenContent(inode);
    if (!opened.ok()) return opened.error();
    content = *std::move(opened);
  }
  BackingFile& file = open != nullptr ? *open->file : *content;
  file.EndWriting();
  const Result<bool> has_writers = file.HasWriters();
  // Where that cannot be told it counts as mapped.
  return has_writers.ok() && !*has_writers ? Status() : Status(busy);
}

}  // namespace hardlinkfs
