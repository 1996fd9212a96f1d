#include "mount-helpers/explain_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>

namespace hardlinkfs {
namespace {

bool IsPlain(unsigned char c) {
  return std::isalnum(c) != 0 || std::string_view("_@%+=:,./-").find(static_cast<char>(c)) != std::string_view::npos;
}

// Beyond ASCII everything is left as it is: names are mostly UTF-8.
bool IsControl(unsigned char c) { return c < 0x20 || c == 0x7F; }

char TypeLetter(FileType type) {
  switch (type) {
    case FileType::kDirectory:
      return 'd';
    case FileType::kSymlink:
      return 'l';
    case FileType::kFifo:
      return 'p';
    case FileType::kSocket:
      return 's';
    case FileType::kCharacterDevice:
      return 'c';
    case FileType::kBlockDevice:
      return 'b';
    case FileType::kRegular:
      return '-';
    case FileType::kUnknown:
      break;
  }
  return '?';
}

// As ls(1): the letter of a bit of 07000 takes the place of an "x".
struct SpecialBit {
  uint32_t bit;
  size_t at;
  char with_execute, without;
};
constexpr std::array kSpecialBits = {SpecialBit{04000, 3, 's', 'S'}, SpecialBit{02000, 6, 's', 'S'}, SpecialBit{01000, 9, 't', 'T'}};

std::string NameOrNumber(const std::string& name, uint32_t id) { return name.empty() ? std::to_string(id) : name; }

}  // namespace

std::string ShellWord(std::string_view text) {
  if (!text.empty() && std::ranges::all_of(text, [](char c) { return IsPlain(static_cast<unsigned char>(c)); })) return std::string(text);
  const bool has_control = std::ranges::any_of(text, [](char c) { return IsControl(static_cast<unsigned char>(c)); });
  std::string word = has_control ? "$'" : "'";
  for (const char c : text) {
    if (has_control && IsControl(static_cast<unsigned char>(c))) {
      char escaped[5];
      std::snprintf(escaped, sizeof escaped, "\\%03o", static_cast<unsigned>(static_cast<unsigned char>(c)));
      word += escaped;
    } else if (has_control && (c == '\'' || c == '\\')) {
      word.append("\\").push_back(c);
    } else if (c == '\'') {
      word += "'\\''";
    } else {
      word.push_back(c);
    }
  }
  return word + "'";
}

std::string ModeText(const ExplainedInode& inode) {
  const uint32_t mode = inode.attributes.mode;
  std::string text(1, TypeLetter(inode.attributes.type));
  for (unsigned bit = 0; bit < 9; ++bit) text.push_back((mode >> (8 - bit) & 1U) != 0 ? "rwx"[bit % 3] : '-');
  for (const SpecialBit& special : kSpecialBits) {
    if ((mode & special.bit) != 0) text[special.at] = text[special.at] == 'x' ? special.with_execute : special.without;
  }
  return inode.acl.has_value() ? text + "+" : text;
}

std::string Describe(const ExplainedInode& inode) {
  if (inode.look_error != 0) return ShellWord(inode.path);
  return ShellWord(inode.path) + " (" + ModeText(inode) + " " + NameOrNumber(inode.owner, inode.attributes.uid) + " " +
         NameOrNumber(inode.group, inode.attributes.gid) + ")";
}

std::string OwnerText(const ExplainedInode& inode) {
  const std::string number = std::to_string(inode.attributes.uid);
  return inode.owner.empty() ? number + " (no such user)" : inode.owner + " (" + number + ")";
}

std::string CallerText(const ExplainedCaller& caller) {
  const std::string number = std::to_string(caller.caller.uid);
  return caller.name.empty() ? number + " (no such user)" : caller.name + " (" + number + ")";
}

std::string Describe(const ExplainedMount& mount) {
  return ShellWord(mount.entry.mountpoint) + " (" + ShellWord(mount.entry.type) + " of " + ShellWord(mount.entry.source) + ")";
}

}  // namespace hardlinkfs
