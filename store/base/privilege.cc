// capget(2) and capset(2); see privilege.h.
#include "store/base/privilege.h"

#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace hardlinkfs {
namespace {

// Nobody's, and no filesystem's resuid=, as 65534 may be.
constexpr uid_t kNobody = 4294967294;

using Sets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

bool Get(Sets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return syscall(SYS_capget, &header, sets.data()) == 0;
}

bool Set(Sets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return syscall(SYS_capset, &header, sets.data()) == 0;
}

uint32_t BitOf(unsigned capability) { return uint32_t{1} << (capability % 32); }

// `but`: of the first 32.
void UseAllPrivilegesBut(uint32_t but) {
  Sets sets{};
  if (!Get(sets)) return;
  for (auto& set : sets) set.effective = set.permitted;
  sets[0].effective &= ~but;
  Set(sets);
}

}  // namespace

WithoutPrivilege::WithoutPrivilege(unsigned capability) : capability_(capability) {
  Sets sets{};
  if (!Get(sets)) return;
  auto& set = sets[capability / 32];
  had_ = (set.effective & BitOf(capability)) != 0;
  if (!had_) return;
  set.effective &= ~BitOf(capability);
  had_ = Set(sets);
}

WithoutPrivilege::~WithoutPrivilege() {
  Sets sets{};
  if (!had_ || !Get(sets)) return;
  sets[capability_ / 32].effective |= BitOf(capability_);
  Set(sets);
}

void UseAllPrivilegesButSetIds() { UseAllPrivilegesBut(BitOf(CAP_FSETID)); }

// setfsuid takes the rights over files away, and gives them back with root's.
WithoutReserve::WithoutReserve(bool needed) : is_other_(needed && geteuid() == 0) {
  if (!is_other_) return;
  setfsuid(kNobody);
  UseAllPrivilegesBut(0);
}

WithoutReserve::~WithoutReserve() {
  if (is_other_) setfsuid(0);
}

void GiveUpPrivilege(unsigned capability) {
  Sets sets{};
  if (!Get(sets)) return;
  auto& set = sets[capability / 32];
  set.effective &= ~BitOf(capability);
  set.permitted &= ~BitOf(capability);
  set.inheritable &= ~BitOf(capability);
  Set(sets);
}

}  // namespace hardlinkfs
