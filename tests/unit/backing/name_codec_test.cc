#include "store/backing/name_codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/backing/case_fold.h"
#include "store/backing/utf8.h"
#include "tests/fakes/memory_backing.h"

namespace hardlinkfs {
namespace {

struct Manners {
  const char* name;
  Capabilities capabilities;
};

std::vector<Manners> AllManners() {
  Capabilities vfat = ExfatCapabilities();
  vfat.trailing_dots_and_spaces = false;
  Capabilities folding = FullCapabilities();  // ext4 with casefold
  folding.case_sensitive = folding.any_bytes_in_names = false;
  Capabilities shorter = FullCapabilities();  // eCryptfs
  shorter.max_name_bytes = 143;
  Capabilities shortest = vfat;
  shortest.max_name_bytes = NameCodec::kShortestLimit;
  return {{"ext4", FullCapabilities()}, {"exfat", ExfatCapabilities()}, {"vfat", vfat},
          {"casefold", folding},        {"ecryptfs", shorter},          {"shortest", shortest}};
}

class NameCodecTest : public ::testing::TestWithParam<Manners> {
 protected:
  NameCodec codec_{GetParam().capabilities};
};

INSTANTIATE_TEST_SUITE_P(Backings, NameCodecTest, ::testing::ValuesIn(AllManners()), [](const auto& tested) { return tested.param.name; });

Name N(std::string_view bytes) { return *Name::From(bytes); }
BackingName B(std::string_view bytes) { return BackingName(std::string(bytes)); }

// Names made of the pieces that a codec could trip over, of random bytes, of other names' spellings, and of each other.
class Names {
 public:
  explicit Names(uint32_t seed) : random_(seed) {}

  Name Next(const NameCodec& codec) {
    while (true) {
      auto name = Name::From(Draw(codec));
      if (!name.ok()) continue;
      if (past_.size() < 500)
        past_.push_back(name->bytes());
      else
        past_[random_() % past_.size()] = name->bytes();
      return std::move(*name);
    }
  }

 private:
  std::string Draw(const NameCodec& codec) {
    switch (random_() % 8) {
      case 0:
        return Bytes(1 + random_() % 255);
      case 1:
        return Pieces(1 + random_() % 4);
      case 2:
        return Pieces(1 + random_() % 4) + std::string(random_() % 255, "ax%."[random_() % 4]) + Pieces(1);
      case 3:
        return past_.empty() ? "x" : codec.Natural(N(Past())).bytes();
      case 4:
        return past_.empty() ? "x" : codec.Alternate(N(Past())).bytes();
      case 5:
        return past_.empty() ? "x" : Flip(random_() % 2 == 0 ? Past() : codec.Natural(N(Past())).bytes());
      case 6:
        return past_.empty() ? "x" : "%25" + Past().substr(1);
      default:
        return Pieces(1 + random_() % 12);
    }
  }

  const std::string& Past() { return past_[random_() % past_.size()]; }

  std::string Bytes(size_t length) {
    std::string bytes(length, '\0');
    for (char& byte : bytes) byte = static_cast<char>(1 + random_() % 255);
    return bytes;
  }

  std::string Pieces(size_t count) {
    static const std::vector<std::string> kPieces = {"%",
                                                     "%4",
                                                     "%41",
                                                     "%2E",
                                                     "%2e",
                                                     "%25",
                                                     "%~",
                                                     "%+",
                                                     "%%",
                                                     ".",
                                                     "..",
                                                     " ",
                                                     ":",
                                                     "?",
                                                     "\\",
                                                     "\n",
                                                     "\x7F",
                                                     "\xFF",
                                                     "\xC3",
                                                     "\xC3\xA9",
                                                     "\xED\xA0\x80",
                                                     "\xF0\x9F\x98\x80",
                                                     "\xEF\xBF\xBF",
                                                     ".hardlinkfs",
                                                     ".HardLinkFS",
                                                     "hardlinkfs",
                                                     "con",
                                                     "COM1",
                                                     "lpt9",
                                                     "nul",
                                                     ".txt",
                                                     "abcdefghijklmnopqrstuvwxyz",
                                                     "%~abcdefghijklmnopqrstuvwxyz",
                                                     "%+ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                                                     "5",
                                                     "2",
                                                     "E",
                                                     "a",
                                                     "A",
                                                     "long name "};
    std::string name;
    for (size_t i = 0; i < count; ++i) name += kPieces[random_() % kPieces.size()];
    return name.substr(0, 255);
  }

