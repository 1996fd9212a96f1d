// OpenMirror: from a directory to a MirrorVolume that shows it.
#ifndef HARDLINKFS_STORE_MIRROR_OPEN_MIRROR_H_
#define HARDLINKFS_STORE_MIRROR_OPEN_MIRROR_H_

#include <memory>

#include "store/base/result.h"
#include "store/base/unique_fd.h"
#include "store/mirror/id_map.h"
#include "store/mirror/mirror_volume.h"

namespace hardlinkfs {

enum class MirrorAtime { kAsTheBacking, kNever };
enum class MirrorAccess { kReadWrite, kReadOnly };

struct OpenMirrorOptions {
  MirrorOptions volume;
  MirrorAtime atime = MirrorAtime::kAsTheBacking;
  MirrorAccess access = MirrorAccess::kReadWrite;
  IdMap map;  // where it is not empty, it takes a mount of its own, and a filesystem that can be mounted so
};

// `source` is the opened directory. Nothing is written to it. Filesystems that are mounted below it do not show, as with a non-recursive
// bind mount; where that takes rights which the server has not, they answer EXDEV. RETURNS: as the backing. Thread safety: any thread.
Result<std::unique_ptr<MirrorVolume>> OpenMirror(UniqueFd source, const OpenMirrorOptions& options);

// RETURNS: whether files of this filesystem can be opened by handles (Reopening::kByHandle).
bool CanReopenByHandle(int directory);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_MIRROR_OPEN_MIRROR_H_
