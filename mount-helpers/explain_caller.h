// Who does what is explained: the process itself, or the user of --as.
#ifndef HARDLINKFS_MOUNT_HELPERS_EXPLAIN_CALLER_H_
#define HARDLINKFS_MOUNT_HELPERS_EXPLAIN_CALLER_H_

#include <string>
#include <variant>

#include "mount-helpers/explain_facts.h"

namespace hardlinkfs {

// RETURNS: the process, with its groups and capabilities.
ExplainedCaller ThisCaller();

// `as` is USER[:GROUP], names or numbers. His groups are those of group(5), if he is in passwd(5). Root holds what capabilities this
// process may have at all, others none. RETURNS: else what is wrong with it, in one line.
std::variant<ExplainedCaller, std::string> CallerAs(const std::string& as);

// RETURNS: the ranges of ids that have a number in this process's user namespace, from /proc/self/uid_map or gid_map.
std::vector<IdRange> MappedIds(const std::string& map);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_EXPLAIN_CALLER_H_
