#include "mount-helpers/background.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

namespace hardlinkfs {
namespace {

TEST(RunInBackground, ReturnsWhenTheServerIsReady) {
  // The server stays until its pipe is closed, which happens after it was seen to be ready.
  int gate[2];
  ASSERT_EQ(pipe(gate), 0);
  const int status = RunInBackground([&gate](StartupReport& report) {
    close(gate[1]);
    report.Ready();
    char ignored = 0;
    const ssize_t length = read(gate[0], &ignored, 1);
    _exit(length == 0 ? 0 : 1);
    return 0;
  });
  EXPECT_EQ(status, 0);
  close(gate[0]);
  close(gate[1]);
}

TEST(RunInBackground, PrintsTheServersFailureAndReturnsItsStatus) {
  testing::internal::CaptureStderr();
  const int status = RunInBackground([](StartupReport& report) {
    report.Failed(FailureOn("/mnt", "held by another server", EBUSY));
    _exit(0);
    return 0;
  });
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "hardlinkfs: /mnt: held by another server (EBUSY)\n");
  EXPECT_EQ(status, 32);
}

TEST(RunInBackground, TellsOfAServerThatDiesBeforeItIsReady) {
  testing::internal::CaptureStderr();
  const int status = RunInBackground([](StartupReport&) {
    raise(SIGKILL);
    return 0;
  });
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "hardlinkfs: the server was killed by signal 9 before the mount worked\n");
  EXPECT_EQ(status, 32);
}

TEST(StartupReport, OnlyTheFirstCounts) {
  testing::internal::CaptureStderr();
  StartupReport report;
  report.Ready();
  report.Failed(FailureOn("/mnt", "too late", 0));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace hardlinkfs
