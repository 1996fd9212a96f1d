#include "store/mirror/shown_as.h"

#include <cerrno>

namespace hardlinkfs {
namespace {

constexpr uint32_t kLending = 06000;  // suid, sgid

}  // namespace

void ShownAs::Apply(Attributes& attributes) const {
  attributes.uid = uid.value_or(attributes.uid);
  attributes.gid = gid.value_or(attributes.gid);
  // Of a symlink it means nothing.
  if (attributes.type != FileType::kSymlink) attributes.mode = modes.Apply(attributes.mode, attributes.type);
}

Caller ShownAs::MakerFor(const Caller& caller) const {
  if (!maker.has_value()) return caller;
  return {.uid = maker->uid, .gid = maker->gid, .pid = caller.pid, .umask = caller.umask, .groups = {}};
}

uint32_t ShownAs::ModeOfMade(const Caller& caller, FileType type, uint32_t mode) const {
  const bool is_his_own = !maker.has_value() && !is_other();
  const bool may_lend = is_his_own || caller.uid == 0 || type == FileType::kDirectory;
  return may_lend ? mode : mode & ~kLending;
}

Result<AttributeChange> ShownAs::Admit(const Caller& caller, FileType type, AttributeChange change) const {
  const auto admit_id = [](std::optional<uint32_t>& wanted, const std::optional<uint32_t>& shown) {
    if (!shown.has_value() || !wanted.has_value()) return true;
    const bool is_shown = *wanted == *shown;
    wanted.reset();
    return is_shown;
  };
  if (!admit_id(change.uid, uid)) return Error{EPERM, "force_user="};
  if (!admit_id(change.gid, gid)) return Error{EPERM, "force_group="};
  if (!change.mode.has_value()) return change;
  if (modes.Apply(*change.mode, type) != *change.mode) return Error{EPERM, "perms="};
  const bool lends = type != FileType::kDirectory && (*change.mode & kLending) != 0;
  if (lends && is_other() && caller.uid != 0) return Error{EPERM, "suid or sgid for another than who owns the file on the backing"};
  return change;
}

}  // namespace hardlinkfs
