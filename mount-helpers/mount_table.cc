#include "mount-helpers/mount_table.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

namespace hardlinkfs {
namespace {

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

// The kernel writes space, tab, newline and backslash as \ooo.
std::string Unescaped(const std::string& field) {
  std::string out;
  for (size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '\\' && i + 3 < field.size() && std::all_of(&field[i + 1], &field[i + 4], IsOctal)) {
      out.push_back(static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 + (field[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(field[i]);
    }
  }
  return out;
}

}  // namespace

std::vector<MountEntry> ParseMountTable(std::istream& mountinfo) {
  std::vector<MountEntry> table;
  for (std::string line; std::getline(mountinfo, line);) {
    std::istringstream words(line);
    const std::vector<std::string> fields{std::istream_iterator<std::string>(words), {}};
    // ID PARENT DEVICE ROOT MOUNTPOINT OPTIONS [TAG...] - TYPE SOURCE SUPEROPTIONS
    if (fields.size() < 7) continue;
    const auto dash = std::find(fields.begin() + 6, fields.end(), "-");
    if (std::distance(dash, fields.end()) < 3) continue;
    table.push_back({Unescaped(fields[4]), dash[1], Unescaped(dash[2])});
  }
  return table;
}

std::vector<MountEntry> ReadMountTable() {
  std::ifstream mountinfo("/proc/self/mountinfo");
  return ParseMountTable(mountinfo);
}

const MountEntry* TopMountAt(const std::vector<MountEntry>& table, const std::string& mountpoint) {
  // A later mount on the same point covers an earlier one, and is listed after it.
  const auto top =
      std::find_if(table.rbegin(), table.rend(), [&mountpoint](const MountEntry& entry) { return entry.mountpoint == mountpoint; });
  return top == table.rend() ? nullptr : &*top;
}

}  // namespace hardlinkfs
