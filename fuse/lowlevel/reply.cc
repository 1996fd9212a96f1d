#include "fuse/lowlevel/reply.h"

#include <spdlog/spdlog.h>
#include <sys/types.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "fuse/lowlevel/thread_capabilities.h"

namespace hardlinkfs {
namespace {

std::vector<gid_t> GroupsOf(fuse_req_t request) {
  std::vector<gid_t> groups(64);
  const int count = fuse_req_getgroups(request, static_cast<int>(groups.size()), groups.data());
  if (count <= 0) return {};
  if (static_cast<size_t>(count) <= groups.size()) {
    groups.resize(static_cast<size_t>(count));
    return groups;
  }
  groups.resize(static_cast<size_t>(count));
  // A process that joins groups between the two calls keeps those that fit; it has raced with itself.
  const int again = fuse_req_getgroups(request, count, groups.data());
  groups.resize(again > 0 ? static_cast<size_t>(std::min(again, count)) : 0);
  return groups;
}

// With passthrough and io_uring this does not matter; as an unaligned buffer would make a backing that is opened with O_DIRECT fail, it is
// aligned.
constexpr std::align_val_t kPage{4096};

struct PageDelete {
  void operator()(char* memory) const { ::operator delete[](memory, kPage); }
};

struct ThreadBuffer {
  std::unique_ptr<char[], PageDelete> memory;
  size_t size = 0;
};

}  // namespace

Caller CallerOf(fuse_req_t request) {
  const fuse_ctx* const context = fuse_req_ctx(request);
  const pid_t thread = context->pid;
  return {.uid = context->uid,
          .gid = context->gid,
          .pid = thread,
          .umask = context->umask,
          .groups = [request] { return GroupsOf(request); },
          .has_capability = [thread](unsigned capability) { return HasCapability(thread, capability); }};
}

Status MayFail(Server& server, fuse_req_t request, Operation operation, fuse_ino_t inode) {
  return server.vfs.MayFail({.operation = operation, .caller = CallerOf(request), .inode = InodeId{inode}});
}

struct stat ToStat(const Attributes& attributes) {
  struct stat out {};
  out.st_ino = attributes.number;
  out.st_mode = ModeBits(attributes.type) | attributes.mode;
  out.st_nlink = attributes.nlink;
  out.st_uid = attributes.uid;
  out.st_gid = attributes.gid;
  out.st_rdev = attributes.rdev;
  out.st_size = static_cast<off_t>(attributes.size);
  out.st_blksize = 4096;
  out.st_blocks = static_cast<blkcnt_t>(attributes.blocks);
  out.st_atim = attributes.atime.ToTimespec();
  out.st_mtim = attributes.mtime.ToTimespec();
  out.st_ctim = attributes.ctime.ToTimespec();
  return out;
}

fuse_entry_param ToEntry(const Server& server, const Attributes& attributes) {
  fuse_entry_param entry{};
  entry.ino = Raw(attributes.inode);
  entry.generation = attributes.generation;
  entry.attr = ToStat(attributes);
  entry.attr_timeout = TimeoutOf(server, attributes);
  entry.entry_timeout = server.options.believe.names;
  return entry;
}

void ReplyEntry(Server& server, fuse_req_t request, const Attributes& attributes) {
  const fuse_entry_param entry = ToEntry(server, attributes);
  if (fuse_reply_entry(request, &entry) != 0) server.vfs.Forget(attributes.inode, 1);
}

int ToErrno(const Error& error) { return error.code == ENOSYS ? EOPNOTSUPP : error.code; }

void ReplyToException(fuse_req_t request, int code, const char* what) noexcept {
  try {
    spdlog::error("an operation failed unexpectedly: {}", what);
  } catch (...) {
    // Logging needs memory as well; the caller gets its errno in any case.
  }
  fuse_reply_err(request, code);
}

std::span<char> ReplyBuffer(fuse_req_t request, size_t size) {
  char* payload = nullptr;
  size_t payload_size = 0;
  if (fuse_req_is_uring(request) && fuse_req_get_payload(request, &payload, &payload_size, nullptr) == 0 && payload_size >= size) {
    return {payload, size};
  }
  // One a thread, so that a read does not cost an allocation of up to 1 MiB.
  thread_local ThreadBuffer buffer;
  if (buffer.size < size) {
    buffer.size = 0;
    buffer.memory.reset(static_cast<char*>(::operator new[](size, kPage)));
    buffer.size = size;
  }
  return {buffer.memory.get(), size};
}

}  // namespace hardlinkfs
