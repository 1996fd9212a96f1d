#include "tests/integration/kernel_switch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <utility>

namespace hardlinkfs {

KernelSwitch::KernelSwitch(std::string path, const std::string& value) : path_(std::move(path)) {
  std::string before;
  int ends[2];
  if (!(std::ifstream(path_) >> before) || pipe2(ends, O_CLOEXEC) != 0) return;
  held_ = UniqueFd(ends[1]);
  const UniqueFd awaited(ends[0]);
  keeper_ = fork();
  if (keeper_ == 0) {
    setsid();
    close(ends[1]);
    char ignored = 0;
    while (read(ends[0], &ignored, 1) > 0) {
    }
    _exit(Set(before) ? 0 : 1);
  }
  is_set_ = keeper_ > 0 && Set(value);
}

KernelSwitch::~KernelSwitch() {
  if (keeper_ <= 0) return;
  held_ = UniqueFd();
  int status = 0;
  waitpid(keeper_, &status, 0);
  EXPECT_EQ(status, 0) << path_ << " has not its old value";
}

bool KernelSwitch::Set(const std::string& value) const {
  std::ofstream out(path_);
  return static_cast<bool>(out << value << std::flush);
}

}  // namespace hardlinkfs
