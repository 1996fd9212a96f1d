// getdents64(2), see directory_stream.h.
#include "store/mirror/directory_stream.h"

#include <dirent.h>
#include <unistd.h>

#include <array>
#include <string>

#include "store/backing/linux_calls.h"

namespace hardlinkfs {

Result<std::vector<ListedName>> MirrorStream::List(uint64_t offset) {
  alignas(dirent64) std::array<char, 16384> buffer;
  ssize_t filled = 0;
  {
    MutexLock lock(mutex_);
    if (lseek(directory_.get(), static_cast<off_t>(offset), SEEK_SET) < 0) return LastError("lseek in a directory");
    filled = RetryInterrupted([&] { return getdents64(directory_.get(), buffer.data(), buffer.size()); });
  }
  std::vector<ListedName> names;
  // Of a directory that was removed nothing is left to list, as elsewhere.
  if (filled < 0 && errno == ENOENT) return names;
  if (filled < 0) return LastError("getdents64");
  for (ssize_t at = 0; at < filled;) {
    const auto& entry = *reinterpret_cast<const dirent64*>(buffer.data() + at);
    names.push_back({.name = std::string(static_cast<const char*>(entry.d_name)),
                     .type = static_cast<FileType>(entry.d_type),
                     .number = numbers_.Of(device_, entry.d_ino),
                     .offset = static_cast<uint64_t>(entry.d_off)});
    at += entry.d_reclen;
  }
  return names;
}

}  // namespace hardlinkfs
