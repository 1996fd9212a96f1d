// Who may read, write or execute a file, by its mode and ACL. The kernel checks that before it asks (default_permissions); here it is for
// rules that go by it, and for explaining.
#ifndef HARDLINKFS_POLICY_ACCESS_H_
#define HARDLINKFS_POLICY_ACCESS_H_

#include <optional>

#include "store/base/acl.h"
#include "store/base/attributes.h"
#include "store/base/caller.h"

namespace hardlinkfs {

inline constexpr unsigned kMayRead = 4;
inline constexpr unsigned kMayWrite = 2;
inline constexpr unsigned kMayExecute = 1;

// RETURNS: whether `caller` has all of `wanted` (kMay…, joined by |). `acl` is the access ACL, if there is one. As path_resolution(7) and
// acl(5) say, and generic_permission in the kernel's fs/namei.c does, with CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
bool MayAccess(const Caller& caller, const Attributes& attributes, const std::optional<Acl>& acl, unsigned wanted);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_POLICY_ACCESS_H_
