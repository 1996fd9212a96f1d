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

// RETURNS: what follows for `aspect`: the last column of its row.
std::string Follows(const Capabilities& can, const std::string& aspect) {
  const std::string text = Describe(can);
  const size_t row = text.find("\n" + aspect + " ");
  if (row == std::string::npos) return "no row";
  const std::string line = text.substr(row + 1, text.find('\n', row + 1) - row - 1);
  return line.substr(line.rfind("| ") + 2);
}

TEST(Describe, NamesWhatWasFound) {
  Capabilities exfat = ExfatCapabilities();
  exfat.filesystem = "exfat";
  const std::string text = Describe(exfat);
  EXPECT_NE(text.find("backing (exfat)"), text.npos);
  EXPECT_NE(text.find("1 s "), text.npos);
}

// Decision 3: whatever the backing can do itself.
TEST(Describe, TheCatalogKnowsAllOnAnyBacking) {
  for (const Capabilities& can : {ExfatCapabilities(), FullCapabilities()}) {
    for (const char* aspect : {"hard links", "stable inode numbers", "symlinks", "special files", "user xattrs"}) {
      EXPECT_EQ(Follows(can, aspect), "in the catalog") << aspect;
    }
    EXPECT_EQ(Follows(can, "time granularity"), "1 ns, in the catalog");
    EXPECT_EQ(Describe(can).find("names=backing"), std::string::npos);
  }
}

TEST(Describe, ModesAndOwnersAreMirroredWhereTheyCanBe) {
  for (const char* aspect : {"modes", "owners"}) {
    EXPECT_EQ(Follows(ExfatCapabilities(), aspect), "in the catalog");
    EXPECT_EQ(Follows(FullCapabilities(), aspect), "in the catalog, and set below too");
  }
}

TEST(Describe, WithoutFsyncOfDirectoriesNothingStandsInForIt) {
  Capabilities can = ExfatCapabilities();
  can.directory_fsync = false;
  EXPECT_EQ(Follows(can, "fsync of directories"), "not available");
}

}  // namespace
}  // namespace hardlinkfs
