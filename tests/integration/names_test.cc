// Which names there are, and that each is kept: S-NAME-* of docs/semantics.md.
#include <algorithm>
#include <random>
#include <set>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

class Names : public MountTest {
 protected:
  // Makes a file of each name, that contains its name; they must all be there, now and later, and each once on the bare backing.
  void ExpectKept(std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) ASSERT_EQ(top().Write(name, "<" + name + ">"), 0) << testing::PrintToString(name);
    ExpectThere(names);
    Unmount();
    std::multiset<std::string> contents;
    for (const std::string& name : bare().Names()) {
      if (name != ".hardlinkfs") contents.insert(bare().Read(name));
    }
    std::multiset<std::string> expected;
    for (const std::string& name : names) expected.insert("<" + name + ">");
    EXPECT_EQ(contents.size(), expected.size());
    EXPECT_TRUE(contents == expected);
    Mount();
    ExpectThere(names);
    for (const std::string& name : names) ASSERT_EQ(top().Unlink(name), 0) << testing::PrintToString(name);
    EXPECT_THAT(top().Names(), testing::IsEmpty());
  }

  void ExpectThere(const std::vector<std::string>& names) {
    EXPECT_THAT(top().Names(), ElementsAreArray(names));
    for (const std::string& name : names) EXPECT_EQ(top().Read(name), "<" + name + ">") << testing::PrintToString(name);
  }
};
INSTANTIATE_TEST_SUITE_P(, Names, testing::ValuesIn(BackingsAndMirrors()), NameOf);

// S-NAME-1
TEST_P(Names, OfEveryByteWork) {
  std::vector<std::string> names;
  for (int byte = 1; byte < 256; ++byte) {
    if (byte == '/') continue;
    const std::string one(1, static_cast<char>(byte));
    if (one != ".") names.push_back(one);
    names.push_back("a" + one + "b");
  }
  ExpectKept(names);
}

// S-NAME-1
TEST_P(Names, ThatOtherSystemsForbidWork) {
  std::vector<std::string> names{"*",
                                 "?",
                                 "<",
                                 ">",
                                 "|",
                                 "\"",
                                 ":",
                                 "\\",
                                 "a*b?c<d>e|f\"g:h\\i",
                                 "...",
                                 "a.",
                                 "a..",
                                 "a ",
                                 "a  ",
                                 " a",
                                 " ",
                                 "  ",
                                 ". ",
                                 " .",
                                 "a. .",
                                 "CON",
                                 "con",
                                 "NUL",
                                 "nul.txt",
                                 "AUX",
                                 "PRN",
                                 "COM1",
                                 "LPT9.log",
                                 "CONIN$",
                                 "~",
                                 "~1",
                                 "A~1.TXT",
                                 "%",
                                 "%25",
                                 "%41",
                                 "p%(41)",
                                 "pA",
                                 "%2F",
                                 "%00",
                                 "\t",
                                 "\n",
                                 "\x01\x02\x7f",
                                 "-",
                                 "--",
                                 "desktop.ini",
                                 "Thumbs.db",
                                 ".fuse_hidden0000",
                                 "lost+found",
                                 "$RECYCLE.BIN",
                                 "System Volume Information",
                                 ".Trash-0"};
  ExpectKept(names);
}

// S-NAME-1
TEST_P(Names, OfInvalidUtf8Work) {
  ExpectKept({"\xff", "\xc3", "a\xc3", "\xc3(", "\xe2\x82", "\xf0\x9f\x98", "\xed\xa0\x80", "\xc0\xaf", "\x80\x81", "caf\xe9",
              "\xf8\x88\x80\x80\x80", "ok\xf0\x9f\x98\x80", "\xef\xbb\xbfname",
              "\xe2\x80\xae"
              "abc"});
}

// S-NAME-2
TEST_P(Names, OfEveryLengthUpTo255BytesWork) {
  std::vector<std::string> names;
  for (size_t length = 1; length <= 255; ++length) names.emplace_back(length, 'n');
  ExpectKept(names);
  EXPECT_EQ(top().Write(std::string(256, 'n'), ""), ENAMETOOLONG);
  EXPECT_EQ(top().Status(std::string(256, 'n')).error, ENAMETOOLONG);
}

