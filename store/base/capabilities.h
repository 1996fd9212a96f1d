// Capabilities: what a backing was found to do, by trying (store/backing/probe.h). Facts only.
#ifndef HARDLINKFS_STORE_BASE_CAPABILITIES_H_
#define HARDLINKFS_STORE_BASE_CAPABILITIES_H_

#include <chrono>
#include <cstddef>
#include <string>

namespace hardlinkfs {

struct Capabilities {
  bool hard_links = false;
  bool symlinks = false;
  bool special_files = false;  // fifo by mkfifo(3) that is one afterwards
  bool modes = false;          // chmod changes what stat shows
  bool owners = false;         // chown to another uid works and shows
  bool user_xattrs = false;
  bool case_sensitive = false;        // "a" and "A" are two files
  bool any_bytes_in_names = false;    // invalid UTF-8 and control characters are kept as they are
  bool punctuation_in_names = false;  // < > : " | ? * and backslash
  bool trailing_dots_and_spaces = false;
  bool stable_inodes = false;  // st_ino survives dropping caches, and two empty files differ
  bool sparse_files = false;
  bool rename_noreplace = false;
  bool rename_exchange = false;
  bool tmpfile = false;
  bool reserve_for_root = false;  // of blocks, by fsuid
  bool inode_flags = false;       // it keeps those of chattr(1) itself, as far as it has any, and goes by them
  bool directory_fsync = false;   // accepted; whether it reaches the disk cannot be probed
  std::size_t max_name_bytes = 255;
  std::chrono::nanoseconds time_granularity{1};
  std::string filesystem;  // f_type's name or number, for messages only: no decision may depend on it
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BASE_CAPABILITIES_H_
