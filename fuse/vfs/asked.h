// Asked: one operation, as it is put to policy.
#ifndef HARDLINKFS_FUSE_VFS_ASKED_H_
#define HARDLINKFS_FUSE_VFS_ASKED_H_

#include <optional>
#include <string_view>

#include "policy/operation.h"
#include "store/base/attributes.h"
#include "store/base/caller.h"
#include "store/base/inode_id.h"

namespace hardlinkfs {

struct NameAt {
  InodeId directory{};
  std::string_view name;
};

struct Asked {
  Operation operation;
  const Caller& caller;
  InodeId inode{};                     // unset: it is to be made
  FileType type = FileType::kUnknown;  // of what is to be made
  std::optional<NameAt> from{};        // the name that goes; unset: any of the inode's
  std::optional<NameAt> to{};          // the name that comes
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_VFS_ASKED_H_
