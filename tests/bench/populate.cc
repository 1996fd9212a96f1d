// populate DIR COUNT: makes a volume of COUNT small files, a thousand in a directory and every tenth with a second name, without a mount in
// between: for measuring what looks at all of a volume.
#include <fcntl.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "store/base/clock.h"
#include "store/volume/open_volume.h"

namespace hardlinkfs {
namespace {

constexpr unsigned long kInDirectory = 1000;

bool Make(CatalogVolume& volume, unsigned long count) {
  InodeId directory{};
  for (unsigned long i = 0; i < count; ++i) {
    if (i % kInDirectory == 0) {
      const Name name = *Name::From("directory" + std::to_string(i / kInDirectory));
      const auto held = volume.locks().Exclusive(kRootInode);
      const auto made = volume.Create(kRootInode, name, {.type = FileType::kDirectory, .mode = 0755});
      if (!made.ok()) return false;
      directory = made->attributes.inode;
    }
    const std::string name = "file" + std::to_string(i);
    InodeId inode{};
    {
      const auto held = volume.locks().Exclusive(directory);
      const auto made = volume.Create(directory, *Name::From(name), {.type = FileType::kRegular, .mode = 0644});
      if (!made.ok()) return false;
      inode = made->attributes.inode;
    }
    if (i % 10 != 0) continue;
    const auto held = volume.locks().Exclusive(std::array{inode, directory});
    if (!volume.Link({}, inode, directory, *Name::From(name + " too")).ok()) return false;
  }
  return true;
}

int Run(const char* at, const char* count) {
  UniqueFd root(open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const SystemClock clock;
  auto opened = OpenVolume(std::move(root), {}, clock);
  if (!opened.ok()) return std::fprintf(stderr, "%s\n", opened.error().what), 1;
  CatalogVolume& volume = (*opened)->volume();
  if (!volume.PrepareDirectory(kRootInode).ok() || !Make(volume, std::strtoul(count, nullptr, 10))) return 1;
  return volume.Close().ok() ? 0 : 1;
}

}  // namespace
}  // namespace hardlinkfs

int main(int argc, char** argv) {
  if (argc == 3) return hardlinkfs::Run(argv[1], argv[2]);
  std::fprintf(stderr, "usage: populate DIR COUNT\n");
  return 2;
}