  std::string Flip(std::string name) {
    char& byte = name[random_() % name.size()];
    byte = static_cast<char>(byte ^ (1 << (random_() % 8)));
    return name;
  }

  std::mt19937 random_;
  std::vector<std::string> past_;
};

bool CanHold(const Capabilities& can, std::string_view spelling) {
  if (spelling.empty() || spelling == "." || spelling == ".." || spelling.size() > can.max_name_bytes) return false;
  if (CaseFold(spelling) == ".hardlinkfs") return false;
  if (!can.punctuation_in_names && spelling.find_first_of("<>:\"|?*\\") != spelling.npos) return false;
  if (!can.trailing_dots_and_spaces && (spelling.back() == '.' || spelling.back() == ' ')) return false;
  for (std::string_view rest = spelling; !rest.empty() && !can.any_bytes_in_names;) {
    const Utf8Sequence next = NextUtf8(rest);
    if (!next.valid || next.code_point < 0x20) return false;
    rest.remove_prefix(next.length);
  }
  return spelling.find('/') == spelling.npos;
}

TEST_P(NameCodecTest, IsInjectiveReversibleAndHoldsToTheLimits) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  const Capabilities& can = GetParam().capabilities;
  Names names(seed);
  std::map<std::string, std::string> naturals;         // spelling to name
  std::map<std::string, std::string> folded_naturals;  // any of the names that fold so
  std::map<std::string, std::string> folded_alternates;
  for (int i = 0; i < 100'000; ++i) {
    const Name name = names.Next(codec_);
    const BackingName natural = codec_.Natural(name);
    const BackingName alternate = codec_.Alternate(name);
    ASSERT_TRUE(CanHold(can, natural.bytes())) << natural.bytes();
    ASSERT_TRUE(CanHold(can, alternate.bytes())) << alternate.bytes();
    ASSERT_EQ(naturals.emplace(natural.bytes(), name.bytes()).first->second, name.bytes()) << natural.bytes();
    ASSERT_EQ(folded_alternates.emplace(CaseFold(alternate.bytes()), name.bytes()).first->second, name.bytes()) << alternate.bytes();
    folded_naturals.emplace(CaseFold(natural.bytes()), name.bytes());
    const auto decoded = codec_.Decode(natural);
    ASSERT_EQ(decoded.code(), 0);
    if (natural.bytes().find("%~") == std::string::npos) {
      ASSERT_EQ(decoded->bytes(), name.bytes()) << natural.bytes();
    } else if (*decoded != name) {
      ASSERT_EQ(decoded->bytes(), natural.bytes());  // hashed
      ASSERT_NE(codec_.Natural(*decoded), natural);
    }
    ASSERT_TRUE(codec_.Spells(natural, name) && codec_.Spells(alternate, name));
  }
  for (const auto& [alternate, name] : folded_alternates) {
    ASSERT_FALSE(folded_naturals.contains(alternate)) << alternate << " of " << name;
  }
}

TEST_P(NameCodecTest, KeepsOrdinaryNames) {
  for (const char* name : {"a", "file.txt", ".profile", "100%", "50% off", "%", "a%b", "na\xC3\xAFve", "a b", "CONSOLE", "com10", "~$x"}) {
    EXPECT_EQ(codec_.Natural(N(name)).bytes(), name);
    EXPECT_EQ(codec_.Decode(B(name))->bytes(), name);
  }
}

TEST_P(NameCodecTest, NeverSpellsThePrivateArea) {
  EXPECT_EQ(codec_.Natural(N(".hardlinkfs")).bytes(), "%2Ehardlinkfs");
  EXPECT_EQ(codec_.Natural(N(".HardLinkFS")).bytes(), "%2EHardLinkFS");
  EXPECT_EQ(codec_.Decode(B("%2EHardLinkFS"))->bytes(), ".HardLinkFS");
  EXPECT_EQ(codec_.Natural(N("%2Ehardlinkfs")).bytes(), "%252Ehardlinkfs");
  EXPECT_EQ(codec_.Natural(N(".hardlinkfs2")).bytes(), ".hardlinkfs2");
}

TEST_P(NameCodecTest, AnEscapedLookingNameIsNotDecodedTwice) {
  // posixovl listed `p%(41)` as `pA`.
  for (const char* name : {"p%(41)", "p%41", "pA", "p%2541"}) {
    EXPECT_EQ(codec_.Decode(codec_.Natural(N(name)))->bytes(), name);
  }
}

TEST_P(NameCodecTest, LongNamesFit) {
  for (const size_t length : {252U, 255U}) {
    for (const char filler : {'n', ':', '%', '\xFF'}) {
      const Name name = N(std::string(length, filler));
      EXPECT_LE(codec_.Natural(name).bytes().size(), GetParam().capabilities.max_name_bytes);
      EXPECT_LE(codec_.Alternate(name).bytes().size(), GetParam().capabilities.max_name_bytes);
    }
  }
}

TEST_P(NameCodecTest, WhatCannotBeANameIsEinval) {
  EXPECT_EQ(codec_.Decode(B(std::string(300, 'x'))).code(), EINVAL);
  EXPECT_EQ(codec_.Decode(B("")).code(), EINVAL);
}

TEST_P(NameCodecTest, AnEscapeThatNobodyWroteIsItself) {
  for (const char* spelling : {"%2F", "%00", "%41", "%2E%2E", "%3a", "x%7Ey"}) {
    EXPECT_EQ(codec_.Decode(B(spelling))->bytes(), spelling);
  }
}

TEST(NameCodec, OnABackingThatHoldsEverythingNamesAreThemselves) {
  const NameCodec codec(FullCapabilities());
  for (const std::string name : {"a:b", "p%41", "%2E", "trailing. ", "\xFF\x01", "CON", "%~", "%+x", "%2Ehardlink"}) {
    EXPECT_EQ(codec.Natural(N(name)).bytes(), name);
  }
  EXPECT_EQ(codec.Natural(N(std::string(255, '%'))).bytes(), std::string(255, '%'));
}

TEST(NameCodec, SpellsWhatFatRefuses) {
  Capabilities vfat = ExfatCapabilities();
  vfat.trailing_dots_and_spaces = false;
  const NameCodec codec(vfat);
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"a:b", "a%3Ab"},     {"what?", "what%3F"}, {"a\\b", "a%5Cb"},  {"end.", "end%2E"},   {"end..", "end.%2E"},
      {"end ", "end%20"},   {"...", "..%2E"},     {"con", "%63on"},   {"Aux.c", "%41ux.c"}, {"LPT1.tar.gz", "%4CPT1.tar.gz"},
      {"nul ", "%6Eul%20"}, {"\xFFx", "%FFx"},    {"\x01", "%01"},    {"100%:", "100%%3A"}, {"a%4.", "a%4%2E"},
      {"a%41", "a%2541"},   {"a%3a", "a%253a"},   {"a%~b", "a%25~b"}, {"a%+b", "a%25+b"},
  };
  for (const auto& [name, spelling] : expected) {
    EXPECT_EQ(codec.Natural(N(name)).bytes(), spelling);
    EXPECT_EQ(codec.Decode(B(spelling))->bytes(), name);
  }
}

