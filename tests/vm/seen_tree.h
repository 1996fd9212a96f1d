// SeenTree: what a directory shows, with all contents.
#ifndef HARDLINKFS_TESTS_VM_SEEN_TREE_H_
#define HARDLINKFS_TESTS_VM_SEEN_TREE_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace hardlinkfs {

struct SeenEntry {
  bool directory = false;
  mode_t permissions = 0;
  ino_t ino = 0;
  nlink_t nlink = 0;
  std::string content;
};

struct SeenTree {
  std::map<std::string, SeenEntry> entries;  // by the path below the root
  std::vector<std::string> errors;           // what could not be looked at, and why
};

// Looks at all below `root`, but for the entry `left_out` of the root itself.
SeenTree LookAt(const std::string& root, const std::string& left_out = "");

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_VM_SEEN_TREE_H_
