// The grammar of spellings. Why it is injective:
// - A '%' that is kept is never followed by two hex digits, '~' or '+', so escapes and markers can be told from what the name contains.
// - The part of a hashed or alternate spelling before its marker is cut from escaped text, so its first marker is the marker.
// - Where the backing holds everything, only names that look like a spelling are escaped, and then every '%' of them: they stay among the
//   names that look like a spelling, but for the spellings themselves, in which some '%' is not followed by "25".
#include "store/backing/name_codec.h"

#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "store/backing/case_fold.h"
#include "store/backing/private_area.h"
#include "store/backing/utf8.h"

namespace hardlinkfs {
namespace {

constexpr std::string_view kHashed = "%~";
constexpr std::string_view kAlternate = "%+";
constexpr std::string_view kEscapedPrivateArea = "%2Ehardlinkfs";
constexpr size_t kHashLetters = 26;       // 128 bits, five a letter
constexpr size_t kLongestExtension = 17;  // the dot included; longer ones are not worth the readable prefix

// What a backing can hold; the same words as in Capabilities.
struct Alphabet {
  bool any_bytes = false;
  bool punctuation = false;
  bool trailing_dots_and_spaces = false;
};

bool IsUpperHex(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); }
bool IsHex(char c) { return IsUpperHex(c) || (c >= 'a' && c <= 'f'); }
bool IsBase32(char c) { return (AsciiLower(c) >= 'a' && AsciiLower(c) <= 'z') || (c >= '2' && c <= '7'); }

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return AsciiLower(x) == AsciiLower(y); });
}

void AppendEscaped(char byte, std::string& to) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  to.push_back('%');
  to.push_back(kDigits[static_cast<uint8_t>(byte) >> 4]);
  to.push_back(kDigits[static_cast<uint8_t>(byte) & 0x0F]);
}

// `text` begins with '%'. Lower-case digits count, so that no two names differ on the backing by the case of an escape only.
bool LooksLikeEscape(std::string_view text) {
  if (text.size() >= 2 && (text[1] == kHashed[1] || text[1] == kAlternate[1])) return true;
  return text.size() >= 3 && IsHex(text[1]) && IsHex(text[2]);
}

bool MustEscape(std::string_view rest, const Utf8Sequence& next, const Alphabet& alphabet) {
  if (rest[0] == '%') return LooksLikeEscape(rest);
  // U+nnFFFE and U+nnFFFF: FAT pads its names with FFFF.
  if (!alphabet.any_bytes && (!next.valid || next.code_point < 0x20 || (next.code_point & 0xFFFE) == 0xFFFE)) return true;
  return !alphabet.punctuation && std::string_view("<>:\"|?*\\").find(rest[0]) != std::string_view::npos;
}

// Names that DOS and Windows take for a device, whatever extension they have.
bool IsDevice(std::string_view name) {
  name = name.substr(0, name.find('.'));
  name = name.substr(0, name.find_last_not_of(' ') + 1);
  for (const std::string_view device : {"con", "prn", "aux", "nul"}) {
    if (EqualIgnoringCase(name, device)) return true;
  }
  const bool numbered = name.size() == 4 && name[3] >= '1' && name[3] <= '9';
  return numbered && (EqualIgnoringCase(name.substr(0, 3), "com") || EqualIgnoringCase(name.substr(0, 3), "lpt"));
}

std::string EscapeFirst(std::string_view name) {
  std::string escaped;
  AppendEscaped(name[0], escaped);
  return escaped.append(name.substr(1));
}

std::string EscapeWhatIsRefused(std::string_view name, const Alphabet& alphabet) {
  if (EqualIgnoringCase(name, kPrivateAreaName)) return EscapeFirst(name);
  std::string escaped;
  for (std::string_view rest = name; !rest.empty();) {
    const Utf8Sequence next = NextUtf8(rest);
    const bool must = MustEscape(rest, next, alphabet);
    for (const char byte : rest.substr(0, next.length)) {
      if (must) {
        AppendEscaped(byte, escaped);
      } else {
        escaped.push_back(byte);
      }
    }
    rest.remove_prefix(next.length);
  }
  if (!alphabet.trailing_dots_and_spaces && (name.back() == '.' || name.back() == ' ')) {
    escaped.pop_back();
    AppendEscaped(name.back(), escaped);
  }
  if (!alphabet.punctuation && IsDevice(name)) return EscapeFirst(escaped);
  return escaped;
}

std::string Unescape(std::string_view spelling) {
  std::string name;
  for (size_t i = 0; i < spelling.size(); ++i) {
    if (spelling[i] != '%' || i + 2 >= spelling.size() || !IsUpperHex(spelling[i + 1]) || !IsUpperHex(spelling[i + 2])) {
      name.push_back(spelling[i]);
      continue;
    }
    const auto value = [](char digit) { return digit <= '9' ? digit - '0' : digit - 'A' + 10; };
    name.push_back(static_cast<char>(value(spelling[i + 1]) * 16 + value(spelling[i + 2])));
    i += 2;
  }
  return name;
}

// Whether `text` contains a marker with a whole hash behind it.
bool ContainsHash(std::string_view text) {
  for (size_t at = text.find('%'); at != text.npos; at = text.find('%', at + 1)) {
    const std::string_view rest = text.substr(at);
    if (rest.size() < 2 + kHashLetters || !(rest.starts_with(kHashed) || rest.starts_with(kAlternate))) continue;
    const std::string_view hash = rest.substr(2, kHashLetters);
    if (std::all_of(hash.begin(), hash.end(), IsBase32)) return true;
  }
  return false;
}

