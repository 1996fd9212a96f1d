// The ioctls are issued here and not by fuse_passthrough_open(), which needs a request at hand and tells no errno.
#include "fuse/lowlevel/passthrough.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstdint>

#include "store/backing/linux_calls.h"
#include "store/base/privilege.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {
namespace {

// As struct fuse_backing_map of <linux/fuse.h>, which Debian 12's headers (Linux 6.1) do not have yet.
struct BackingMap {
  int32_t descriptor;
  uint32_t flags;
  uint64_t padding;
};

constexpr unsigned kDeviceIoctl = 229;
constexpr unsigned long kBackingOpen = _IOW(kDeviceIoctl, 1, BackingMap);
constexpr unsigned long kBackingClose = _IOW(kDeviceIoctl, 2, uint32_t);

}  // namespace

void KernelPassthrough::Attach(int session) {
  const MutexLock lock(mutex_);
  session_ = session;
}

void KernelPassthrough::Detach() {
  const MutexLock lock(mutex_);
  session_ = -1;
}

bool KernelPassthrough::attached() const {
  const MutexLock lock(mutex_);
  return session_ >= 0;
}

Result<int> KernelPassthrough::Register(int descriptor) {
  const MutexLock lock(mutex_);
  if (session_ < 0) return Error{EOPNOTSUPP, "passthrough is not available"};
  // The kernel opens the file again for each handle, and keeps this one, which must not count as somebody who writes.
  const UniqueFd reading(IsOpenForWriting(descriptor) ? open(ProcPath(descriptor).c_str(), O_RDONLY | O_CLOEXEC) : -1);
  BackingMap map{reading.valid() ? reading.get() : descriptor, 0, 0};
  // The kernel reads and writes with the rights that we have now. With this one a write would leave suid and sgid where they are.
  const WithoutPrivilege unprivileged(CAP_FSETID);
  const int id = ioctl(session_, kBackingOpen, &map);
  if (id > 0) return id;
  const int code = id < 0 ? errno : EIO;
  if (code == EPERM) session_ = -1;
  return Error{code, "the kernel refused a descriptor for passthrough"};
}

void KernelPassthrough::Unregister(int backing_id) {
  const MutexLock lock(mutex_);
  if (session_ < 0) return;
  auto id = static_cast<uint32_t>(backing_id);
  // The only failure is an unknown id, of which there is nothing left to close.
  ioctl(session_, kBackingClose, &id);
}

}  // namespace hardlinkfs
