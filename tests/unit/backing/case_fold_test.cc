#include "store/backing/case_fold.h"

#include <gtest/gtest.h>

#include "store/backing/utf8.h"

namespace hardlinkfs {
namespace {

TEST(CaseFold, FoldsAsciiAndWhatUnicodePairs) {
  EXPECT_EQ(CaseFold("ReadMe.TXT"), "readme.txt");
  EXPECT_EQ(CaseFold("\u00c4\u00d6\u0416"), "\u00e4\u00f6\u0436");
}

TEST(CaseFold, KeepsWhatIsNotUtf8) { EXPECT_EQ(CaseFold("A\xFF\xC3"), "a\xFF\xC3"); }

TEST(Utf8, RefusesOverlongSurrogatesAndBeyond) {
  for (const char* text : {"\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "\x80", "\xC3"}) {
    EXPECT_FALSE(NextUtf8(text).valid);
    EXPECT_EQ(NextUtf8(text).length, 1U);
  }
}

TEST(Utf8, AppendsWhatItReads) {
  for (const char32_t code_point : {0x41U, 0xE4U, 0x20ACU, 0x1F600U, 0x10FFFFU}) {
    std::string text;
    AppendUtf8(code_point, text);
    const Utf8Sequence read = NextUtf8(text);
    EXPECT_TRUE(read.valid);
    EXPECT_EQ(read.code_point, code_point);
    EXPECT_EQ(read.length, text.size());
  }
}

}  // namespace
}  // namespace hardlinkfs
