// getattr, setattr, readlink.
#include <cerrno>
#include <vector>

#include "fuse/vfs/vfs.h"

namespace hardlinkfs {
namespace {

// The kernel asks for one of them at a time, but for open(2) with O_TRUNC, which sets times too; an NFS server for several at once. What
// writing takes away by itself comes as a change of nothing, and nobody has asked for it.
std::vector<Operation> OperationsFor(const AttributeChange& change) {
  std::vector<Operation> operations;
  if (change.mode.has_value()) operations.push_back(Operation::kChmod);
  if (change.uid.has_value() || change.gid.has_value()) operations.push_back(Operation::kChown);
  if (change.size.has_value()) operations.push_back(Operation::kTruncate);
  const bool sets_times = change.atime.has_value() || change.mtime.has_value();
  if (sets_times && !change.size.has_value()) operations.push_back(Operation::kUtimes);
  return operations;
}

}  // namespace

Result<Attributes> Vfs::Refresh(InodeId inode, OpenContent& open) {
  const std::optional<Timestamp> last_write = open.TakeLastWrite();
  const bool unseen_writers = open.unseen_writers() > 0 || table_.MayBeMapped(inode);
  if (!last_write.has_value() && open.backing_id == 0 && !unseen_writers && !volume_.IsBehind(inode)) return volume_.Stat(inode);
  return RefreshCounted(inode, *open.file, {.last_write = last_write, .unseen_writers = unseen_writers});
}

Result<Attributes> Vfs::RefreshClosed(InodeId inode) {
  const bool may_be_mapped = table_.MayBeMapped(inode);
  const bool is_behind = volume_.IsBehind(inode);
  if (!may_be_mapped && !is_behind) return volume_.Stat(inode);  // closed a moment ago
  const Result<std::unique_ptr<BackingFile>> content = volume_.OpenContent(inode);
  // What cannot be opened now was not removed by us; what the volume says has to do, unless it is known to be wrong.
  if (!content.ok()) return is_behind ? Result<Attributes>(content.error()) : volume_.Stat(inode);
  return RefreshCounted(inode, **content, {.last_write = std::nullopt, .unseen_writers = may_be_mapped});
}

Result<Attributes> Vfs::GetAttributes(InodeId inode) {
  if (Status prepared = volume_.Prepare(inode); !prepared.ok()) return prepared.error();
  if (!MayBeBehind(inode)) {
    const Result<Attributes> attributes = volume_.Stat(inode);
    if (!attributes.ok()) return attributes.error();
    return Show(*attributes);
  }
  const auto held = volume_.locks().Exclusive(inode);
  const std::shared_ptr<OpenContent> open = table_.FindOpen(inode);
  // An access time that cannot be kept (after a failed sync, or on a full disk) is no reason to tell nothing.
  if (open != nullptr) static_cast<void>(NoteReads(inode, *open));
  const Result<Attributes> attributes = open != nullptr ? RefreshPrivileges(inode, *open) : RefreshClosed(inode);
  if (!attributes.ok()) return attributes.error();
  return Show(*attributes);
}

// REQUIRES: exclusive(inode).
Status Vfs::NoteReads(InodeId inode, OpenContent& open) { return open.was_read.exchange(false) ? volume_.NoteRead(inode) : Status(); }

void Vfs::NotePrivileges(OpenContent& open, const Attributes& attributes) const {
  if (open.unseen_writers() == 0) return;
  open.privileged_since = HasPrivileges(attributes) ? std::optional(attributes.mtime) : std::nullopt;
  open.uncacheable = open.privileged_since.has_value();
}

Result<Attributes> Vfs::SetAttributes(const Caller& caller, InodeId inode, const AttributeChange& change) {
  for (const Operation operation : OperationsFor(change)) {
    if (Status failed = MayFail({.operation = operation, .caller = caller, .inode = inode}); !failed.ok()) return failed.error();
  }
  Result<Attributes> set = WithQuota([&](Attempt attempt) { return SetUnpromised(caller, inode, change, attempt); });
  if (!set.ok()) return set;
  if (Status promised = Promise(Durability::kEverything); !promised.ok()) return promised.error();
  return set;
}

// As may_setattr of the kernel's fs/attr.c, and do_truncate.
Status Vfs::CheckSet(const Asked& asked, const Attributes& attributes, const AttributeChange& change) {
  if (volume_.capabilities().inode_flags || attributes.flags == 0) return {};
  if (change.size.has_value()) {
    if (Status allowed = CheckFlags(asked, attributes.flags, Change::kContent); !allowed.ok()) return allowed;
  }
  // Both times become now, which comes with a ctime; all else is setting them (utimensat(2)).
  const bool touches = change.ctime.has_value() && change.atime == change.ctime && change.mtime == change.ctime;
  const bool sets_times = !touches && (change.atime.has_value() || change.mtime.has_value());
  if (change.mode.has_value() || change.uid.has_value() || change.gid.has_value() || sets_times) {
    return CheckFlags(asked, attributes.flags, Change::kAttributes);
  }
  return touches ? CheckFlags(asked, attributes.flags, Change::kTouch) : Status();
}

Result<Attributes> Vfs::SetUnpromised(const Caller& caller, InodeId inode, const AttributeChange& change, Attempt attempt) {
  if (Status prepared = volume_.Prepare(inode); !prepared.ok()) return prepared.error();
  if (change.mode.has_value() && IsPrivileged(*change.mode)) AwaitCloses(inode);
  const auto held = volume_.locks().Exclusive(inode);
  Result<Attributes> attributes = volume_.Stat(inode);
  if (!attributes.ok()) return attributes.error();
  const std::vector<Operation> operations = OperationsFor(change);
  const Operation first = operations.empty() ? Operation::kUtimes : operations.front();
  if (Status allowed = CheckSet({.operation = first, .caller = caller, .inode = inode}, *attributes, change); !allowed.ok()) {
    return allowed.error();
  }
  for (const Operation operation : operations) {
    if (Status allowed = Judge({.operation = operation, .caller = caller, .inode = inode}); !allowed.ok()) return allowed.error();
  }
  const std::shared_ptr<OpenContent> open = table_.FindOpen(inode);
  if (open != nullptr) {
    // Writes so far come before what is set now.
    attributes = RefreshPrivileges(inode, *open);
    if (!attributes.ok()) return attributes.error();
  }
  if (change.size.has_value()) {
    const Asked truncated{.operation = Operation::kTruncate, .caller = caller, .inode = inode};
    if (!change.by_open) {
      if (Status may_write = volume_.MayWrite(caller, inode); !may_write.ok()) return may_write.error();
    }
    if (attributes->type != FileType::kRegular) return Error{EINVAL, "truncation of something that is no regular file"};
    if (open != nullptr) {
      attributes = TruncateCounted(truncated, *open->file, *change.size, attempt);
    } else {
      const Result<std::unique_ptr<BackingFile>> content = volume_.OpenContent(inode);
      if (!content.ok()) return content.error();
      attributes = TruncateCounted(truncated, **content, *change.size, attempt);
    }
    if (!attributes.ok()) return attributes.error();
  }
  Volume::XattrChanges xattrs;
  // File capabilities go with the owner or the content they were given for (cap_inode_killpriv in the kernel's security/commoncap.c).
  const bool loses_capabilities = change.size.has_value() || change.uid.has_value() || change.gid.has_value() || change.kill_suidgid;
  if (loses_capabilities) {
    const Result<bool> has_capabilities = HasCapabilities(inode);
    if (!has_capabilities.ok()) return has_capabilities.error();
    if (*has_capabilities) xattrs.emplace_back(kCapabilityXattr, std::nullopt);
  }
  const bool only_size = !change.mode.has_value() && !change.uid.has_value() && !change.gid.has_value() && !change.atime.has_value() &&
                         !change.mtime.has_value() && !change.ctime.has_value() && !change.kill_suidgid && xattrs.empty();
  if (!only_size || !change.size.has_value()) {
    const auto room = ReserveOwner({.operation = Operation::kChown, .caller = caller, .inode = inode}, change, attempt);
    if (!room.ok()) return room.error();
    attributes = volume_.ChangeAttributes(caller, inode, change, xattrs);
    if (!attributes.ok()) return attributes.error();
    // A time that is set is no write.
    if (open != nullptr && (change.mode.has_value() || open->privileged_since.has_value())) NotePrivileges(*open, *attributes);
  }
  if (open != nullptr && open->unseen_writers() > 0) {
    // What was set now may lie in the current tick: the next write has to show all the same.
    attributes = Refresh(inode, *open);
    if (!attributes.ok()) return attributes.error();
  }
  return Show(*attributes);
}

Result<std::string> Vfs::ReadLink(InodeId inode) {
  if (Status prepared = volume_.Prepare(inode); !prepared.ok()) return prepared.error();
  return volume_.ReadLink(inode);
}

}  // namespace hardlinkfs
