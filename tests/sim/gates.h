// The one rule of the sync that a single thread cannot break: nothing is committed between the last look at what took over a name and the
// mark in the log. A second thread tries, at the worst moment.
#ifndef HARDLINKFS_TESTS_SIM_GATES_H_
#define HARDLINKFS_TESTS_SIM_GATES_H_

#include <string>

namespace hardlinkfs {

// RETURNS: what was lost in the power cut that follows; empty if nothing was.
std::string WhatGotThroughTheGates();

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_SIM_GATES_H_
