#include "fuse/vfs/caller_access.h"

#include <cerrno>
#include <optional>
#include <string>

#include "policy/access.h"
#include "store/base/acl.h"

namespace hardlinkfs {

bool HasAccess(Volume& volume, const Caller& caller, const Attributes& attributes, unsigned wanted) {
  const Result<std::string> value = volume.GetXattr(attributes.inode, std::string(kAccessAclXattr));
  if (!value.ok() && value.code() != ENODATA && value.code() != EOPNOTSUPP) return false;
  std::optional<Acl> acl;
  if (value.ok()) {
    const Result<Acl> parsed = ParseAcl(*value);
    if (!parsed.ok()) return false;
    acl = *parsed;
  }
  return MayAccess(caller, attributes, acl, wanted);
}

}  // namespace hardlinkfs
