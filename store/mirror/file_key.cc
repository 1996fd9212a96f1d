// name_to_handle_at(2) and open_by_handle_at(2), see file_key.h.
#include "store/mirror/file_key.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <string_view>

#include "store/backing/linux_calls.h"

namespace hardlinkfs {
namespace {

// A file_handle with room for the longest.
struct HandleBuffer {
  alignas(file_handle) char memory[sizeof(file_handle) + MAX_HANDLE_SZ] = {};

  file_handle& handle() { return *reinterpret_cast<file_handle*>(memory); }
};

}  // namespace

size_t FileKey::Hash() const { return (std::hash<std::string_view>()(bytes) * 31 + static_cast<size_t>(type)) * 31 + mount; }

Result<FoundHandle> HandleAt(int directory_fd, const char* name) {
  HandleBuffer buffer;
  file_handle& handle = buffer.handle();
  handle.handle_bytes = MAX_HANDLE_SZ;
  int mount_id = 0;
  const int flags = *name == '\0' ? AT_EMPTY_PATH : 0;
  if (RetryInterrupted([&] { return name_to_handle_at(directory_fd, name, &handle, &mount_id, flags); }) != 0) {
    return LastError("name_to_handle_at");
  }
  return FoundHandle{{handle.handle_type, std::string(reinterpret_cast<const char*>(handle.f_handle), handle.handle_bytes)}, mount_id};
}

Result<UniqueFd> OpenHandle(int mount_fd, const FileKey& key, int flags) {
  HandleBuffer buffer;
  file_handle& handle = buffer.handle();
  handle.handle_type = key.type;
  handle.handle_bytes = static_cast<unsigned>(key.bytes.size());
  std::memcpy(handle.f_handle, key.bytes.data(), key.bytes.size());
  const int fd = RetryInterrupted([&] { return open_by_handle_at(mount_fd, &handle, flags | O_CLOEXEC | O_NOFOLLOW); });
  // An inode number that is being given to another file at this moment is ENOMEM.
  if (fd < 0 && errno == ENOMEM) return Error{ESTALE, "open_by_handle_at"};
  if (fd < 0) return LastError("open_by_handle_at");
  return UniqueFd(fd);
}

FileKey NumbersOf(const BackingStat& stat) {
  std::string bytes(sizeof stat.device + sizeof stat.inode, '\0');
  std::memcpy(bytes.data(), &stat.device, sizeof stat.device);
  std::memcpy(bytes.data() + sizeof stat.device, &stat.inode, sizeof stat.inode);
  return {FileKey::kNumbers, std::move(bytes)};
}

}  // namespace hardlinkfs
