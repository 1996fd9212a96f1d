// What must always hold between the tables of a catalog, and between them and the backing; and what holds besides after a clean end.
#ifndef HARDLINKFS_TESTS_MODEL_INVARIANTS_H_
#define HARDLINKFS_TESTS_MODEL_INVARIANTS_H_

#include <string>
#include <vector>

#include "tests/model/machine.h"

namespace hardlinkfs {

enum class Moment {
  kRunning,  // of an open session, with nothing under way
  kStopped,  // after Stop: homes lie where names say
};

// RETURNS: what is wrong, a line each; empty when all is well. Reads the backing; what it calls is counted there.
std::vector<std::string> BrokenInvariants(Machine& machine, Moment moment);

// What the ledger has of each account, a line each; and the same as a count of all inodes finds it, which knows no paths of inodes without
// names, and nothing of what was written to a file and not looked at since.
std::vector<std::string> Accounts(Machine& machine);
std::vector<std::string> RecountedAccounts(Machine& machine);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_MODEL_INVARIANTS_H_
