// Opening and releasing contents. All handles of an inode share one descriptor.
#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <vector>

#include "fuse/vfs/vfs.h"
#include "store/base/privilege.h"

namespace hardlinkfs {
namespace {

bool Reads(int open_flags) { return (open_flags & O_ACCMODE) != O_WRONLY; }
bool Writes(int open_flags) { return (open_flags & O_ACCMODE) != O_RDONLY; }

std::vector<Operation> OperationsFor(int open_flags) {
  std::vector<Operation> operations;
  if (Reads(open_flags)) operations.push_back(Operation::kOpenForRead);
  if (Writes(open_flags)) operations.push_back(Operation::kOpenForWrite);
  return operations;
}

// A close that is on its way is here in microseconds, on a busy machine in milliseconds.
constexpr std::chrono::milliseconds kCloseOnItsWay{50};

}  // namespace

// A write through passthrough does not tell us to clear suid, sgid and file capabilities, and the kernel leaves it to us
// (HANDLE_KILLPRIV_V2). So who opens a file that has any is given a path on which each write is seen, and says what it takes away.
bool Vfs::HasPrivileges(const Attributes& attributes) const {
  if (IsPrivileged(attributes.mode)) return true;
  const Result<bool> has_capabilities = HasCapabilities(attributes.inode);
  return !has_capabilities.ok() || *has_capabilities;
}

Result<bool> Vfs::HasCapabilities(InodeId inode) const {
  const Result<std::string> value = volume_.GetXattr(inode, kCapabilityXattr);
  if (!value.ok() && value.code() != ENODATA) return value.error();
  return value.ok();
}

void Vfs::AwaitCloses(InodeId inode) const {
  if (const std::shared_ptr<OpenContent> open = table_.FindOpen(inode); open != nullptr) open->AwaitUnseenWriters(kCloseOnItsWay);
}

// They may also be given while an unseen writer is open. Nobody can execute the file before that writer is gone (ETXTBSY), and until
// then the kernel is told not to cache the attributes, so that it asks before it executes: then they are taken away, if anything was
// written since, by whomever. REQUIRES: exclusive(inode).
Result<Attributes> Vfs::RefreshPrivileges(InodeId inode, OpenContent& open) {
  Result<Attributes> fresh = Refresh(inode, open);
  if (!fresh.ok() || !open.privileged_since.has_value()) return fresh;
  const bool written = fresh->mtime != *open.privileged_since;
  if (!written && open.unseen_writers() > 0) return fresh;
  open.privileged_since.reset();
  open.uncacheable = false;
  if (!written) return fresh;
  if (Status taken = TakePrivileges(inode, fresh->mode, true); !taken.ok()) return taken.error();
  return volume_.Stat(inode);
}

// Several may look at once before one of them opens; the server's own share allows for that.
Status Vfs::RoomToOpen() const {
  if (!HasRoomToOpen(file_locks_.descriptors())) return Error{ENFILE, "as many files are open as the server has descriptors for"};
  return {};
}

OpenedFile Vfs::Attach(const Attributes& attributes, std::unique_ptr<BackingFile> content, int open_flags) {
  const InodeId inode = attributes.inode;
  const bool is_append_only = (attributes.flags & FS_APPEND_FL) != 0;
  std::shared_ptr<OpenContent> open = table_.FindOpen(inode);
  if (open == nullptr) {
    int backing_id = 0;
    // What is made to fail has to come by.
    const bool is_watched = gate_.MayFail(Operation::kRead) || gate_.MayFail(Operation::kWrite);
    const bool may_pass = passthrough_ != nullptr && content->descriptor() >= 0 && !is_append_only && !is_watched;
    if (may_pass && !HasPrivileges(attributes) && !LimitsBytes(inode)) {
      // As whom the kernel writes.
      const WithoutReserve without_reserve(volume_.capabilities().reserve_for_root);
      const Result<int> registered = passthrough_->Register(content->descriptor());
      if (registered.ok()) backing_id = *registered;
    }
    open = std::make_shared<OpenContent>(std::move(content), backing_id);
    open->flags = attributes.flags;
    table_.SetOpen(inode, open);
  }
  ++open->handles;
  if (open->backing_id == 0) {
    if (!Writes(open_flags)) return {};
    ++open->writers;
    return {.caching = is_append_only ? Caching::kNever : Caching::kAllowed};
  }
  // Reads by passthrough do not come by here, and not every backing keeps access times: an open for reading counts as a read.
  if (Reads(open_flags) && options_.atime == Atime::kRelative) open->was_read = true;
  if (!Writes(open_flags)) return {open->backing_id, IoPath::kPassthrough};
  ++open->writers;
  if (is_append_only || HasPrivileges(attributes) || LimitsBytes(inode)) return {open->backing_id, IoPath::kRequests};
  open->AddUnseenWriter();
  // A shared mapping that can be written takes both.
  if (Reads(open_flags)) table_.NoteMayBeMapped(inode);
  return {open->backing_id, IoPath::kPassthrough};
}

// As may_open of the kernel's fs/namei.c, which does not know the flags. O_TRUNC comes as a truncation.
Status Vfs::CheckOpen(const Caller& caller, const Attributes& attributes, int open_flags) {
  if (!Writes(open_flags)) return {};
  const Asked asked{.operation = Operation::kOpenForWrite, .caller = caller, .inode = attributes.inode};
  return CheckFlags(asked, attributes.flags, (open_flags & O_APPEND) != 0 ? Change::kAppend : Change::kContent);
}

Status Vfs::JudgeOpen(const Caller& caller, InodeId inode, int open_flags) {
  for (const Operation operation : OperationsFor(open_flags)) {
    if (Status allowed = Judge({.operation = operation, .caller = caller, .inode = inode}); !allowed.ok()) return allowed;
  }
  return {};
}

// What is written by a handle with O_SYNC or O_DSYNC has to be found again: by the name, too.
Result<OpenedFile> Vfs::Open(const Caller& caller, InodeId inode, int open_flags) {
  const Result<OpenedFile> opened = OpenUnpromised(caller, inode, open_flags);
  if (!opened.ok() || !Writes(open_flags) || (open_flags & O_DSYNC) == 0) return opened;
  Status promised = Promise(Durability::kOnRequest);
  if (promised.ok()) return opened;
  Release(inode, open_flags, opened->path);
  return promised.error();
}

Result<OpenedFile> Vfs::OpenUnpromised(const Caller& caller, InodeId inode, int open_flags) {
  if (Status prepared = volume_.Prepare(inode); !prepared.ok()) return prepared.error();
  if (Writes(open_flags)) {
    if (Status may_write = volume_.MayWrite(caller, inode); !may_write.ok()) return may_write.error();
  }
  for (const Operation operation : OperationsFor(open_flags)) {
    if (Status failed = MayFail({.operation = operation, .caller = caller, .inode = inode}); !failed.ok()) return failed.error();
  }
  Result<OpenedFile> opened = OpenOnce(caller, inode, open_flags);
  if (opened.code() != EBUSY || opened.error().decided) return opened;
  AwaitPassthroughEnd(inode);
  return OpenOnce(caller, inode, open_flags);
}

// Nobody has it open by passthrough any longer, or not soon.
void Vfs::AwaitPassthroughEnd(InodeId inode) const {
  const auto until = std::chrono::steady_clock::now() + kCloseOnItsWay;
  while (std::chrono::steady_clock::now() < until) {
    const std::shared_ptr<OpenContent> open = table_.FindOpen(inode);
    if (open == nullptr || open->backing_id == 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Result<OpenedFile> Vfs::OpenOnce(const Caller& caller, InodeId inode, int open_flags) {
  const auto held = volume_.locks().Exclusive(inode);
  const Result<Attributes> attributes = volume_.Stat(inode);
  if (!attributes.ok()) return attributes.error();
  if (Status allowed = CheckOpen(caller, *attributes, open_flags); !allowed.ok()) return allowed.error();
  if (Status allowed = JudgeOpen(caller, inode, open_flags); !allowed.ok()) return allowed.error();
  const std::shared_ptr<OpenContent> open = table_.FindOpen(inode);
  if (open != nullptr) {
    // Where it is open by passthrough a mapping leads to the backing, whatever the handle; one that can be written takes both.
    const bool could_be_mapped = open->backing_id > 0 && Reads(open_flags) && Writes(open_flags);
    if (could_be_mapped && (attributes->flags & FS_APPEND_FL) != 0) return Error{EBUSY, "append-only, and open by passthrough"};
    if (Writes(open_flags)) {
      if (Status writable = open->file->MakeWritable(); !writable.ok()) return writable.error();
    }
    return Attach(*attributes, nullptr, open_flags);
  }
  if (Status room = RoomToOpen(); !room.ok()) return room.error();
  Result<std::unique_ptr<BackingFile>> content = volume_.OpenContent(inode);
  if (!content.ok()) return content.error();
  if (Writes(open_flags)) {
    if (Status writable = (*content)->MakeWritable(); !writable.ok()) return writable.error();
  }
  return Attach(*attributes, *std::move(content), open_flags);
}

void Vfs::Release(InodeId inode, int open_flags, IoPath path, uint64_t open_number) {
  file_locks_.Release(inode, open_number);
  bool reclaim = false;
  {
    const auto held = volume_.locks().Exclusive(inode);
    const std::shared_ptr<OpenContent> open = table_.FindOpen(inode);
    if (open == nullptr) return;
    if (Writes(open_flags)) {
      --open->writers;
      // Else nobody could execute it underneath as long as it is open for reading here.
      if (open->writers == 0 && open->handles > 1 && options_.backing == BackingUse::kShared) open->file->EndWriting();
      if (path == IoPath::kPassthrough) open->RemoveUnseenWriter();
      // What cannot be kept now is found by the next mount, which compares.
      static_cast<void>(RefreshPrivileges(inode, *open));
    }
    static_cast<void>(NoteReads(inode, *open));
    if (--open->handles > 0) return;
    if (open->backing_id > 0) passthrough_->Unregister(open->backing_id);
    reclaim = table_.Close(inode);
  }
  if (reclaim) volume_.Reclaim(inode);
}

Result<std::shared_ptr<OpenContent>> Vfs::FindOpen(InodeId inode) const {
  std::shared_ptr<OpenContent> open = table_.FindOpen(inode);
  if (open == nullptr) return Error{EBADF, "I/O on a file that is not open"};
  return open;
}

}  // namespace hardlinkfs
