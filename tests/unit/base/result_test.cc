// Result and Status carry either a value or the errno.
#include "store/base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

namespace hardlinkfs {
namespace {

TEST(Status, IsSuccessByDefault) {
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.code(), 0);
}

TEST(Status, KeepsErrnoAndReason) {
  const Status status = Error{EIO, "reason"};
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.code(), EIO);
  EXPECT_STREQ(status.error().what, "reason");
}

TEST(Result, HoldsAValueThatCanBeMovedOut) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.code(), 0);
  EXPECT_TRUE(result.status().ok());
  const std::unique_ptr<int> value = *std::move(result);
  EXPECT_EQ(*value, 7);
}

TEST(Result, HoldsAnError) {
  const Result<int> result = Error{ENOSPC, "full"};
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.code(), ENOSPC);
  EXPECT_EQ(result.status().code(), ENOSPC);
}

}  // namespace
}  // namespace hardlinkfs
