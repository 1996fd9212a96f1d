#include "policy/access.h"

#include <linux/capability.h>

#include <algorithm>

namespace hardlinkfs {
namespace {

constexpr uint32_t kAnyExecute = 0111;

// The group entries of an ACL, the owning group's among them: one that has all that is wanted is enough, but whoever is in any of them is
// not one of the others.
bool GroupsGrant(const Caller& caller, uint32_t owning_group, const Acl& acl, unsigned mask, unsigned wanted) {
  bool is_in_one = false;
  unsigned others = 0;
  for (const AclEntry& entry : acl.entries()) {
    if (entry.tag == AclTag::kOther) others = entry.permissions;
    const bool is_of_group = entry.tag == AclTag::kOwningGroup || entry.tag == AclTag::kGroup;
    if (!is_of_group || !caller.IsIn(entry.tag == AclTag::kOwningGroup ? owning_group : entry.id)) continue;
    if ((entry.permissions & mask & wanted) == wanted) return true;
    is_in_one = true;
  }
  return !is_in_one && (others & wanted) == wanted;
}

// posix_acl_permission in the kernel's fs/posix_acl.c. The owner is not asked for here: his bits are the mode's.
bool Grants(const Caller& caller, const Attributes& attributes, const Acl& acl, unsigned wanted) {
  const auto& entries = acl.entries();
  const auto mask_entry = std::find_if(entries.begin(), entries.end(), [](const AclEntry& entry) { return entry.tag == AclTag::kMask; });
  const unsigned mask = mask_entry == entries.end() ? 7U : mask_entry->permissions;
  for (const AclEntry& entry : entries) {
    if (entry.tag == AclTag::kUser && entry.id == caller.uid) return (entry.permissions & mask & wanted) == wanted;
  }
  return GroupsGrant(caller, attributes.gid, acl, mask, wanted);
}

bool ModeGrants(const Caller& caller, const Attributes& attributes, const std::optional<Acl>& acl, unsigned wanted) {
  if (caller.uid == attributes.uid) return (attributes.mode >> 6U & wanted) == wanted;
  // Without a bit for groups the mask is empty, and nothing but the bits of others can grant anything.
  if (acl.has_value() && (attributes.mode & 070U) != 0) return Grants(caller, attributes, *acl, wanted);
  const unsigned shift = caller.IsIn(attributes.gid) ? 3 : 0;
  return (attributes.mode >> shift & wanted) == wanted;
}

}  // namespace

bool MayAccess(const Caller& caller, const Attributes& attributes, const std::optional<Acl>& acl, unsigned wanted) {
  if (ModeGrants(caller, attributes, acl, wanted)) return true;
  const bool is_directory = attributes.type == FileType::kDirectory;
  const bool reads = (wanted & kMayWrite) == 0 && (is_directory || wanted == kMayRead);
  if (reads && caller.Holds(CAP_DAC_READ_SEARCH)) return true;
  // Nobody executes what has no bit for anybody.
  const bool may_be_executed = is_directory || (wanted & kMayExecute) == 0 || (attributes.mode & kAnyExecute) != 0;
  return may_be_executed && caller.Holds(CAP_DAC_OVERRIDE);
}

}  // namespace hardlinkfs
