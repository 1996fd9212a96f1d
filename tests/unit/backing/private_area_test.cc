#include "store/backing/private_area.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <string>

#include "store/backing/volume_file.h"
#include "tests/unit/backing/temporary_directory.h"

namespace hardlinkfs {
namespace {

class PrivateAreaTest : public ::testing::Test {
 protected:
  // Every file below, with its content; directories with "/".
  std::map<std::string, std::string> Snapshot() const {
    std::map<std::string, std::string> all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path())) {
      const std::string name = std::filesystem::relative(entry.path(), directory_.path());
      all[name] = entry.is_directory() ? "/" : directory_.Read(name);
    }
    return all;
  }

  int Open() const { return PrivateArea::Open(directory_.fd()).code(); }

  TemporaryDirectory directory_;
};

TEST_F(PrivateAreaTest, TheFirstOpenMakesEverything) {
  const auto area = PrivateArea::Open(directory_.fd());
  ASSERT_EQ(area.code(), 0);
  EXPECT_TRUE((*area)->is_new());
  EXPECT_EQ((*area)->volume().format_version, kVolumeFormatVersion);
  EXPECT_EQ((*area)->volume().uuid.size(), 36U);
  const auto found = Snapshot();
  EXPECT_TRUE(found.contains(".hardlinkfs/README.txt"));
  EXPECT_TRUE(found.contains(".hardlinkfs/lock"));
  EXPECT_TRUE(found.contains(".hardlinkfs/homes"));
  EXPECT_TRUE(found.contains(".hardlinkfs/volume"));
  EXPECT_TRUE(found.contains(".hardlinkfs/unfinished"));  // until there is a catalog
  EXPECT_EQ(found.size(), 6U);
  struct stat area_stat {};
  ASSERT_EQ(stat((directory_.path() / ".hardlinkfs").c_str(), &area_stat), 0);
  EXPECT_EQ(area_stat.st_mode & 07777U, 0700U);
}

TEST_F(PrivateAreaTest, ASecondOpenFindsTheSameVolume) {
  std::string uuid;
  {
    const auto first = PrivateArea::Open(directory_.fd());
    ASSERT_EQ(first.code(), 0);
    uuid = (*first)->volume().uuid;
    ASSERT_TRUE((*first)->MarkFinished().ok());
  }
  const auto before = Snapshot();
  const auto again = PrivateArea::Open(directory_.fd());
  ASSERT_EQ(again.code(), 0);
  EXPECT_FALSE((*again)->is_new());
  EXPECT_EQ((*again)->volume().uuid, uuid);
  EXPECT_EQ(Snapshot(), before);
}

TEST_F(PrivateAreaTest, TheDescriptorLeadsToTheStore) {
  const auto area = PrivateArea::Open(directory_.fd());
  ASSERT_EQ(area.code(), 0);
  EXPECT_EQ(mkdirat((*area)->descriptor(), "catalog", 0700), 0);
  EXPECT_TRUE(std::filesystem::exists("/proc/self/fd/" + std::to_string((*area)->descriptor()) + "/catalog"));
}

TEST_F(PrivateAreaTest, ASecondServerIsRefusedWhileTheFirstLives) {
  auto area = PrivateArea::Open(directory_.fd());
  ASSERT_EQ(area.code(), 0);
  EXPECT_EQ(Open(), EBUSY);
  area->reset();
  EXPECT_EQ(Open(), 0);
}

TEST_F(PrivateAreaTest, ReadersShareAndKeepTheWriterOut) {
  ASSERT_EQ(Open(), 0);
  const auto reader = PrivateArea::Open(directory_.fd(), PrivateArea::Access::kReadOnly);
  ASSERT_EQ(reader.code(), 0);
  EXPECT_EQ(PrivateArea::Open(directory_.fd(), PrivateArea::Access::kReadOnly).code(), 0);
  EXPECT_EQ(Open(), EBUSY);
}

TEST_F(PrivateAreaTest, AReaderMakesNothing) {
  EXPECT_EQ(PrivateArea::Open(directory_.fd(), PrivateArea::Access::kReadOnly).code(), ENOENT);
  EXPECT_TRUE(Snapshot().empty());
  std::filesystem::create_directory(directory_.path() / ".hardlinkfs");
  EXPECT_EQ(PrivateArea::Open(directory_.fd(), PrivateArea::Access::kReadOnly).code(), EINPROGRESS);
  ASSERT_EQ(Open(), 0);
  std::filesystem::remove(directory_.path() / ".hardlinkfs/lock");
  std::filesystem::remove(directory_.path() / ".hardlinkfs/README.txt");
  const auto before = Snapshot();
  EXPECT_EQ(PrivateArea::Open(directory_.fd(), PrivateArea::Access::kReadOnly).code(), 0);
  EXPECT_EQ(Snapshot(), before);
}

