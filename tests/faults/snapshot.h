// Snapshot: all that can be seen of a volume from above, one text a path.
#ifndef HARDLINKFS_TESTS_FAULTS_SNAPSHOT_H_
#define HARDLINKFS_TESTS_FAULTS_SNAPSHOT_H_

#include <map>
#include <string>

#include "fuse/vfs/vfs.h"

namespace hardlinkfs {

struct Seen {
  std::string names;       // type, number, nlink
  std::string attributes;  // mode, owner, times, xattrs, target
  std::string content;     // with the size; of a regular file
  friend bool operator==(const Seen&, const Seen&) = default;
};
// By path; what cannot be read says so.
using Snapshot = std::map<std::string, Seen>;

Snapshot TakeSnapshot(Vfs& vfs);

// RETURNS: how the two differ, a line each; empty when they do not.
std::string DifferenceOf(const Snapshot& expected, const Snapshot& found);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_FAULTS_SNAPSHOT_H_
