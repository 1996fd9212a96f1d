// KernelSwitch: a setting of the kernel, that is another one for a while. It is the whole machine's, so tests that use it run alone.
#ifndef HARDLINKFS_TESTS_INTEGRATION_KERNEL_SWITCH_H_
#define HARDLINKFS_TESTS_INTEGRATION_KERNEL_SWITCH_H_

#include <sys/types.h>

#include <string>

#include "store/base/unique_fd.h"

namespace hardlinkfs {

// The old value is put back by a process that waits for the end of this one, so that it is also when the test crashes or is killed.
class KernelSwitch {
 public:
  // `path` in /proc/sys or /sys.
  KernelSwitch(std::string path, const std::string& value);
  ~KernelSwitch();
  KernelSwitch(const KernelSwitch&) = delete;
  KernelSwitch& operator=(const KernelSwitch&) = delete;

  // False where the kernel has no such switch, or it is not ours.
  bool is_set() const { return is_set_; }

 private:
  bool Set(const std::string& value) const;

  const std::string path_;
  UniqueFd held_;
  pid_t keeper_ = -1;
  bool is_set_ = false;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_INTEGRATION_KERNEL_SWITCH_H_
