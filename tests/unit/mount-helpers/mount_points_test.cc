#include "mount-helpers/mount_points.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace hardlinkfs {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

class MountPointsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "mount-points-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = std::filesystem::canonical(pattern);
    for (const char* const name : {"source", "mountpoint", "source/inside"}) std::filesystem::create_directory(root_ / name);
    std::ofstream(root_ / "file") << "x";
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string Path(const std::string& name) const { return (root_ / name).string(); }

  static std::string LineOf(const std::variant<MountPoints, Failure>& result) {
    const auto* const failure = std::get_if<Failure>(&result);
    return failure == nullptr ? "(accepted)" : failure->line;
  }

  std::filesystem::path root_;
};

TEST_F(MountPointsTest, SourceMayBeTheMountpoint) {
  const auto result = OpenMountPoints(Path("source"), Path("source"));
  ASSERT_TRUE(std::holds_alternative<MountPoints>(result)) << LineOf(result);
  EXPECT_TRUE(std::get<MountPoints>(result).source.valid());
  EXPECT_EQ(std::get<MountPoints>(result).mountpoint, Path("source"));
}

TEST_F(MountPointsTest, SymlinksAreResolved) {
  std::filesystem::create_directory_symlink(root_ / "source", root_ / "link");
  const auto result = OpenMountPoints(Path("link"), Path("mountpoint/"));
  ASSERT_TRUE(std::holds_alternative<MountPoints>(result)) << LineOf(result);
  EXPECT_EQ(std::get<MountPoints>(result).source_path, Path("source"));
  EXPECT_EQ(std::get<MountPoints>(result).mountpoint, Path("mountpoint"));
}

TEST_F(MountPointsTest, WhatIsMissingOrNoDirectoryIsNamed) {
  EXPECT_EQ(LineOf(OpenMountPoints(Path("none"), Path("mountpoint"))), "hardlinkfs: " + Path("none") + ": no such directory (ENOENT)");
  EXPECT_EQ(LineOf(OpenMountPoints(Path("source"), Path("none"))), "hardlinkfs: " + Path("none") + ": no such directory (ENOENT)");
  EXPECT_EQ(LineOf(OpenMountPoints(Path("file"), Path("mountpoint"))), "hardlinkfs: " + Path("file") + ": not a directory (ENOTDIR)");
  EXPECT_EQ(LineOf(OpenMountPoints(Path("source"), Path("file"))), "hardlinkfs: " + Path("file") + ": not a directory (ENOTDIR)");
}

TEST_F(MountPointsTest, MountpointInsideTheSourceIsRefused) {
  const std::string line = LineOf(OpenMountPoints(Path("source"), Path("source/inside")));
  EXPECT_THAT(line, HasSubstr("lies inside the source"));
  EXPECT_THAT(line, EndsWith("(ELOOP)"));
  EXPECT_EQ(LineOf(OpenMountPoints(Path("source/inside"), Path("source"))), "(accepted)");
}

TEST(LiesInside, GoesByWholeComponents) {
  EXPECT_TRUE(LiesInside("/a/b", "/a"));
  EXPECT_TRUE(LiesInside("/a", "/"));
  EXPECT_FALSE(LiesInside("/ab", "/a"));
  EXPECT_FALSE(LiesInside("/a", "/a"));
  EXPECT_FALSE(LiesInside("/a", "/a/b"));
}

}  // namespace
}  // namespace hardlinkfs
