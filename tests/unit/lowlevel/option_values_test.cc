#include "fuse/lowlevel/option_values.h"

#include <gtest/gtest.h>

#include <array>

namespace hardlinkfs {
namespace {

TEST(SplitOptions, KeepsNamesAndValuesApart) {
  const auto options = SplitOptions("ro,store=/a=b,x=");
  ASSERT_EQ(options.size(), 3U);
  EXPECT_EQ(options[0].name, "ro");
  EXPECT_FALSE(options[0].value.has_value());
  EXPECT_EQ(options[1].name, "store");
  EXPECT_EQ(options[1].value, "/a=b");
  EXPECT_EQ(options[2].value, "");
}

TEST(SplitOptions, BackslashTakesTheMeaningFromCommaAndBackslash) {
  const auto options = SplitOptions(R"(log=/a\,b\\c,ro)");
  ASSERT_EQ(options.size(), 2U);
  EXPECT_EQ(options[0].value, R"(/a,b\c)");
  EXPECT_EQ(options[1].name, "ro");
}

TEST(SplitOptions, LeavesOutEmptyPieces) {
  EXPECT_TRUE(SplitOptions("").empty());
  EXPECT_TRUE(SplitOptions(",,").empty());
  EXPECT_EQ(SplitOptions(",ro,,rw,").size(), 2U);
}

TEST(SplitOptions, KeepsABackslashAtTheEnd) { EXPECT_EQ(SplitOptions("log=a\\").at(0).value, "a\\"); }

TEST(ParseUnsigned, TakesOnlyWholeNumbersInRange) {
  EXPECT_EQ(ParseUnsigned("022", 8, 0777), 18U);
  EXPECT_EQ(ParseUnsigned("300", 10, 300), 300U);
  EXPECT_EQ(ParseUnsigned("301", 10, 300), std::nullopt);
  EXPECT_EQ(ParseUnsigned("8", 8, 0777), std::nullopt);
  EXPECT_EQ(ParseUnsigned("", 10, 300), std::nullopt);
  EXPECT_EQ(ParseUnsigned("-1", 10, 300), std::nullopt);
  EXPECT_EQ(ParseUnsigned("5s", 10, 300), std::nullopt);
  EXPECT_EQ(ParseUnsigned("99999999999", 10, 4000000000U), std::nullopt);
}

TEST(NearestName, FindsWhatWasMeantAndNothingElse) {
  constexpr std::array<std::string_view, 3> names{"fmask", "commit", "ro"};
  EXPECT_EQ(NearestName("fmaks", names), "fmask");
  EXPECT_EQ(NearestName("comit", names), "commit");
  EXPECT_EQ(NearestName("rx", names), "ro");
  EXPECT_EQ(NearestName("quota", names), "");
  EXPECT_EQ(NearestName("x", names), "");
}

}  // namespace
}  // namespace hardlinkfs