// Whether `name` is, or could have been made by escaping, one of the few spellings there are on a backing that holds everything.
bool LooksLikeSpelling(std::string_view name) {
  std::string without_escapes;
  for (size_t i = 0; i < name.size(); ++i) {
    without_escapes.push_back(name[i]);
    while (without_escapes.back() == '%' && name.substr(i + 1).starts_with("25")) i += 2;
  }
  return EqualIgnoringCase(without_escapes, kEscapedPrivateArea) || ContainsHash(without_escapes);
}

std::string EscapeEveryPercent(std::string_view name) {
  std::string escaped;
  for (const char byte : name) {
    if (byte == '%') {
      AppendEscaped(byte, escaped);
    } else {
      escaped.push_back(byte);
    }
  }
  return escaped;
}

std::string EscapeWhatLooksLikeSpelling(std::string_view name) {
  if (EqualIgnoringCase(name, kPrivateAreaName)) return EscapeFirst(name);
  return LooksLikeSpelling(name) ? EscapeEveryPercent(name) : std::string(name);
}

std::string Hash(std::string_view name, std::string_view marker) {
  // A seed of its own for each marker: names made to clash in one hash do not clash in the other for that reason.
  const XXH128_hash_t hash = XXH3_128bits_withSeed(name.data(), name.size(), static_cast<XXH64_hash_t>(marker[1]));
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, hash);
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz234567";
  std::string text;
  uint32_t pending = 0;
  int bits = 0;
  for (const uint8_t byte : bytes.digest) {
    pending = (pending << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text.push_back(kLetters[(pending >> (bits - 5)) & 31]);
  }
  text.push_back(kLetters[(pending << (5 - bits)) & 31]);
  return text;
}

// RETURNS: at most `limit` bytes of `escaped` that end between two characters and between two escapes.
std::string_view Prefix(std::string_view escaped, size_t limit) {
  if (escaped.size() <= limit) return escaped;
  size_t cut = limit;
  for (int i = 0; i < 3 && cut > 0 && (static_cast<uint8_t>(escaped[cut]) & 0xC0) == 0x80; ++i) --cut;
  for (size_t back = 1; back <= 2 && back <= cut; ++back) {
    const std::string_view tail = escaped.substr(cut - back);
    if (tail[0] == '%' && tail.size() >= 3 && IsUpperHex(tail[1]) && IsUpperHex(tail[2])) return escaped.substr(0, cut - back);
  }
  return escaped.substr(0, cut);
}

std::string WithHash(std::string_view escaped, std::string_view marker, std::string_view name, size_t limit) {
  std::string_view extension;
  const size_t fixed = marker.size() + kHashLetters;
  const size_t dot = escaped.rfind('.');
  const bool has_extension = dot != escaped.npos && dot > 0 && escaped.size() - dot <= kLongestExtension;
  if (has_extension && fixed + (escaped.size() - dot) <= limit) extension = escaped.substr(dot);
  escaped.remove_suffix(extension.size());
  std::string spelling(Prefix(escaped, limit - fixed - extension.size()));
  return spelling.append(marker).append(Hash(name, marker)).append(extension);
}

std::string AsciiOnly(std::string_view escaped) {
  std::string ascii;
  while (!escaped.empty()) {
    const Utf8Sequence next = NextUtf8(escaped);
    ascii.push_back(next.length == 1 && next.valid ? escaped[0] : '_');
    escaped.remove_prefix(next.length);
  }
  return ascii;
}

}  // namespace

NameCodec::NameCodec(const Capabilities& capabilities)
    : any_bytes_(capabilities.any_bytes_in_names),
      punctuation_(capabilities.punctuation_in_names),
      trailing_dots_and_spaces_(capabilities.trailing_dots_and_spaces),
      case_sensitive_(capabilities.case_sensitive),
      max_bytes_(std::max(capabilities.max_name_bytes, kShortestLimit)) {}

bool NameCodec::holds_all() const {
  return any_bytes_ && punctuation_ && trailing_dots_and_spaces_ && case_sensitive_ && max_bytes_ >= Name::kMaxBytes;
}

std::string NameCodec::Escape(const std::string& name) const {
  if (holds_all()) return EscapeWhatLooksLikeSpelling(name);
  return EscapeWhatIsRefused(name, {any_bytes_, punctuation_, trailing_dots_and_spaces_});
}

BackingName NameCodec::Natural(const Name& name) const {
  std::string escaped = Escape(name.bytes());
  if (escaped.size() <= max_bytes_) return BackingName(std::move(escaped));
  return BackingName(WithHash(escaped, kHashed, name.bytes(), max_bytes_));
}

BackingName NameCodec::Alternate(const Name& name) const {
  const std::string portable = AsciiOnly(EscapeWhatIsRefused(name.bytes(), Alphabet{}));
  return BackingName(WithHash(portable, kAlternate, name.bytes(), max_bytes_));
}

Result<Name> NameCodec::Decode(const BackingName& spelling) const {
  if (auto name = Name::From(Unescape(spelling.bytes())); name.ok() && Natural(*name) == spelling) return name;
  if (auto name = Name::From(spelling.bytes()); name.ok()) return name;
  return Error{EINVAL, "an entry of the backing that cannot be a name"};
}

}  // namespace hardlinkfs
