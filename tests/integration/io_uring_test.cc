// FUSE over io_uring, switched on and off by root for the whole machine: S-MOUNT-1 and S-MOUNT-4 of docs/semantics.md.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"
#include "tests/integration/kernel_switch.h"

namespace hardlinkfs {
namespace {

using testing::HasSubstr;

constexpr char kParameter[] = "/sys/module/fuse/parameters/enable_uring";

class IoUring : public UnmountedTest {};
INSTANTIATE_TEST_SUITE_P(, IoUring, testing::ValuesIn(BackingsAndMirrors()), NameOf);
class IoUringOfAMirror : public IoUring {};
INSTANTIATE_TEST_SUITE_P(, IoUringOfAMirror, testing::ValuesIn(Mirrors()), NameOf);

// S-MOUNT-1
TEST_P(IoUring, EndsCleanlyAgainAndAgain) {
  const KernelSwitch permitted(kParameter, "Y");
  if (!permitted.is_set()) GTEST_SKIP() << "no " << kParameter << " to write to";
  for (int i = 0; i < 10; ++i) {
    Mount(GetParam().is_mirror() ? "io_uring=on,locks=local" : "io_uring=on");
    ASSERT_THAT(volume().Log(), HasSubstr("io_uring on"));
    const std::string text = std::to_string(i) + std::string(200'000, 'x');
    {
      const UniqueFd file = top().Open("a", O_CREAT | O_WRONLY | O_TRUNC);
      ASSERT_EQ(WriteAll(file.get(), text), 0);
    }
    ASSERT_EQ(top().Link("a", "b" + std::to_string(i)), 0);
    EXPECT_EQ(top().Nlink("a"), static_cast<uint32_t>(i + 2));
    EXPECT_EQ(top().Read("b0"), text);
    Unmount();
    EXPECT_EQ(bare().Read("a"), text);
  }
}

// S-MIRROR-14
TEST_P(IoUringOfAMirror, IsNotForWhoWaitsForLocksOfTheBacking) {
  const KernelSwitch permitted(kParameter, "Y");
  if (!permitted.is_set()) GTEST_SKIP() << "no " << kParameter << " to write to";
  const CommandResult refused = volume().TryMount("io_uring=on");
  ExpectRefused(refused, kMountFailed);
  EXPECT_THAT(refused.err, HasSubstr("locks=local"));
  Mount();
  EXPECT_THAT(volume().Log(), HasSubstr("io_uring off"));
  Remount("locks=local");
  EXPECT_THAT(volume().Log(), HasSubstr("io_uring on"));
}

// S-MOUNT-4
TEST_P(IoUring, IsRefusedWhereTheKernelForbidsItAndLeftAloneByDefault) {
  const KernelSwitch forbidden(kParameter, "N");
  if (!forbidden.is_set()) GTEST_SKIP() << "no " << kParameter << " to write to";
  const CommandResult refused = volume().TryMount("io_uring=on");
  ExpectRefused(refused, kMountFailed);
  EXPECT_THAT(refused.err, HasSubstr(kParameter));
  EXPECT_THAT(bare().Names(), testing::IsEmpty());
  Mount();
  EXPECT_THAT(volume().Log(), HasSubstr("io_uring off"));
}

}  // namespace
}  // namespace hardlinkfs
