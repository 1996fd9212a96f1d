// Removal goes by the listing, not by what was meant to be made: exfat-fuse leaves a file behind where mkfifo failed.
#include "store/backing/scratch_folder.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "store/backing/linux_calls.h"

namespace hardlinkfs {

Result<ScratchFolder> ScratchFolder::Make(int directory_fd) {
  uint64_t random = 0;
  if (getrandom(&random, sizeof(random), 0) != static_cast<ssize_t>(sizeof(random))) return LastError("getrandom");
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), ".hardlinkfs-probe-%d-%016llx", getpid(), static_cast<unsigned long long>(random));
  std::string name = text.data();
  if (mkdirat(directory_fd, name.c_str(), 0700) != 0) return LastError("mkdir of the scratch folder");
  auto opened = OpenBeneath(directory_fd, name.c_str(), O_RDONLY | O_DIRECTORY);
  if (!opened.ok()) {
    unlinkat(directory_fd, name.c_str(), AT_REMOVEDIR);
    return opened.error();
  }
  return ScratchFolder(directory_fd, std::move(name), std::move(*opened));
}

ScratchFolder::~ScratchFolder() {
  if (name_.empty()) return;
  std::vector<std::string> entries;
  const Status listed = ListDirectory(fd(), [&](const BackingEntry& entry) {
    entries.push_back(entry.name.bytes());
    return true;
  });
  static_cast<void>(listed.ok());  // what could be listed can be removed
  for (const std::string& entry : entries) {
    if (unlinkat(fd(), entry.c_str(), 0) != 0) unlinkat(fd(), entry.c_str(), AT_REMOVEDIR);
  }
  unlinkat(parent_fd_, name_.c_str(), AT_REMOVEDIR);
}

}  // namespace hardlinkfs
