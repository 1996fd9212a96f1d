#include "policy/glob.h"

#include <string>

#include "gtest/gtest.h"

namespace hardlinkfs {
namespace {

TEST(Glob, MatchesComponentByComponent) {
  const Glob glob("/projects/*");
  EXPECT_TRUE(glob.Matches("/projects/a"));
  EXPECT_TRUE(glob.Matches("/projects/.hidden"));
  EXPECT_FALSE(glob.Matches("/projects"));
  EXPECT_FALSE(glob.Matches("/projects/a/b"));
  EXPECT_FALSE(glob.Matches("/other/projects/a"));
}

TEST(Glob, StarsOfTwoStandForAnyDepth) {
  const Glob inside("/secret/**");
  EXPECT_TRUE(inside.Matches("/secret/a"));
  EXPECT_TRUE(inside.Matches("/secret/a/b/c"));
  EXPECT_FALSE(inside.Matches("/secret"));
  EXPECT_FALSE(inside.Matches("/secretly/a"));
  const Glob between("/a/**/z");
  EXPECT_TRUE(between.Matches("/a/z"));
  EXPECT_TRUE(between.Matches("/a/b/c/z"));
  EXPECT_FALSE(between.Matches("/a/b"));
  EXPECT_TRUE(Glob("/**").Matches("/a/b"));
  EXPECT_FALSE(Glob("/**").Matches("/"));
}

TEST(Glob, WithoutASlashAtItsBeginningMatchesInAnyDirectory) {
  const Glob glob("*.log");
  EXPECT_TRUE(glob.Matches("/a.log"));
  EXPECT_TRUE(glob.Matches("/deep/down/a.log"));
  EXPECT_FALSE(glob.Matches("/a.log/b"));
  EXPECT_TRUE(Glob("cache/*").Matches("/x/cache/y"));
}

TEST(Glob, TakesBracketsAndEscapes) {
  EXPECT_TRUE(Glob("/[ab]?").Matches("/ax"));
  EXPECT_FALSE(Glob("/[ab]?").Matches("/cx"));
  EXPECT_TRUE(Glob("/\\*").Matches("/*"));
  EXPECT_FALSE(Glob("/\\*").Matches("/a"));
}

TEST(Glob, TakesNamesOfAnyBytes) {
  EXPECT_TRUE(Glob("/*x").Matches("/\xff\xfe\nx"));
  EXPECT_TRUE(Glob("/??").Matches("/\xc3\xa4"));
}

TEST(Glob, TakesNoLongerForManyStars) {
  std::string pattern;
  for (int i = 0; i < 30; ++i) pattern += "/**/a*";
  std::string path;
  for (int i = 0; i < 200; ++i) path += "/ab";
  EXPECT_TRUE(Glob(pattern).Matches(path));
  EXPECT_FALSE(Glob(pattern + "/z").Matches(path));
}

TEST(Glob, ReachesTheSameWhereItMatchesTheSameInside) {
  EXPECT_EQ(Glob("/projects/*").Reach("/projects/a"), Glob("/projects/*").Reach("/projects/b"));
  EXPECT_NE(Glob("/projects/*").Reach("/other"), Glob("/projects/*").Reach("/projects"));
  EXPECT_EQ(Glob("/a/**").Reach("/a/b"), Glob("/a/**").Reach("/a/b/c"));
  EXPECT_NE(Glob("/a/**").Reach("/a"), Glob("/a/**").Reach("/a/b"));
}

TEST(Glob, IsSoundIfItCanMatchAnything) {
  for (const char* const pattern : {"/a", "*.log", "/a/**", "/**/a", "a/b/", "..."}) EXPECT_TRUE(Glob::IsSound(pattern)) << pattern;
  for (const char* const pattern : {"", "/", "./a", "/a/../b", "/a**", "/**a/b"}) EXPECT_FALSE(Glob::IsSound(pattern)) << pattern;
  // Slashes at the end mean nothing.
  EXPECT_FALSE(Glob("/box/**/").Matches("/box"));
  EXPECT_TRUE(Glob("/box/**/").Matches("/box/a"));
}

}  // namespace
}  // namespace hardlinkfs
