// Paths on stdout. Names are bytes, and may hold what makes a terminal do things.
#ifndef HARDLINKFS_MOUNT_HELPERS_PRINTED_PATH_H_
#define HARDLINKFS_MOUNT_HELPERS_PRINTED_PATH_H_

#include <optional>
#include <string>

#include "mount-helpers/failure.h"

namespace hardlinkfs {

enum class PathEnd : char { kNewline = '\n', kNull = '\0' };

// RETURNS: the path with '?' for each control character of ASCII, as find(1) shows it on a terminal.
std::string ShownOnTerminal(std::string path);
// As it is, but on a terminal as above; not so with kNull, which is for programs.
void PrintPath(const std::string& path, PathEnd end);
// RETURNS: a failure when what was printed to stdout did not get there.
std::optional<Failure> FinishOutput();

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_PRINTED_PATH_H_
