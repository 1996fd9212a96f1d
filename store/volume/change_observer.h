// ChangeObserver: hears of what changed without having been asked for: what reconciling found out, and what others did to a mirror's
// backing. Somebody above may have kept what was true before. Who asks for a change knows of it, so nothing is said of those.
#ifndef HARDLINKFS_STORE_VOLUME_CHANGE_OBSERVER_H_
#define HARDLINKFS_STORE_VOLUME_CHANGE_OBSERVER_H_

#include "store/base/inode_id.h"
#include "store/base/name.h"

namespace hardlinkfs {

// Called after the change was committed, from any thread, with any lock held: must return at once.
class ChangeObserver {
 public:
  virtual ~ChangeObserver() = default;
  // The attributes of `inode` are not what they were.
  virtual void AttributesChanged(InodeId inode) = 0;
  // Nor are the names in `directory`, and its attributes. What reconciling lets go was shown in a listing at most: what can be looked up is
  // there for the rest of the session.
  virtual void ListingChanged(InodeId directory) = 0;
  // `directory` has a name that it may have been said not to have, or that is another's by now, or gone.
  virtual void NameChanged(InodeId directory, const Name& name) = 0;
  // All of this, of all that there is.
  virtual void EverythingChanged() = 0;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_CHANGE_OBSERVER_H_