TEST(NameCodec, AHashedSpellingIsReadable) {
  const NameCodec codec(ExfatCapabilities());
  const std::string name = "The " + std::string(90, ':') + " end.flac";
  const std::string spelling = codec.Natural(N(name)).bytes();
  EXPECT_TRUE(spelling.starts_with("The %3A%3A"));
  EXPECT_TRUE(spelling.ends_with(".flac"));
  EXPECT_NE(spelling.find("%3A%~"), spelling.npos) << "cut between two escapes: " << spelling;
}

TEST(NameCodec, AlternatesOfOneFoldDifferAndAreAscii) {
  const NameCodec codec(ExfatCapabilities());
  const std::string lower = codec.Alternate(N("na\u00efve.txt")).bytes();
  const std::string upper = codec.Alternate(N("NA\u00cfVE.TXT")).bytes();
  EXPECT_TRUE(lower.starts_with("na_ve%+"));
  EXPECT_TRUE(lower.ends_with(".txt"));
  EXPECT_NE(CaseFold(lower), CaseFold(upper));
  EXPECT_TRUE(std::all_of(lower.begin(), lower.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
}

// The spellings are on disks: they may never change.
TEST(NameCodec, TheHashIsKept) {
  const NameCodec codec(ExfatCapabilities());
  EXPECT_EQ(codec.Alternate(N("Readme.md")).bytes(), "Readme%+rhtg6fhizdldpyxpqjwjdllnii.md");
  EXPECT_EQ(codec.Natural(N(std::string(255, ':'))).bytes().substr(225), "%~tsztguzhf52tay3lx4acmki6wa");
}

}  // namespace
}  // namespace hardlinkfs
