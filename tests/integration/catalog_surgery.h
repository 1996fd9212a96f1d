// Opens the catalog of a volume that is not mounted, for tests that need a state which would take hours, or a broken disk, to come about.
#ifndef HARDLINKFS_TESTS_INTEGRATION_CATALOG_SURGERY_H_
#define HARDLINKFS_TESTS_INTEGRATION_CATALOG_SURGERY_H_

#include <cstdint>
#include <string>

#include "tests/integration/folder.h"

namespace hardlinkfs {

// Sets the count of links of an inode, as if it had that many names.
Errno SetStoredNlink(const std::string& source, uint64_t inode, uint32_t nlink);

// Flips a bit in the stored record of an inode.
Errno DamageStoredRecord(const std::string& source, uint64_t inode);

// Has the catalog say that it was not unmounted cleanly.
Errno MarkStoredUnclean(const std::string& source);

// Flips a bit in the stored row of a name.
Errno DamageStoredName(const std::string& source, uint64_t directory, const std::string& name);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_INTEGRATION_CATALOG_SURGERY_H_
