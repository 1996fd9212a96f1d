#include "fuse/lowlevel/flag_ioctl.h"

#include <linux/fs.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "fuse/lowlevel/reply.h"

namespace hardlinkfs {
namespace {

struct Pair {
  uint32_t flag;   // FS_*_FL
  uint32_t xflag;  // FS_XFLAG_*
};
constexpr std::array kPairs{Pair{FS_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE}, Pair{FS_APPEND_FL, FS_XFLAG_APPEND},
                            Pair{FS_NODUMP_FL, FS_XFLAG_NODUMP}, Pair{FS_NOATIME_FL, FS_XFLAG_NOATIME}, Pair{FS_SYNC_FL, FS_XFLAG_SYNC}};

uint32_t ToXflags(uint32_t flags) {
  uint32_t xflags = 0;
  for (const Pair& pair : kPairs) {
    if ((flags & pair.flag) != 0) xflags |= pair.xflag;
  }
  return xflags;
}

// Those that have no xflag stay as they are.
Result<uint32_t> FromXattr(const fsxattr& attributes, uint32_t before) {
  uint32_t flags = before;
  uint32_t rest = attributes.fsx_xflags & ~FS_XFLAG_HASATTR;
  for (const Pair& pair : kPairs) {
    flags = (rest & pair.xflag) != 0 ? flags | pair.flag : flags & ~pair.flag;
    rest &= ~pair.xflag;
  }
  if (rest != 0 || attributes.fsx_projid != 0 || attributes.fsx_extsize != 0 || attributes.fsx_cowextsize != 0) {
    return Error{EOPNOTSUPP, "FS_IOC_FSSETXATTR: a flag, a project or a size that is not kept here"};
  }
  return flags;
}

// The macros say long, what is meant is an int (ioctl_iflags(2)).
template <typename Value>
Status ReplyValue(fuse_req_t request, const Value& value, size_t room) {
  std::array<char, 64> out{};
  if (room < sizeof value || room > out.size()) return Error{EINVAL, "ioctl: a buffer of another size"};
  std::memcpy(out.data(), &value, sizeof value);
  fuse_reply_ioctl(request, 0, out.data(), room);
  return {};
}

template <typename Value>
Result<Value> ValueIn(std::span<const char> in) {
  Value value{};
  if (in.size() < sizeof value) return Error{EINVAL, "ioctl: a buffer of another size"};
  std::memcpy(&value, in.data(), sizeof value);
  return value;
}

Status Set(Server& server, fuse_req_t request, InodeId inode, const Result<uint32_t>& flags) {
  if (!flags.ok()) return flags.error();
  Status set = server.vfs.SetFlags(CallerOf(request), inode, *flags);
  if (set.ok()) fuse_reply_ioctl(request, 0, nullptr, 0);
  return set;
}

}  // namespace

bool IsFlagIoctl(unsigned command) {
  return command == FS_IOC_GETFLAGS || command == FS_IOC_SETFLAGS || command == FS_IOC_FSGETXATTR || command == FS_IOC_FSSETXATTR;
}

Status FlagIoctl(Server& server, fuse_req_t request, fuse_ino_t inode, unsigned command, std::span<const char> in, size_t room) {
  const InodeId id{inode};
  if (command == FS_IOC_SETFLAGS) return Set(server, request, id, ValueIn<uint32_t>(in));
  const Result<uint32_t> flags = server.vfs.GetFlags(id);
  if (!flags.ok()) return flags.error();
  if (command == FS_IOC_GETFLAGS) return ReplyValue(request, *flags, room);
  if (command == FS_IOC_FSGETXATTR) return ReplyValue(request, fsxattr{.fsx_xflags = ToXflags(*flags)}, room);
  const Result<fsxattr> wanted = ValueIn<fsxattr>(in);
  return Set(server, request, id, wanted.ok() ? FromXattr(*wanted, *flags) : Result<uint32_t>(wanted.error()));
}

}  // namespace hardlinkfs