TEST_F(PrivateAreaTest, ALostVolumeFileIsMadeAnewAndADamagedOneKept) {
  EXPECT_EQ(PrivateArea::OpenLost(directory_.fd()).code(), ENOENT);
  std::string uuid;
  {
    const auto area = PrivateArea::Open(directory_.fd());
    ASSERT_EQ(area.code(), 0);
    uuid = (*area)->volume().uuid;
    ASSERT_TRUE((*area)->MarkFinished().ok());
    EXPECT_EQ(PrivateArea::OpenLost(directory_.fd()).code(), EBUSY);
  }
  EXPECT_EQ((*PrivateArea::OpenLost(directory_.fd()))->volume().uuid, uuid);
  directory_.Write(".hardlinkfs/homes/17", "content");
  directory_.Write(".hardlinkfs/volume", "garbage");
  const auto lost = PrivateArea::OpenLost(directory_.fd());
  ASSERT_EQ(lost.code(), 0);
  EXPECT_NE((*lost)->volume().uuid, uuid);
  EXPECT_FALSE((*lost)->is_new());
  EXPECT_TRUE(std::filesystem::exists(directory_.path() / ".hardlinkfs/volume.damaged"));
}

TEST_F(PrivateAreaTest, GarbageIsRefusedAndLeftAsItIs) {
  ASSERT_EQ(Open(), 0);
  std::filesystem::remove(directory_.path() / ".hardlinkfs/lock");
  for (const std::string& garbage : {std::string("garbage"), std::string("format_version = 1\nuuid = x\n"), std::string(4, '\0')}) {
    directory_.Write(".hardlinkfs/volume", garbage);
    const auto before = Snapshot();
    EXPECT_EQ(Open(), EUCLEAN);
    EXPECT_EQ(Snapshot(), before);
  }
  directory_.Write(".hardlinkfs/volume", std::string(100'000, '#'));
  EXPECT_EQ(Open(), EUCLEAN);
}

TEST_F(PrivateAreaTest, ANewerFormatIsRefusedAndLeftAsItIs) {
  ASSERT_EQ(Open(), 0);
  directory_.Write(".hardlinkfs/volume", "format_version = 2\n");
  const auto before = Snapshot();
  EXPECT_EQ(Open(), ENOTSUP);
  EXPECT_EQ(Snapshot(), before);
}

TEST_F(PrivateAreaTest, AMakingThatWasCutShortIsFinished) {
  // Every prefix of the order of creation, and FAT's empty file after a power cut.
  for (int steps = 0; steps < 5; ++steps) {
    std::filesystem::remove_all(directory_.path() / ".hardlinkfs");
    std::filesystem::create_directory(directory_.path() / ".hardlinkfs");
    if (steps > 0) directory_.Write(".hardlinkfs/lock", "");
    if (steps > 1) directory_.Write(".hardlinkfs/README.txt.new", "hard");
    if (steps > 2) std::filesystem::create_directory(directory_.path() / ".hardlinkfs/homes");
    if (steps > 3) directory_.Write(".hardlinkfs/volume", "");
    const auto area = PrivateArea::Open(directory_.fd());
    ASSERT_EQ(area.code(), 0) << steps;
    EXPECT_TRUE((*area)->is_new()) << steps;
  }
}

TEST_F(PrivateAreaTest, AVolumeFileMissingBesideContentsIsDamage) {
  ASSERT_EQ(Open(), 0);
  std::filesystem::remove(directory_.path() / ".hardlinkfs/volume");
  directory_.Write(".hardlinkfs/homes/17", "content");
  const auto before = Snapshot();
  EXPECT_EQ(Open(), EUCLEAN);
  EXPECT_EQ(Snapshot(), before);
}

TEST_F(PrivateAreaTest, AFileOrSymlinkInItsPlaceIsRefused) {
  directory_.Write(".hardlinkfs", "a file");
  EXPECT_EQ(Open(), ENOTDIR);
  std::filesystem::remove(directory_.path() / ".hardlinkfs");
  std::filesystem::create_directory(directory_.path() / "elsewhere");
  std::filesystem::create_directory_symlink("elsewhere", directory_.path() / ".hardlinkfs");
  EXPECT_NE(Open(), 0);
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path() / "elsewhere"));
}

}  // namespace
}  // namespace hardlinkfs
