// HomeDirectories: from a directory inode to its open home on the backing, through a bounded cache, so that no operation resolves a path
// and no directory keeps a descriptor for long.
#ifndef HARDLINKFS_STORE_VOLUME_HOME_DIRECTORIES_H_
#define HARDLINKFS_STORE_VOLUME_HOME_DIRECTORIES_H_

#include <list>
#include <unordered_map>
#include <utility>

#include "store/backing/backing.h"
#include "store/base/inode_id.h"
#include "store/base/mutex.h"
#include "store/base/result.h"
#include "store/catalog/catalog.h"

namespace hardlinkfs {

// Thread safety: any thread.
class HomeDirectories {
 public:
  // Borrows both. `homes` is `.hardlinkfs/homes`.
  HomeDirectories(Backing& backing, const Catalog& catalog, BackingDirectoryRef homes, size_t capacity)
      : backing_(backing), catalog_(catalog), homes_(std::move(homes)), capacity_(capacity) {}

  // RETURNS: ENOENT when the inode or a home on the way is gone; EUCLEAN, ELOOP for damage; the backing's errno.
  Result<BackingDirectoryRef> Open(InodeId directory);

  // Keeps `directory` open until Unpin: its home is about to move, and between the move and the commit the catalog names the wrong place.
  Status Pin(InodeId directory);
  void Unpin(InodeId directory);

  // The home of `directory` is gone.
  void Forget(InodeId directory);

 private:
  using Entry = std::pair<InodeId, BackingDirectoryRef>;

  Result<BackingDirectoryRef> OpenOnce(InodeId directory);
  BackingDirectoryRef Cached(InodeId directory) EXCLUDES(mutex_);
  void Remember(InodeId directory, BackingDirectoryRef ref) EXCLUDES(mutex_);

  Backing& backing_;
  const Catalog& catalog_;
  const BackingDirectoryRef homes_;
  const size_t capacity_;

  Mutex mutex_;
  std::list<Entry> recent_ GUARDED_BY(mutex_);  // most recently used first
  std::unordered_map<InodeId, std::list<Entry>::iterator> index_ GUARDED_BY(mutex_);
  std::unordered_map<InodeId, BackingDirectoryRef> pinned_ GUARDED_BY(mutex_);
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_HOME_DIRECTORIES_H_
