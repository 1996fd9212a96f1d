// Facts: what policy may know of one operation. Paths cost something to find, and are asked for only when a rule goes by them.
#ifndef HARDLINKFS_POLICY_FACTS_H_
#define HARDLINKFS_POLICY_FACTS_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "policy/operation.h"
#include "store/base/attributes.h"
#include "store/base/caller.h"
#include "store/base/result.h"

namespace hardlinkfs {

struct Facts {
  Operation operation = Operation::kCreate;
  const Caller& caller;
  // Of what it is done to, before it is done. Of what is to be made: type, and the caller's ids.
  Attributes inode;
  // Paths from the root of the mount, "/a/b". Of a name that goes: that one. Of an inode that is linked, opened or changed: all its names,
  // as far as they are known; none of a file without a name, or of what is made. Of thousands that a file may have, so many at most.
  std::function<Result<std::vector<std::string>>(size_t most)> names;
  bool by_name = false;  // `names` is the name that was used
  // The name that it gets, by creation, link or rename; unset: none.
  std::function<Result<std::string>()> new_name;
  // Whether the caller may both read and write the inode. Of links only.
  std::function<bool()> may_read_and_write;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_POLICY_FACTS_H_
