#include "policy/flags.h"

#include <cerrno>

#include "gtest/gtest.h"

namespace hardlinkfs {
namespace {

constexpr Change kChanges[] = {Change::kContent, Change::kAppend,   Change::kAttributes, Change::kTouch,    Change::kXattr,
                               Change::kNewName, Change::kLostName, Change::kNewEntry,   Change::kLostEntry};

bool Lets(uint32_t flags, Change change) {
  const Decision decision = MayChange(flags, change);
  EXPECT_TRUE(!decision.has_value() || decision->code == EPERM);
  return !decision.has_value();
}

TEST(Flags, ForbidEverythingToTheImmutable) {
  for (const Change change : kChanges) {
    EXPECT_TRUE(Lets(0, change));
    EXPECT_TRUE(Lets(FS_NODUMP_FL | FS_NOATIME_FL | FS_SYNC_FL, change));
    EXPECT_FALSE(Lets(FS_IMMUTABLE_FL, change));
    EXPECT_FALSE(Lets(FS_IMMUTABLE_FL | FS_APPEND_FL | kIunlinkFlag, change));
  }
}

TEST(Flags, LetTheAppendOnlyGrow) {
  for (const Change change : kChanges) {
    const bool grows = change == Change::kAppend || change == Change::kTouch || change == Change::kNewEntry;
    EXPECT_EQ(Lets(FS_APPEND_FL, change), grows);
  }
}

TEST(Flags, OfIunlinkLetNamesComeAndGo) {
  for (const Change change : kChanges) EXPECT_EQ(Lets(kIunlinkFlag, change), change == Change::kNewName || change == Change::kLostName);
}

TEST(Flags, AreNamedByTheirRefusals) {
  EXPECT_STREQ(MayChange(FS_IMMUTABLE_FL, Change::kContent)->rule, "immutable");
  EXPECT_STREQ(MayChange(FS_APPEND_FL, Change::kContent)->rule, "append-only");
  EXPECT_STREQ(MayChange(kIunlinkFlag, Change::kContent)->rule, "iunlink");
}

}  // namespace
}  // namespace hardlinkfs
