#include "mount-helpers/mount_table.h"

#include <gtest/gtest.h>

#include <sstream>

namespace hardlinkfs {
namespace {

std::vector<MountEntry> TableOf(const std::string& text) {
  std::istringstream mountinfo(text);
  return ParseMountTable(mountinfo);
}

TEST(MountTable, ReadsLinesWithAndWithoutTags) {
  const auto table = TableOf(
      "21 27 0:20 / /sys rw,nosuid shared:7 master:1 - sysfs sysfs rw\n"
      "43 27 0:39 / /mnt/stick rw - fuse.hardlinkfs /mnt/stick rw,user_id=0\n");
  ASSERT_EQ(table.size(), 2U);
  EXPECT_EQ(table[0].type, "sysfs");
  EXPECT_FALSE(table[0].is_hardlinkfs());
  EXPECT_EQ(table[1].mountpoint, "/mnt/stick");
  EXPECT_EQ(table[1].source, "/mnt/stick");
  EXPECT_TRUE(table[1].is_hardlinkfs());
}

TEST(MountTable, KnowsWhatIsMountedAndHow) {
  const auto table = TableOf("43 27 8:1 /dir\\0401 /srv ro,nodev shared:7 - ext4 /dev/sda1 rw,resuid=5\n");
  ASSERT_EQ(table.size(), 1U);
  EXPECT_EQ(table[0].id, 43U);
  EXPECT_EQ(table[0].device, "8:1");
  EXPECT_EQ(table[0].root, "/dir 1");
  EXPECT_EQ(table[0].options, (std::vector<std::string>{"ro", "nodev"}));
  EXPECT_EQ(table[0].super_options, (std::vector<std::string>{"rw", "resuid=5"}));
}

TEST(MountTable, UndoesTheKernelsEscapes) {
  const auto table = TableOf("43 27 0:39 / /mnt/my\\040stick\\134 rw - fuse.hardlinkfs /a\\011b rw\n");
  ASSERT_EQ(table.size(), 1U);
  EXPECT_EQ(table[0].mountpoint, "/mnt/my stick\\");
  EXPECT_EQ(table[0].source, "/a\tb");
}

TEST(MountTable, LeavesOutWhatItCannotUnderstand) {
  EXPECT_TRUE(TableOf("\n1 2 3\n43 27 0:39 / /mnt rw shared:1\n43 27 0:39 / /mnt rw - x\n").empty());
}

TEST(MountTable, TheLastMountOnAPointIsOnTop) {
  const auto table = TableOf(
      "1 0 0:1 / /mnt rw - exfat /dev/sdb1 rw\n"
      "2 1 0:2 / /mnt rw - fuse.hardlinkfs /mnt rw\n");
  ASSERT_NE(TopMountAt(table, "/mnt"), nullptr);
  EXPECT_EQ(TopMountAt(table, "/mnt")->type, "fuse.hardlinkfs");
  EXPECT_EQ(TopMountAt(table, "/mn"), nullptr);
}

TEST(MountTable, OfThisProcessHasItsProc) { EXPECT_NE(TopMountAt(ReadMountTable(), "/proc"), nullptr); }

}  // namespace
}  // namespace hardlinkfs
