// The system calls themselves: the C library's functions of these names would change all threads.
#include "store/mirror/as_caller.h"

#include <sched.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "store/base/privilege.h"

namespace hardlinkfs {
namespace {

// The umask belongs to the process, unless a thread has asked for one of its own (and for a working directory, which nothing here uses).
bool HasOwnUmask() {
  static thread_local const bool kHas = unshare(CLONE_FS) == 0;
  return kHas;
}

bool SetGroups(const std::vector<gid_t>& groups) { return syscall(SYS_setgroups, groups.size(), groups.data()) == 0; }

std::vector<gid_t> CurrentGroups() {
  std::vector<gid_t> groups(static_cast<size_t>(std::max(getgroups(0, nullptr), 0)));
  const int count = getgroups(static_cast<int>(groups.size()), groups.data());
  groups.resize(static_cast<size_t>(std::max(count, 0)));
  return groups;
}

// REQUIRES: of a thread, the first time, that it has not taken anybody's.
const std::vector<gid_t>& OwnGroups() {
  static const std::vector<gid_t> kOwn = CurrentGroups();
  return kOwn;
}

// They report no failure; asked for what cannot be, they tell what is.
bool SetUid(uid_t uid) {
  setfsuid(uid);
  return static_cast<uid_t>(setfsuid(static_cast<uid_t>(-1))) == uid;
}
bool SetGid(gid_t gid) {
  setfsgid(gid);
  return static_cast<gid_t>(setfsgid(static_cast<gid_t>(-1))) == gid;
}

}  // namespace

AsCaller::AsCaller(const Actor& actor) {
  const Caller& caller = actor.caller;
  if (HasOwnUmask()) {
    umask(caller.umask);
  } else {
    masked_ = caller.umask;
  }
  if (geteuid() != 0) return;
  status_ = TakeIds(caller);
  // The ids are for what is made. They come back with all rights, see capabilities(7).
  if (actor.rights == Rights::kServers && caller.uid != 0 && status_.ok()) UseAllPrivilegesButSetIds();
}

Status AsCaller::TakeIds(const Caller& caller) {
  static_cast<void>(OwnGroups());
  if (caller.uid != 0) {
    const std::vector<gid_t> groups = caller.groups ? caller.groups() : std::vector<gid_t>();
    // A caller that is gone has none that could be read.
    took_groups_ = SetGroups(groups);
    if (!took_groups_) return Error{errno == EINVAL ? EOVERFLOW : errno, "setgroups to the caller's"};
  }
  if (caller.gid != getegid()) {
    took_gid_ = true;
    if (!SetGid(caller.gid)) return Error{EOVERFLOW, "the caller's gid"};
  }
  // The last, since with it the rights to do these go.
  if (caller.uid != 0) {
    took_uid_ = true;
    if (!SetUid(caller.uid)) return Error{EOVERFLOW, "the caller's uid"};
  }
  return {};
}

AsCaller::~AsCaller() {
  if (took_uid_) SetUid(geteuid());
  if (took_gid_) SetGid(getegid());
  if (took_groups_) SetGroups(OwnGroups());
  if (HasOwnUmask()) umask(0);
}

}  // namespace hardlinkfs
