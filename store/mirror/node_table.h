// NodeTable: which file of the backing each number stands for that was given out, as long as somebody keeps it. A number is never given out
// twice, so that an answer about a file that is gone cannot be taken for one about its successor.
#ifndef HARDLINKFS_STORE_MIRROR_NODE_TABLE_H_
#define HARDLINKFS_STORE_MIRROR_NODE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "store/base/inode_id.h"
#include "store/base/mutex.h"
#include "store/base/result.h"
#include "store/base/unique_fd.h"
#include "store/mirror/file_key.h"
#include "store/volume/inode_ref.h"

namespace hardlinkfs {

// About 130 bytes a node, until it is let go of. Thread safety: any thread.
class NodeTable final : public InodeKeeper {
 public:
  // `root` is kept for good, as kRootInode. So many files without a name are held at most.
  NodeTable(const FileKey& root, size_t max_held);

  // The number of a file, which is given one when it has none. `held` (not valid: nothing) stays open as long as the number is kept; that
  // of a file that has one already is closed.
  InodeRef Remember(const FileKey& key, UniqueFd held = {});
  // The file has lost its last name: from now on `held` is the way to it. Does nothing for a number that nobody keeps, or when too many are
  // held: who still uses that one gets ESTALE.
  void Hold(InodeId inode, UniqueFd held);
  struct Found {
    FileKey key;
    int held = -1;  // a descriptor that the caller has to duplicate while he keeps the number; -1: none
  };
  // RETURNS: ESTALE for a number that nobody keeps.
  Result<Found> Find(InodeId inode) const;
  // RETURNS: the number of a file, if it has one. It may be given up at any moment: good for telling somebody about the file, no more.
  std::optional<InodeId> NumberOf(const FileKey& key) const;
  void LetGo(InodeId inode) override;

 private:
  struct Node {
    FileKey key;
    UniqueFd held;
    bool held_later = false;  // by Hold
    uint32_t keepers = 0;
  };
  std::optional<InodeId> NodeWith(const FileKey& key) const REQUIRES(mutex_);

  const FileKey root_;
  const size_t max_held_;
  mutable Mutex mutex_;  // leaf
  uint64_t next_ GUARDED_BY(mutex_) = Raw(kFirstFreeInode);
  size_t held_ GUARDED_BY(mutex_) = 0;  // by Hold
  std::unordered_map<InodeId, Node> nodes_ GUARDED_BY(mutex_);
  std::unordered_multimap<size_t, InodeId> by_hash_ GUARDED_BY(mutex_);
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_MIRROR_NODE_TABLE_H_
