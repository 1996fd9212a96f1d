// The rules as a build with HARDLINKFS_MUTANTS has them: all are kept, but one that a test has dropped.
#ifndef HARDLINKFS_TESTS_SIM_MUTANTS_H_
#define HARDLINKFS_TESTS_SIM_MUTANTS_H_

#include <optional>
#include <ostream>
#include <vector>

#include "store/base/rules.h"

namespace hardlinkfs {

struct Mutant {
  Rule rule;
  const char* name;
  const char* dropped;  // the sentence that does not hold any more
};

inline void PrintTo(const Mutant& mutant, std::ostream* out) { *out << mutant.name; }

std::vector<Mutant> AllMutants();

// From now on, in the whole process. Thread safety: while nobody uses a volume.
void Drop(std::optional<Rule> rule);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_SIM_MUTANTS_H_
