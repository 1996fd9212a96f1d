// How the programs of the power-cut test end when something they need does not work: one line, and exit status 2. What they are to find
// out (a loss) is never told this way.
#ifndef HARDLINKFS_TESTS_VM_FAILURE_H_
#define HARDLINKFS_TESTS_VM_FAILURE_H_

#include <string>

namespace hardlinkfs {

inline constexpr int kBrokenTest = 2;

[[noreturn]] void Fail(const std::string& what);
// The same with what errno says.
[[noreturn]] void FailWithErrno(const std::string& what);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_VM_FAILURE_H_
