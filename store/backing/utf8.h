// UTF-8, strictly: the part of it that the name codec and case folding need.
#ifndef HARDLINKFS_STORE_BACKING_UTF8_H_
#define HARDLINKFS_STORE_BACKING_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hardlinkfs {

struct Utf8Sequence {
  size_t length = 1;  // bytes to go on by: 1 where they are not UTF-8
  bool valid = false;
  char32_t code_point = 0;
};

// RETURNS: the first sequence of `text`; overlong forms, surrogates and anything beyond U+10FFFF are not valid.
// REQUIRES: !text.empty()
constexpr Utf8Sequence NextUtf8(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  if (byte(0) < 0x80) return {1, true, byte(0)};
  size_t length = 0;
  char32_t code_point = 0;
  if (byte(0) >= 0xC2 && byte(0) <= 0xDF) length = 2, code_point = byte(0) & 0x1FU;
  if (byte(0) >= 0xE0 && byte(0) <= 0xEF) length = 3, code_point = byte(0) & 0x0FU;
  if (byte(0) >= 0xF0 && byte(0) <= 0xF4) length = 4, code_point = byte(0) & 0x07U;
  if (length == 0 || text.size() < length) return {};
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return {};
    code_point = (code_point << 6) | (byte(i) & 0x3FU);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  if (code_point < kSmallest[length] || code_point > 0x10FFFF || surrogate) return {};
  return {length, true, code_point};
}

// REQUIRES: a valid code point.
inline void AppendUtf8(char32_t code_point, std::string& to) {
  const auto append = [&to](char32_t byte) { to.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) return append(code_point);
  if (code_point < 0x800) {
    append(0xC0 | (code_point >> 6));
  } else if (code_point < 0x10000) {
    append(0xE0 | (code_point >> 12));
    append(0x80 | ((code_point >> 6) & 0x3F));
  } else {
    append(0xF0 | (code_point >> 18));
    append(0x80 | ((code_point >> 12) & 0x3F));
    append(0x80 | ((code_point >> 6) & 0x3F));
  }
  append(0x80 | (code_point & 0x3F));
}

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BACKING_UTF8_H_
