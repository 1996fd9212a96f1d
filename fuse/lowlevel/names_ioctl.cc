#include "fuse/lowlevel/names_ioctl.h"

#include <cerrno>
#include <cstring>
#include <string>

#include "fuse/lowlevel/control.h"
#include "fuse/lowlevel/reply.h"

namespace hardlinkfs {

Status NamesIoctl(Server& server, fuse_req_t request, fuse_ino_t directory, std::span<const char> in, size_t room) {
  NamesExchange exchange{};
  if (in.size() != sizeof exchange || room != sizeof exchange) return Error{EINVAL, "names: a buffer of another size"};
  std::memcpy(&exchange, in.data(), offsetof(NamesExchange, bytes));
  const NamePosition after{InodeId{exchange.directory}, exchange.offset};
  const Result<NamesPage> page =
      server.vfs.Names(CallerOf(request), InodeId{directory}, InodeId{exchange.inode}, after, NamesExchange::kTextBytes);
  if (!page.ok()) return page.error();
  const NamePosition next = page->next.value_or(NamePosition{});
  exchange.directory = Raw(next.directory);
  exchange.offset = next.offset;
  for (const std::string& path : page->paths) {
    std::memcpy(exchange.text + exchange.bytes, path.c_str(), path.size() + 1);
    exchange.bytes += path.size() + 1;
  }
  fuse_reply_ioctl(request, 0, &exchange, sizeof exchange);
  return {};
}

}  // namespace hardlinkfs
