// Numbers are big-endian, so that the order of bytes is the order of numbers.
#include "store/catalog/keys.h"

namespace hardlinkfs::keys {
namespace {

constexpr size_t kNumberBytes = 8;
constexpr size_t kTableBytes = 1;

void Append(std::string& key, uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(number >> shift & 0xff));
}

uint64_t NumberAt(std::string_view key, size_t position) {
  uint64_t number = 0;
  for (const char byte : key.substr(position, kNumberBytes)) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

// `more`: how many bytes the caller will add.
std::string Key(char table, InodeId inode, size_t more = 0) {
  std::string key;
  key.reserve(kTableBytes + kNumberBytes + more);
  key.push_back(table);
  Append(key, Raw(inode));
  return key;
}

std::string Key(char table, InodeId inode, std::string_view tail) {
  std::string key = Key(table, inode, tail.size());
  key.append(tail);
  return key;
}

}  // namespace

std::string Meta() { return "M"; }
std::string Inode(InodeId inode) { return Key('I', inode); }
std::string NamePrefix(InodeId directory) { return Key('N', directory); }

std::string NameAt(InodeId directory, Slot slot) {
  std::string key = Key('N', directory, kNumberBytes);
  Append(key, Raw(slot));
  return key;
}

std::string LinkPrefix(InodeId inode) { return Key('L', inode); }

std::string Link(InodeId inode, InodeId directory, Slot slot) {
  std::string key = Key('L', inode, 2 * kNumberBytes);
  Append(key, Raw(directory));
  Append(key, Raw(slot));
  return key;
}

std::string HomePrefix(InodeId directory) { return Key('H', directory); }
std::string Home(const Place& place) { return Key('H', place.directory, place.name.bytes()); }
std::string XattrPrefix(InodeId inode) { return Key('X', inode); }
std::string Xattr(InodeId inode, std::string_view name) { return Key('X', inode, name); }
std::string Target(InodeId inode) { return Key('T', inode); }
std::string Orphan(InodeId inode) { return Key('O', inode); }
std::string Detached(InodeId inode) { return Key('D', inode); }
std::string Intent(InodeId inode) { return Key('J', inode); }

InodeId InodeOf(std::string_view key) { return InodeId{NumberAt(key, kTableBytes)}; }
InodeId DirectoryOfLink(std::string_view key) { return InodeId{NumberAt(key, kTableBytes + kNumberBytes)}; }
Slot SlotOf(std::string_view key) { return Slot{NumberAt(key, key.size() - kNumberBytes)}; }
std::string_view TailOf(std::string_view key) { return key.substr(kTableBytes + kNumberBytes); }

}  // namespace hardlinkfs::keys
