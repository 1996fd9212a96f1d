// Modification times over a backing with coarse ones: what is kept exact, and that no write goes unseen.
#include "store/volume/content_times.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hardlinkfs {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr Timestamp kTick{1'000, 0};
constexpr nanoseconds kCoarse = seconds(2);

InodeRecord Recorded() {
  InodeRecord record;
  record.type = FileType::kRegular;
  record.size = 5;
  record.blocks = 8;
  record.mtime = {1'000, 700};
  record.ctime = {1'000, 700};
  record.seen_mtime = kTick;
  return record;
}

BackingStat Seen(uint64_t size, Timestamp mtime) {
  BackingStat seen;
  seen.type = FileType::kRegular;
  seen.size = size;
  seen.blocks = 8;
  seen.mtime = mtime;
  return seen;
}

TEST(Plus, CarriesBothWays) {
  EXPECT_EQ(Plus({1, 999'999'999}, nanoseconds(1)), (Timestamp{2, 0}));
  EXPECT_EQ(Plus({1, 0}, nanoseconds(-1)), (Timestamp{0, 999'999'999}));
  EXPECT_EQ(Minus({1, 0}, seconds(3)), (Timestamp{-2, 0}));
  EXPECT_EQ(Minus({1, 5}, nanoseconds(1'000'000'006)), (Timestamp{-1, 999'999'999}));
}

TEST(TakeContent, NothingSeenChangesNothing) {
  InodeRecord record = Recorded();
  EXPECT_FALSE(TakeContent(record, Seen(5, kTick), {}, {1'001, 0}, kCoarse));
  EXPECT_EQ(record, Recorded());
}

TEST(TakeContent, WriteThatCameThroughUsHasItsExactTime) {
  InodeRecord record = Recorded();
  const Timestamp written{1'001, 123};
  EXPECT_TRUE(TakeContent(record, Seen(9, kTick), {.last_write = written}, {1'005, 0}, kCoarse));
  EXPECT_EQ(record.mtime, written);
  EXPECT_EQ(record.ctime, written);
  EXPECT_EQ(record.size, 9U);
  EXPECT_EQ(record.seen_mtime, kTick);
}

TEST(TakeContent, WriteFoundOutLaterHappenedInTheTickThatTheBackingShows) {
  InodeRecord record = Recorded();
  EXPECT_TRUE(TakeContent(record, Seen(5, {1'002, 0}), {.unseen_writers = true}, {1'100, 0}, kCoarse));
  EXPECT_GE(record.mtime, (Timestamp{1'002, 0}));
  EXPECT_LE(record.mtime, (Timestamp{1'004, 0}));
}

TEST(TakeContent, WriteFoundOutInItsOwnTickIsNotInTheFuture) {
  InodeRecord record = Recorded();
  const Timestamp now{1'002, 500};
  EXPECT_TRUE(TakeContent(record, Seen(5, {1'002, 0}), {.unseen_writers = true}, now, kCoarse));
  EXPECT_EQ(record.mtime, now);
}

// The kernel stamps files by a clock that lags behind ours by up to a tick of its own. Else a write would be older than a link before it.
TEST(TakeContent, WriteFoundOutOnAFineBackingIsNotOlderThanItIs) {
  InodeRecord record = Recorded();
  const Timestamp linked{1'002, 1'000'000};
  record.ctime = linked;
  const Timestamp now{1'002, 2'000'000};
  EXPECT_TRUE(TakeContent(record, Seen(5, {1'002, 0}), {.unseen_writers = true}, now, nanoseconds(1)));
  EXPECT_GT(record.mtime, linked);
  EXPECT_LE(record.mtime, now);
  record.seen_mtime = kTick;
  EXPECT_TRUE(TakeContent(record, Seen(5, {1'002, 0}), {.unseen_writers = true}, {1'100, 0}, nanoseconds(1)));
  EXPECT_LE(record.mtime, (Timestamp{1'002, 10'000'000}));
}

TEST(TakeContent, ChangedSizeAloneIsAWrite) {
  InodeRecord record = Recorded();
  EXPECT_TRUE(TakeContent(record, Seen(6, kTick), {}, {1'001, 0}, kCoarse));
  EXPECT_GT(record.mtime, Recorded().mtime);
}

TEST(TakeContent, ChangedBlocksAloneAreNoWrite) {
  InodeRecord record = Recorded();
  BackingStat seen = Seen(5, kTick);
  seen.blocks = 16;
  EXPECT_TRUE(TakeContent(record, seen, {}, {1'001, 0}, kCoarse));
  EXPECT_EQ(record.blocks, 16U);
  EXPECT_EQ(record.mtime, Recorded().mtime);
}

TEST(TakeContent, ChangeTimeNeverGoesBack) {
  InodeRecord record = Recorded();
  record.ctime = {2'000, 0};
  EXPECT_TRUE(TakeContent(record, Seen(9, kTick), {.last_write = Timestamp{1'500, 0}}, {2'001, 0}, kCoarse));
  EXPECT_EQ(record.ctime, (Timestamp{2'000, 0}));
}

TEST(ArmedTime, OnlyWithinTheCurrentTick) {
  EXPECT_TRUE(ArmedTime(Seen(5, kTick), {1'001, 0}, kCoarse).has_value());
  EXPECT_FALSE(ArmedTime(Seen(5, kTick), {1'002, 0}, kCoarse).has_value());
  EXPECT_FALSE(ArmedTime(Seen(5, kTick), {1'000, 1}, nanoseconds(1)).has_value());
}

// The point of it: whatever is written after arming shows on the backing.
TEST(ArmedTime, NextWriteInTheSameTickShows) {
  const Timestamp now{1'001, 0};
  const auto armed = ArmedTime(Seen(5, kTick), now, kCoarse);
  ASSERT_TRUE(armed.has_value());
  InodeRecord record = Recorded();
  record.seen_mtime = *armed;
  EXPECT_TRUE(TakeContent(record, Seen(5, kTick), {.unseen_writers = true}, now, kCoarse));
}

}  // namespace
}  // namespace hardlinkfs
