// UnsyncedMoves: which entries the settler has moved that are not durable yet, and so what has to be synced before what. On FAT a rename is
// two changes in two blocks (fs/fat/namei_vfat.c: vfat_rename): if the old entry goes from the disk before the new one is there, a power
// cut takes the content.
#ifndef HARDLINKFS_STORE_VOLUME_UNSYNCED_MOVES_H_
#define HARDLINKFS_STORE_VOLUME_UNSYNCED_MOVES_H_

#include <map>
#include <set>

#include "store/base/inode_id.h"
#include "store/base/mutex.h"

namespace hardlinkfs {

// Thread safety: any thread.
class UnsyncedMoves {
 public:
  // To be called before the rename.
  // RETURNS: false if one of the directories would have to be synced both before and after the other: then nothing is noted, and the move
  // has to wait until they are synced.
  bool Note(InodeId from, InodeId to);

  // RETURNS: the directories to be synced before this one. None of them has any itself.
  std::set<InodeId> DirectoriesBefore(InodeId directory);

  // The entries of the directory are durable, or it is gone.
  void NoteSynced(InodeId directory);

 private:
  using Edges = std::map<InodeId, std::set<InodeId>>;

  Mutex mutex_;                       // leaf
  Edges targets_ GUARDED_BY(mutex_);  // by the directory that something was moved out of
  Edges sources_ GUARDED_BY(mutex_);  // the same the other way round
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_UNSYNCED_MOVES_H_
