// Directories that hold entries of the same names, as many do ("src", "Makefile"), moved in one batch on FAT: random operations make two
// of them, and cut the power at the moment that matters, once in millions of cuts. Here they are all there is.
#ifndef HARDLINKFS_TESTS_SIM_ALIKE_H_
#define HARDLINKFS_TESTS_SIM_ALIKE_H_

#include <cstdint>
#include <string>

namespace hardlinkfs {

// Cuts the power at each step of the move, with dice from `seed` on. RETURNS: what was synced before and is missing; empty if nothing is.
std::string WhatIsLostOfAlikeDirectories(uint64_t seed);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_SIM_ALIKE_H_
