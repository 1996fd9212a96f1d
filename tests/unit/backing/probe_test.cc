#include "store/backing/probe.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "store/backing/capability_report.h"
#include "tests/fakes/memory_backing.h"
#include "tests/unit/backing/temporary_directory.h"

namespace hardlinkfs {
namespace {

class ProbeTest : public ::testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Linux, ProbeTest, ::testing::Values("/tmp", "/dev/shm"));

TEST_P(ProbeTest, ALinuxFilesystemHasEverythingAndNothingIsLeftBehind) {
  if (access(GetParam(), W_OK) != 0) GTEST_SKIP() << GetParam();
  const TemporaryDirectory directory(GetParam());
  const auto found = Probe(directory.fd());
  ASSERT_EQ(found.code(), 0);
  EXPECT_TRUE(found->hard_links);
  EXPECT_TRUE(found->symlinks);
  EXPECT_TRUE(found->special_files);
  EXPECT_TRUE(found->modes);
  EXPECT_EQ(found->owners, geteuid() == 0);
  EXPECT_TRUE(found->case_sensitive);
  EXPECT_TRUE(found->any_bytes_in_names);
  EXPECT_TRUE(found->punctuation_in_names);
  EXPECT_TRUE(found->trailing_dots_and_spaces);
  EXPECT_TRUE(found->stable_inodes);
  EXPECT_TRUE(found->sparse_files);
  EXPECT_TRUE(found->rename_noreplace);
  EXPECT_TRUE(found->rename_exchange);
  EXPECT_TRUE(found->directory_fsync);
  EXPECT_EQ(found->max_name_bytes, 255U);
  EXPECT_EQ(found->time_granularity, std::chrono::nanoseconds(1));
  EXPECT_FALSE(found->filesystem.empty());
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(Probe, OfAReadOnlyFilesystemIsErofs) {
  const UniqueFd proc(open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const int code = Probe(proc.get()).code();
  EXPECT_TRUE(code == EROFS || code == EPERM || code == EACCES) << code;
}

TEST(Describe, NamesWhatIsStored) {
  Capabilities exfat = ExfatCapabilities();
  exfat.filesystem = "exfat";
  const std::string text = Describe(exfat);
  EXPECT_NE(text.find("backing (exfat)"), text.npos);
  EXPECT_NE(text.find("stored in the catalog"), text.npos);
  EXPECT_NE(text.find("names=catalog"), text.npos);
  EXPECT_NE(text.find("1 s "), text.npos);
  EXPECT_NE(Describe(FullCapabilities()).find("names=backing"), text.npos);
}

}  // namespace
}  // namespace hardlinkfs
