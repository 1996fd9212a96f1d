// Permission bits by rules as of chmod(1).
#include "store/base/mode_rules.h"

#include <gtest/gtest.h>

namespace hardlinkfs {
namespace {

uint32_t Applied(std::string_view rules, uint32_t mode, FileType type = FileType::kRegular) {
  const std::optional<ModeRules> parsed = ModeRules::From(rules);
  return parsed.has_value() ? parsed->Apply(mode, type) : ~0U;
}

TEST(ModeRules, AddRemoveAndSet) {
  EXPECT_EQ(Applied("640", 0777), 0640U);
  EXPECT_EQ(Applied("u+x", 0640), 0740U);
  EXPECT_EQ(Applied("go-rwx", 0777), 0700U);
  EXPECT_EQ(Applied("g=r", 0777), 0747U);
  EXPECT_EQ(Applied("a=", 0777), 0U);
  EXPECT_EQ(Applied("+r", 0200), 0644U);
  EXPECT_EQ(Applied("a-w", 0666), 0444U);
}

TEST(ModeRules, GoInTheirOrder) {
  EXPECT_EQ(Applied("600:g+r", 0777), 0640U);
  EXPECT_EQ(Applied("g+r:600", 0777), 0600U);
}

TEST(ModeRules, TellDirectoriesAndProgramsApart) {
  EXPECT_EQ(Applied("u=rwX:go=rX", 0600), 0644U);
  EXPECT_EQ(Applied("u=rwX:go=rX", 0700), 0755U);
  EXPECT_EQ(Applied("u=rwX:go=rX", 0600, FileType::kDirectory), 0755U);
  EXPECT_EQ(Applied("a=rD", 0700), 0444U);
  EXPECT_EQ(Applied("a=rD", 0700, FileType::kDirectory), 0555U);
}

TEST(ModeRules, LeaveSuidSgidAndStickyAlone) { EXPECT_EQ(Applied("000", 07777), 07000U); }

TEST(ModeRules, AreRefusedWhenTheyAreNone) {
  for (const char* const text : {"", ":", "888", "1777", "0o7", "u", "rwx", "u+s", "u+r,g+r", "z+r", "u~r", "644:"}) {
    EXPECT_FALSE(ModeRules::From(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace hardlinkfs
