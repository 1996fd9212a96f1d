// KernelPassthrough: hands descriptors to the kernel for passthrough, by ioctl on the session's /dev/fuse.
#ifndef HARDLINKFS_FUSE_LOWLEVEL_PASSTHROUGH_H_
#define HARDLINKFS_FUSE_LOWLEVEL_PASSTHROUGH_H_

#include "fuse/vfs/passthrough.h"
#include "store/base/mutex.h"
#include "store/base/result.h"

namespace hardlinkfs {

// Exists before the session, since Vfs wants it when it is built; refuses everything until Attach. Thread safety: any thread.
class KernelPassthrough final : public Passthrough {
 public:
  // `session` is the descriptor of /dev/fuse, borrowed until Detach.
  void Attach(int session);
  // The kernel drops what is still registered by itself when the connection ends.
  void Detach();
  bool attached() const;

  // EOPNOTSUPP unless attached. After the first EPERM it detaches by itself: the kernel asks for CAP_SYS_ADMIN outside any user namespace,
  // and will not change its mind, so there is no point in a failing system call for every open.
  Result<int> Register(int descriptor) override;
  void Unregister(int backing_id) override;

 private:
  mutable Mutex mutex_;
  int session_ GUARDED_BY(mutex_) = -1;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_LOWLEVEL_PASSTHROUGH_H_
