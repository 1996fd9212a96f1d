// ShownAs: other owners and modes than the backing has (-o force_user=, force_group=, perms=), and in whose name files are made
// (create_for=); after bindfs(1).
#ifndef HARDLINKFS_STORE_MIRROR_SHOWN_AS_H_
#define HARDLINKFS_STORE_MIRROR_SHOWN_AS_H_

#include <cstdint>
#include <optional>

#include "store/base/attributes.h"
#include "store/base/caller.h"
#include "store/base/mode_rules.h"
#include "store/base/result.h"

namespace hardlinkfs {

struct ShownAs {
  struct Maker {
    uint32_t uid = 0;
    uint32_t gid = 0;
  };
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
  ModeRules modes;
  std::optional<Maker> maker;  // unset: who asks

  // Whether what is shown is not what the backing goes by. Then who may do what is judged by what is shown, by the kernel, and the backing
  // is told to do it.
  bool is_other() const { return uid.has_value() || gid.has_value() || !modes.empty(); }

  void Apply(Attributes& attributes) const;
  // Who is to own what `caller` makes.
  Caller MakerFor(const Caller& caller) const;
  // RETURNS: the mode to make it with: nobody but root lends the rights of whom he makes it for, or of a group
  // that he is shown to be in.
  uint32_t ModeOfMade(const Caller& caller, FileType type, uint32_t mode) const;
  // What is left of `change` for the backing. RETURNS: EPERM for what would not be seen afterwards: another owner, a mode that the rules
  // do not allow; and for suid and sgid, by which another than the owner on the backing would lend that one's rights.
  Result<AttributeChange> Admit(const Caller& caller, FileType type, AttributeChange change) const;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_MIRROR_SHOWN_AS_H_
