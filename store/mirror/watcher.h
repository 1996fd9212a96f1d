// Watcher: hears from the kernel what others do to the backing (fanotify(7)), and tells it to whoever keeps what was true before. It never
// decides what is true: it only has things asked for again.
#ifndef HARDLINKFS_STORE_MIRROR_WATCHER_H_
#define HARDLINKFS_STORE_MIRROR_WATCHER_H_

#include <cstddef>
#include <memory>
#include <span>
#include <thread>

#include "store/base/result.h"
#include "store/base/unique_fd.h"
#include "store/mirror/node_table.h"
#include "store/volume/change_observer.h"

namespace hardlinkfs {

// Whether the mount in which the root was opened is used by the server alone, and by the kernel for it.
enum class RootMount { kOwn, kShared };

// The kernel keeps a bounded number of events for us; when there are more, everything that is known counts as changed.
class Watcher {
 public:
  // Watches the whole filesystem on which `root` lies, by one mark, since a directory that is not watched could not be told of. Borrows
  // both. RETURNS: EPERM without CAP_SYS_ADMIN; EOPNOTSUPP, EXDEV or EINVAL where the filesystem or the kernel cannot.
  static Result<std::unique_ptr<Watcher>> Start(int root, RootMount mount, const NodeTable& nodes, ChangeObserver& observer);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

 private:
  Watcher(UniqueFd events, UniqueFd stop, const NodeTable& nodes, ChangeObserver& observer);
  void Run();
  void Tell(std::span<const char> events);

  const UniqueFd events_;
  const UniqueFd stop_;  // readable: the thread is to end
  const NodeTable& nodes_;
  ChangeObserver& observer_;
  std::thread thread_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_MIRROR_WATCHER_H_
