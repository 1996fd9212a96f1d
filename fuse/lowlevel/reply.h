// What the operations share: from request to Caller, from Attributes to replies, and the guard in which each of them runs.
#ifndef HARDLINKFS_FUSE_LOWLEVEL_REPLY_H_
#define HARDLINKFS_FUSE_LOWLEVEL_REPLY_H_

#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <exception>
#include <new>
#include <span>

#include "fuse/lowlevel/fuse_api.h"
#include "fuse/lowlevel/operations.h"
#include "fuse/lowlevel/uncancellable.h"
#include "store/base/attributes.h"
#include "store/base/caller.h"
#include "store/base/result.h"

namespace hardlinkfs {

// RETURNS: how long the kernel may rely on `attributes`, in seconds. Before each execution of a program that lends rights it has to ask:
// what it was not told of (fallocate, copy_file_range, writes past passthrough) may have taken them away.
inline double TimeoutOf(const Server& server, const Attributes& attributes) {
  const bool lends_rights = attributes.type == FileType::kRegular && IsPrivileged(attributes.mode);
  return attributes.cacheable && !lends_rights ? server.options.believe.attributes : 0.0;
}

// The supplementary groups of the result are read while the request is open: do not keep it longer.
Caller CallerOf(fuse_req_t request);

// For requests that no rule decides. RETURNS: the error of a fault of the policy.
Status MayFail(Server& server, fuse_req_t request, Operation operation, fuse_ino_t inode);

struct stat ToStat(const Attributes& attributes);
fuse_entry_param ToEntry(const Server& server, const Attributes& attributes);

// Replies with an entry. When the request is gone by then (interrupted or aborted), the lookup that Vfs has counted is given back.
void ReplyEntry(Server& server, fuse_req_t request, const Attributes& attributes);

// RETURNS: what the kernel is told. ENOSYS becomes EOPNOTSUPP: the kernel would never ask again, and would take an FSYNC for done from then
// on.
int ToErrno(const Error& error);

// Logs what should not happen and answers with `code`, or with nothing when the request takes no error (forget).
void ReplyToException(fuse_req_t request, int code, const char* what) noexcept;

// Turns an operation, that replies by itself only when it succeeds, into a function for libfuse's table: Guard<Lookup>::Call.
// Nothing may be thrown after the reply, and no exception gets into libfuse, which is C.
template <auto kOperation>
struct Guard;

template <typename... Arguments, Status (*kOperation)(Server&, fuse_req_t, Arguments...)>
struct Guard<kOperation> {
  static void Call(fuse_req_t request, Arguments... arguments) noexcept {
    const Uncancellable uncancellable;
    try {
      const Status status = kOperation(*static_cast<Server*>(fuse_req_userdata(request)), request, arguments...);
      if (!status.ok()) fuse_reply_err(request, ToErrno(status.error()));
    } catch (const std::bad_alloc&) {
      ReplyToException(request, ENOMEM, "out of memory");
    } catch (const std::exception& exception) {
      ReplyToException(request, EIO, exception.what());
    }
  }
};

// For operations whose success has nothing to tell.
inline Status ReplyDone(fuse_req_t request, const Status& status) {
  if (status.ok()) fuse_reply_err(request, 0);
  return status;
}

// A buffer to build a reply in: the request's own part of the ring with io_uring, which saves a copy, else one that belongs to this thread
// and is used again. REQUIRES: what came with the request as payload (names) is not needed any more; one at a time on a thread.
std::span<char> ReplyBuffer(fuse_req_t request, size_t size);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_LOWLEVEL_REPLY_H_
