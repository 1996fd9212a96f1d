#include "store/volume/hidden_entries.h"

#include <strings.h>

#include <string_view>

#include "store/backing/private_area.h"

namespace hardlinkfs {
namespace {

// What some backings show of a removed file that is still open: libfuse's high-level filesystems and NFS. Not ours to adopt.
bool IsSillyRename(const BackingName& name) {
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  for (const std::string_view prefix : {".fuse_hidden", ".nfs"}) {
    const std::string_view bytes = name.bytes();
    const bool matches = bytes.starts_with(prefix) && bytes.size() >= prefix.size() + 16;
    if (matches && bytes.find_first_not_of(kHexDigits, prefix.size()) == std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

// The private area is no entry of the volume. Without regard to case, since that is how FAT finds it.
bool IsHidden(InodeId directory, const BackingName& name) {
  return (directory == kRootInode && strcasecmp(name.c_str(), kPrivateAreaName) == 0) || IsSillyRename(name);
}

}  // namespace hardlinkfs
