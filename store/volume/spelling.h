// Whether an entry of the backing is spelled exactly so: where case does not count, what Stat finds may be another one of the same letters.
#ifndef HARDLINKFS_STORE_VOLUME_SPELLING_H_
#define HARDLINKFS_STORE_VOLUME_SPELLING_H_

#include "store/backing/backing.h"
#include "store/base/result.h"

namespace hardlinkfs {

// Reads the directory up to there.
inline Result<bool> IsSpelledSo(Backing& backing, const BackingDirectoryRef& in, const BackingName& name) {
  bool found = false;
  const Status listed = backing.List(in, [&](const BackingEntry& entry) {
    found = entry.name == name;
    return !found;
  });
  if (!listed.ok()) return listed.error();
  return found;
}

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_SPELLING_H_
