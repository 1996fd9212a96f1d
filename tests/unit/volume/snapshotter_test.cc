// Snapshots are taken by turns, when they are due, and cost nobody anything.
#include "store/volume/snapshotter.h"

#include <fcntl.h>

#include <cerrno>
#include <memory>
#include <string>

#include "tests/unit/backing/temporary_directory.h"
#include "tests/unit/volume/volume_fixture.h"

namespace hardlinkfs {
namespace {

constexpr std::chrono::seconds kInterval{100};
const std::string kUuid = "8c1e2f0a-0000-4000-8000-123456789abc";

class SnapshotterTest : public VolumeTest {
 protected:
  UniqueFd OpenDirectory() { return UniqueFd(open(directory_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); }
  void Begin(const Reserve* reserve = nullptr) {
    snapshotter_ = std::make_unique<Snapshotter>(volume(), folder_, machine_.clock(), reserve, kInterval);
  }
  void Wait(std::chrono::seconds span) { machine_.clock().Advance(span); }

  TemporaryDirectory directory_;
  SnapshotFolder folder_{OpenDirectory(), kUuid};
  std::unique_ptr<Snapshotter> snapshotter_;
};

// S-CATALOG-4
TEST_F(SnapshotterTest, TakesTurnsAndNeverOverTheNewer) {
  Begin();
  for (uint64_t i = 1; i <= 4; ++i) {
    File("f" + std::to_string(i));
    ASSERT_TRUE(snapshotter_->Take().ok());
    const auto found = folder_.List();
    ASSERT_EQ(found.size(), std::min<size_t>(i, 2));
    EXPECT_EQ(found.front().head.sequence, i);
    EXPECT_EQ(found.back().head.sequence, std::max<uint64_t>(i - 1, 1));
  }
}

// S-CATALOG-4
TEST_F(SnapshotterTest, IsDueWhenSomethingChangedAndTheLastIsOld) {
  Begin();
  EXPECT_TRUE(snapshotter_->IsDue()) << "there is none";
  ASSERT_TRUE(snapshotter_->Take().ok());
  Wait(2 * kInterval);
  EXPECT_FALSE(snapshotter_->IsDue()) << "nothing changed";
  File("a");
  EXPECT_TRUE(snapshotter_->IsDue());
  ASSERT_TRUE(snapshotter_->Take().ok());
  File("b");
  EXPECT_FALSE(snapshotter_->IsDue()) << "too soon";
  EXPECT_FALSE(snapshotter_->IsDue(Snapshotter::Moment::kUnmount));
  Wait(kInterval);
  EXPECT_TRUE(snapshotter_->IsDue());
}

TEST_F(SnapshotterTest, HoldsAllRows) {
  File("a", "1");
  Link("a", "b");
  Begin();
  ASSERT_TRUE(snapshotter_->Take().ok());
  uint64_t rows = 0;
  ASSERT_TRUE(folder_.Read(folder_.List().front(), [&](std::string_view key, std::string_view value) -> Status {
    EXPECT_EQ(engine().Get(key)->value_or("none"), value);
    ++rows;
    return {};
  }).ok());
  uint64_t expected = 0;
  const auto cursor = engine().Scan("", "");
  for (; cursor->Valid(); cursor->Next()) ++expected;
  EXPECT_EQ(rows, expected);
}

// What it holds is durable before it counts.
TEST_F(SnapshotterTest, DoesNotCountWhenTheCatalogCannotBeSynced) {
  Begin();
  ASSERT_TRUE(snapshotter_->Take().ok());
  File("a");
  engine().FailSyncs(EIO, 1);
  EXPECT_FALSE(snapshotter_->Take().ok());
  ASSERT_EQ(folder_.List().size(), 1U);
  EXPECT_EQ(folder_.List().front().head.sequence, 1U);
}

// S-CATALOG-4
TEST_F(SnapshotterTest, TakesNothingOfTheReserveAndOnlyAPartOfWhatIsFree) {
  const UniqueFd directory = OpenDirectory();
  const auto reserve = Reserve::Open(directory.get());
  ASSERT_TRUE(reserve.ok() && !(*reserve)->IsWhole());
  Begin(reserve->get());
  EXPECT_EQ(snapshotter_->Take().code(), ENOSPC);
  EXPECT_TRUE(folder_.List().empty());
  EXPECT_TRUE(folder_.HasRoomFor(1));
  EXPECT_FALSE(folder_.HasRoomFor(uint64_t{1} << 60));
  File("a");  // and it is no error for anybody
}

TEST_F(SnapshotterTest, OfAnotherVolumeCountForNothing) {
  Begin();
  ASSERT_TRUE(snapshotter_->Take().ok());
  const SnapshotFolder others(OpenDirectory(), "another");
  EXPECT_TRUE(others.List().empty());
}

}  // namespace
}  // namespace hardlinkfs
