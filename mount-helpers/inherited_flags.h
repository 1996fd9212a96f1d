// What a mount may not permit because its backing does not: a hardlinkfs must not lend rights that whoever provides the backing does not
// have.
#ifndef HARDLINKFS_MOUNT_HELPERS_INHERITED_FLAGS_H_
#define HARDLINKFS_MOUNT_HELPERS_INHERITED_FLAGS_H_

#include <string>
#include <vector>

namespace hardlinkfs {

// Whose files are shown: those of the source, or such as others say are somebody's (map=, submounts=follow).
enum class Shown { kTheSource, kOthersToo };

// `source` is the open directory, `store` where the catalog lies (empty: in the source), `asked` the flags that were asked for by name.
// RETURNS: those of nosuid, nodev and noexec with which the source is mounted; nosuid and nodev also when somebody other than root and us
// can put files, or a catalog that describes them, into the source or the store, and with kOthersToo. Without those whose opposite is asked
// for.
std::vector<std::string> InheritedFlags(int source, const std::string& store, Shown shown, const std::vector<std::string>& asked);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_INHERITED_FLAGS_H_
