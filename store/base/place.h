// Place: where a content physically lies, as (directory inode, name on the backing). See "home" in docs/glossary.md.
#ifndef HARDLINKFS_STORE_BASE_PLACE_H_
#define HARDLINKFS_STORE_BASE_PLACE_H_

#include <compare>

#include "store/base/inode_id.h"
#include "store/base/name.h"

namespace hardlinkfs {

// `directory` names the directory inode whose home holds the entry (or kHomesDirectory), not a path: when that directory's
// own home moves, the place moves with it and stays true.
struct Place {
  InodeId directory{};
  BackingName name;

  auto operator<=>(const Place&) const = default;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BASE_PLACE_H_
