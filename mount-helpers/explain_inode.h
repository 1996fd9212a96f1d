// InodeReader: what can be seen of an inode without changing it, through a descriptor of O_PATH.
#ifndef HARDLINKFS_MOUNT_HELPERS_EXPLAIN_INODE_H_
#define HARDLINKFS_MOUNT_HELPERS_EXPLAIN_INODE_H_

#include <map>
#include <string>

#include "mount-helpers/explain_facts.h"
#include "mount-helpers/mount_table.h"

namespace hardlinkfs {

class InodeReader {
 public:
  InodeReader() : table_(ReadMountTable()) {}

  // `path` is only what it is called.
  ExplainedInode Read(int fd, const std::string& path);
  // What takes an open of the file itself: flags that statx(2) does not tell, the project. Devices, fifos and sockets are left alone.
  void ReadMore(int fd, ExplainedInode& inode) const;

  const std::vector<MountEntry>& table() const { return table_; }

 private:
  ExplainedMount MountOf(uint64_t id);

  const std::vector<MountEntry> table_;
  std::map<uint64_t, ExplainedMount> mounts_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_EXPLAIN_INODE_H_