// S-NAME-2
TEST_P(Names, OfManyBytesThatNeedSpellingWork) {
  std::vector<std::string> names;
  for (size_t length = 80; length <= 255; length += 5) {
    names.emplace_back(length, '?');
    names.emplace_back(length, '\xff');
    names.push_back(std::string(length - 1, 'x') + " ");
    names.push_back(std::string(length - 1, 'x') + ".");
  }
  std::string euros;
  while (euros.size() + 3 <= 255) euros += "\xe2\x82\xac";
  names.push_back(euros);
  ExpectKept(names);
}

// S-NAME-3
TEST_P(Names, ThatDifferOnlyInCaseCoexist) {
  ExpectKept({"readme", "README", "Readme", "ReadMe", "\xc3\xa4", "\xc3\x84",
              "stra\xc3\x9f"
              "e",
              "STRASSE", "\xce\xa3", "\xcf\x83", "\xcf\x82", "I", "i", "\xc4\xb1", "\xc4\xb0", "k", "K", "\xe2\x84\xaa"});
}

// S-NAME-3
TEST_P(Names, ThatDifferOnlyInCaseAreDifferentDirectories) {
  ASSERT_EQ(top().Mkdir("Dir"), 0);
  ASSERT_EQ(top().Mkdir("dir"), 0);
  ASSERT_EQ(top().Write("Dir/f", "upper"), 0);
  ASSERT_EQ(top().Write("dir/F", "lower"), 0);
  ASSERT_EQ(top().Write("dir/f", "lowest"), 0);
  EXPECT_FALSE(top().Exists("DIR"));
  EXPECT_FALSE(top().Exists("Dir/F"));
  Remount();
  EXPECT_THAT(top().Tree(), ElementsAre("Dir/", "Dir/f", "dir/", "dir/F", "dir/f"));
  EXPECT_EQ(top().Read("Dir/f"), "upper");
  EXPECT_EQ(top().Read("dir/F"), "lower");
  EXPECT_EQ(top().Read("dir/f"), "lowest");
}

// S-NAME-3
TEST_P(Names, ThatDifferOnlyInNormalizationCoexist) { ExpectKept({"\xc3\xa9", "e\xcc\x81", "\xe1\x84\x80\xe1\x85\xa1", "\xea\xb0\x80"}); }

// S-NAME-4
TEST_P(Names, WorkInEveryOperation) {
  const std::vector<std::string> odd{"a:b", "CON", "trailing. ", "\xff\xfe", "%41", std::string(255, '?')};
  for (const std::string& name : odd) {
    SCOPED_TRACE(testing::PrintToString(name));
    ASSERT_EQ(top().Mkdir(name), 0);
    ASSERT_EQ(top().Write(name + "/" + name, "deep"), 0);
    ASSERT_EQ(top().Link(name + "/" + name, "link"), 0);
    ASSERT_EQ(top().Rename("link", name + "/renamed"), 0);
    ASSERT_EQ(top().Rename(name + "/" + name, "out"), 0);
    ASSERT_EQ(top().Rename("out", name + "/" + name), 0);
    ASSERT_EQ(top().SetXattr(name + "/" + name, "user.x", "1"), 0);
    ASSERT_EQ(top().Symlink(name, name + "/s"), 0);
  }
  Remount();
  for (const std::string& name : odd) {
    SCOPED_TRACE(testing::PrintToString(name));
    EXPECT_EQ(top().Read(name + "/" + name), "deep");
    EXPECT_EQ(top().Nlink(name + "/renamed"), 2U);
    EXPECT_EQ(top().Readlink(name + "/s"), name);
    EXPECT_EQ(top().Xattr(name + "/" + name, "user.x"), "1");
  }
}

// S-NAME-1
TEST_P(Names, OfRandomBytesWork) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::set<std::string> names;
  while (names.size() < 150) {
    std::string name(1 + random() % 255, '\0');
    for (char& byte : name) {
      do byte = random() % 3 == 0 ? static_cast<char>(random() % 256) : "aA.% \xc3"[random() % 6];
      while (byte == '\0' || byte == '/');
    }
    if (name != "." && name != "..") names.insert(name);
  }
  ExpectKept({names.begin(), names.end()});
}

}  // namespace
}  // namespace hardlinkfs
