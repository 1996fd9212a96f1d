// ioctl(2): what the `hardlinkfs` command asks, see control.h, and what flag_ioctl.h and policy_ioctl.h have.
#include <unistd.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "fuse/lowlevel/control.h"
#include "fuse/lowlevel/flag_ioctl.h"
#include "fuse/lowlevel/names_ioctl.h"
#include "fuse/lowlevel/operations.h"
#include "fuse/lowlevel/policy_ioctl.h"
#include "fuse/lowlevel/reply.h"
#include "fuse/lowlevel/utc_text.h"

namespace hardlinkfs {
namespace {

using Json = nlohmann::ordered_json;

const char* StateOf(const VolumeHealth& health, const SessionOptions& options) {
  if (health.failure.has_value()) return "failed";
  for (const std::string& flag : options.kernel_flags) {
    if (flag == "ro") return "read-only";
  }
  return "read-write";
}

std::string StatusText(Server& server) {
  const VolumeHealth health = server.vfs.Health();
  Json failure;
  if (health.failure.has_value()) {
    const Error& error = health.failure->error;
    failure = {
        {"what", error.what}, {"errno", strerrorname_np(error.code)}, {"since", UtcText(health.failure->since, Precision::kSeconds)}};
  }
  Json restored;
  if (server.options.restored_from.has_value()) restored = UtcText({*server.options.restored_from, 0}, Precision::kSeconds);
  const Json status = {{"source", server.options.source},
                       {"mountpoint", server.options.mountpoint},
                       {"filesystem", server.vfs.capabilities().filesystem},
                       {"names", server.options.backing == BackingUse::kOurs ? "catalog" : "backing"},
                       {"state", StateOf(health, server.options)},
                       {"failure", failure},
                       {"after_crash", health.after_crash},
                       {"restored_from", restored},
                       {"inodes", health.inodes},
                       {"unsynced", health.unsynced},
                       {"to_remove", health.to_remove},
                       {"to_settle", health.to_settle},
                       {"reserve_whole", health.reserve_whole},
                       {"passthrough", server.connection.passthrough() && server.passthrough.attached()},
                       {"io_uring", server.connection.io_uring()},
                       {"server", getpid()}};
  // Paths may hold any bytes; those that are no UTF-8 are shown as U+FFFD.
  return status.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Status ReplyStatus(Server& server, fuse_req_t request, size_t room) {
  if (room != sizeof(StatusReply)) return Error{EINVAL, "status: a buffer of another size"};
  const std::string text = StatusText(server);
  if (text.size() >= sizeof(StatusReply)) return Error{EOVERFLOW, "status: paths that are too long"};
  StatusReply reply{};
  std::memcpy(reply.json, text.data(), text.size());
  fuse_reply_ioctl(request, 0, &reply, sizeof reply);
  return {};
}

Status Ioctl(Server& server, fuse_req_t request, fuse_ino_t inode, unsigned command, void* /*argument*/, fuse_file_info* /*file*/,
             unsigned flags, const void* in, size_t in_size, size_t out_size) {
  if (IsFlagIoctl(command)) return FlagIoctl(server, request, inode, command, {static_cast<const char*>(in), in_size}, out_size);
  if (IsPolicyIoctl(command)) return PolicyIoctl(server, request, command, {static_cast<const char*>(in), in_size}, out_size);
  switch (command) {
    case kControlSync: {
      const Status synced = server.vfs.SyncAll();
      if (synced.ok()) fuse_reply_ioctl(request, 0, nullptr, 0);
      return synced;
    }
    case kControlStatus:
      return ReplyStatus(server, request, out_size);
    case kControlNames:
      if ((flags & FUSE_IOCTL_DIR) == 0) return Error{ENOTDIR, "names: only a directory can be asked"};
      return NamesIoctl(server, request, inode, {static_cast<const char*>(in), in_size}, out_size);
    default:
      return Error{ENOTTY, "unknown ioctl"};
  }
}

}  // namespace

void AddControlOperations(fuse_lowlevel_ops& table) { table.ioctl = Guard<Ioctl>::Call; }

}  // namespace hardlinkfs
