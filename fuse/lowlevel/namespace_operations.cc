// Operations on names: lookup and forget, make, link, remove, rename.
#include <linux/fs.h>
#include <spdlog/spdlog.h>

#include "fuse/lowlevel/operations.h"
#include "fuse/lowlevel/reply.h"
#include "fuse/lowlevel/uncancellable.h"

namespace hardlinkfs {
namespace {

Status Lookup(Server& server, fuse_req_t request, fuse_ino_t parent, const char* name) {
  if (Status failed = MayFail(server, request, Operation::kLookup, parent); !failed.ok()) return failed;
  const Result<Attributes> found = server.vfs.Lookup(InodeId{parent}, name);
  if (found.code() == ENOENT) {
    // An entry without an inode is remembered by the kernel; an error is not.
    fuse_entry_param absent{};
    absent.entry_timeout = server.options.believe.names;
    fuse_reply_entry(request, &absent);
    return {};
  }
  if (!found.ok()) return found.error();
  ReplyEntry(server, request, *found);
  return {};
}

// There is no error reply to a FORGET, so these two have their own guard.
void Forget(fuse_req_t request, fuse_ino_t inode, uint64_t lookups) noexcept {
  const Uncancellable uncancellable;
  try {
    static_cast<Server*>(fuse_req_userdata(request))->vfs.Forget(InodeId{inode}, lookups);
  } catch (const std::exception& exception) {
    spdlog::error("inode {} could not be forgotten: {}", inode, exception.what());
  }
  fuse_reply_none(request);
}

void ForgetMulti(fuse_req_t request, size_t count, fuse_forget_data* forgets) noexcept {
  const Uncancellable uncancellable;
  Server& server = *static_cast<Server*>(fuse_req_userdata(request));
  for (const fuse_forget_data& forget : std::span(forgets, count)) {
    try {
      server.vfs.Forget(InodeId{forget.ino}, forget.nlookup);
    } catch (const std::exception& exception) {
      spdlog::error("inode {} could not be forgotten: {}", forget.ino, exception.what());
    }
  }
  fuse_reply_none(request);
}

Status Make(Server& server, fuse_req_t request, fuse_ino_t parent, const char* name, const NodeRequest& node) {
  const Result<Attributes> made = server.vfs.MakeNode(CallerOf(request), InodeId{parent}, name, node);
  if (!made.ok()) return made.error();
  ReplyEntry(server, request, *made);
  return {};
}

Status Mknod(Server& server, fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode, dev_t rdev) {
  // mknod(2) takes a mode without a type for a regular file; the kernel has filled that in already.
  return Make(server, request, parent, name, {TypeOfMode(mode), mode & 07777, rdev, {}});
}

Status Mkdir(Server& server, fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode) {
  return Make(server, request, parent, name, {FileType::kDirectory, mode & 07777, 0, {}});
}

Status Symlink(Server& server, fuse_req_t request, const char* target, fuse_ino_t parent, const char* name) {
  return Make(server, request, parent, name, {FileType::kSymlink, 0777, 0, target});
}

Status Link(Server& server, fuse_req_t request, fuse_ino_t inode, fuse_ino_t parent, const char* name) {
  const Result<Attributes> linked = server.vfs.Link(CallerOf(request), InodeId{inode}, InodeId{parent}, name);
  if (!linked.ok()) return linked.error();
  ReplyEntry(server, request, *linked);
  return {};
}

Status Unlink(Server& server, fuse_req_t request, fuse_ino_t parent, const char* name) {
  return ReplyDone(request, server.vfs.Unlink(CallerOf(request), InodeId{parent}, name));
}

Status Rmdir(Server& server, fuse_req_t request, fuse_ino_t parent, const char* name) {
  return ReplyDone(request, server.vfs.RemoveDirectory(CallerOf(request), InodeId{parent}, name));
}

Result<RenameMode> ToRenameMode(unsigned flags) {
  switch (flags) {
    case 0:
      return RenameMode::kReplace;
    case RENAME_NOREPLACE:
      return RenameMode::kNoReplace;
    case RENAME_EXCHANGE:
      return RenameMode::kExchange;
    case RENAME_WHITEOUT:
      return RenameMode::kWhiteout;
    case RENAME_WHITEOUT | RENAME_NOREPLACE:
      return RenameMode::kWhiteoutNoReplace;
    default:
      return Error{EINVAL, "rename: unknown flags"};
  }
}

Status Rename(Server& server, fuse_req_t request, fuse_ino_t parent, const char* name, fuse_ino_t new_parent, const char* new_name,
              unsigned flags) {
  const Result<RenameMode> mode = ToRenameMode(flags);
  if (!mode.ok()) return mode.error();
  return ReplyDone(request, server.vfs.Rename(CallerOf(request), InodeId{parent}, name, InodeId{new_parent}, new_name, *mode));
}

Status ReadLink(Server& server, fuse_req_t request, fuse_ino_t inode) {
  const Result<std::string> target = server.vfs.ReadLink(InodeId{inode});
  if (!target.ok()) return target.error();
  fuse_reply_readlink(request, target->c_str());
  return {};
}

}  // namespace

void AddNamespaceOperations(fuse_lowlevel_ops& table) {
  table.lookup = Guard<Lookup>::Call;
  table.forget = Forget;
  table.forget_multi = ForgetMulti;
  table.mknod = Guard<Mknod>::Call;
  table.mkdir = Guard<Mkdir>::Call;
  table.symlink = Guard<Symlink>::Call;
  table.link = Guard<Link>::Call;
  table.unlink = Guard<Unlink>::Call;
  table.rmdir = Guard<Rmdir>::Call;
  table.rename = Guard<Rename>::Call;
  table.readlink = Guard<ReadLink>::Call;
}

}  // namespace hardlinkfs
