// IdMap: owners and groups of the backing that are to be shown as others. The kernel does it, by an idmapped mount (mount_setattr(2)): so
// it holds for what is made, for chown and for ACLs alike.
#ifndef HARDLINKFS_STORE_MIRROR_ID_MAP_H_
#define HARDLINKFS_STORE_MIRROR_ID_MAP_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "store/base/result.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {

// From the id on the backing to the id that is shown.
using IdPairs = std::vector<std::pair<uint32_t, uint32_t>>;

struct IdMap {
  IdPairs uids;
  IdPairs gids;

  bool empty() const { return uids.empty() && gids.empty(); }
};

// All ids that are not named stay what they are. An id that another is shown as, and that is not shown as something itself, is not mapped:
// its files are shown as nobody's (65534), since two owners that look like one could not be told apart again.
// RETURNS: the lines for /proc/PID/uid_map (user_namespaces(7)). REQUIRES: no id twice on one side.
std::string MapText(const IdPairs& pairs);

// RETURNS: a descriptor of a user namespace with these maps, which lives as long as it is used; EPERM, ENOSPC ... as the kernel.
// Forks for a moment.
Result<UniqueFd> MakeUserNamespace(const IdMap& map);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_MIRROR_ID_MAP_H_
