#include "mount-helpers/mount_table.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>

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

// A comma in a value is "\054" before it is unescaped.
std::vector<std::string> OptionsOf(const std::string& list) {
  std::vector<std::string> options;
  std::istringstream words(list);
  for (std::string option; std::getline(words, option, ',');) options.push_back(Unescaped(option));
  return options;
}

// Zero for what is no number; no mount has that.
uint64_t NumberOf(const std::string& field) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), number);
  return error == std::errc() && end == field.data() + field.size() ? number : 0;
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
    table.push_back({.mountpoint = Unescaped(fields[4]),
                     .type = dash[1],
                     .source = Unescaped(dash[2]),
                     .id = NumberOf(fields[0]),
                     .device = fields[2],
                     .root = Unescaped(fields[3]),
                     .options = OptionsOf(fields[5]),
                     .super_options = std::distance(dash, fields.end()) > 3 ? OptionsOf(dash[3]) : std::vector<std::string>()});
  }
  return table;
}

std::vector<MountEntry> ReadMountTable() {
  std::ifstream mountinfo("/proc/self/mountinfo");
  return ParseMountTable(mountinfo);
}

bool HasOption(const std::vector<std::string>& options, std::string_view option) {
  return std::find(options.begin(), options.end(), option) != options.end();
}

std::optional<uint32_t> NumberOption(const std::vector<std::string>& options, std::string_view key) {
  for (const std::string& option : options) {
    uint32_t number = 0;
    if (!option.starts_with(key)) continue;
    const auto [end, error] = std::from_chars(option.data() + key.size(), option.data() + option.size(), number);
    if (error == std::errc() && end == option.data() + option.size()) return number;
  }
  return std::nullopt;
}

const MountEntry* TopMountAt(const std::vector<MountEntry>& table, const std::string& mountpoint) {
  // A later mount on the same point covers an earlier one, and is listed after it.
  const auto top =
      std::find_if(table.rbegin(), table.rend(), [&mountpoint](const MountEntry& entry) { return entry.mountpoint == mountpoint; });
  return top == table.rend() ? nullptr : &*top;
}

}  // namespace hardlinkfs
