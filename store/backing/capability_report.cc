// One row an aspect: what was found, and what follows where the catalog has authority over names (docs/decisions/0003).
#include "store/backing/capability_report.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace hardlinkfs {
namespace {

using Row = std::array<std::string, 3>;

std::string YesNo(bool is) { return is ? "yes" : "no"; }

std::string Granularity(std::chrono::nanoseconds grain) {
  const int64_t count = grain.count();
  if (count % 1'000'000'000 == 0) return std::to_string(count / 1'000'000'000) + " s";
  if (count % 1'000'000 == 0) return std::to_string(count / 1'000'000) + " ms";
  if (count % 1'000 == 0) return std::to_string(count / 1'000) + " us";
  return std::to_string(count) + " ns";
}

Row Stored(std::string aspect, bool native) { return {std::move(aspect), YesNo(native), "in the catalog"}; }

Row Mirrored(std::string aspect, bool native) {
  return {std::move(aspect), YesNo(native), native ? "in the catalog, and set below too" : "in the catalog"};
}

Row Spelled(std::string aspect, bool held) { return {std::move(aspect), YesNo(held), held ? "as they are" : "spelled with %XX"}; }

std::vector<Row> Rows(const Capabilities& can) {
  return {
      {"aspect", can.filesystem.empty() ? "backing" : "backing (" + can.filesystem + ")", "hardlinkfs"},
      Stored("hard links", can.hard_links),
      Stored("stable inode numbers", can.stable_inodes),
      Mirrored("modes", can.modes),
      Mirrored("owners", can.owners),
      Stored("symlinks", can.symlinks),
      Stored("special files", can.special_files),
      Stored("user xattrs", can.user_xattrs),
      {"time granularity", Granularity(can.time_granularity), "1 ns, in the catalog"},
      {"case-sensitive names", YesNo(can.case_sensitive), can.case_sensitive ? "as they are" : "clashes get a spelling with a hash"},
      Spelled("any bytes in names", can.any_bytes_in_names),
      Spelled("punctuation in names", can.punctuation_in_names),
      Spelled("trailing dots and spaces", can.trailing_dots_and_spaces),
      {"longest name", std::to_string(can.max_name_bytes) + " bytes", "255 bytes; longer spellings get a hash"},
      {"rename without replacing", YesNo(can.rename_noreplace), can.rename_noreplace ? "used" : "checked beforehand"},
      {"exchanging rename", YesNo(can.rename_exchange), "in the catalog"},
      {"unnamed temporary files", YesNo(can.tmpfile), "in the private area"},
      {"sparse files", YesNo(can.sparse_files), can.sparse_files ? "used" : "holes take their space"},
      {"fsync of directories", YesNo(can.directory_fsync), can.directory_fsync ? "used" : "not available"},
  };
}

}  // namespace

std::string Describe(const Capabilities& capabilities) {
  const std::vector<Row> rows = Rows(capabilities);
  std::array<size_t, 2> widths{};
  for (const Row& row : rows) {
    for (size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (size_t line = 0; line < rows.size(); ++line) {
    const Row& row = rows[line];
    for (size_t i = 0; i < widths.size(); ++i) text.append(row[i]).append(widths[i] - row[i].size(), ' ').append(" | ");
    text.append(row[2]).append("\n");
    if (line != 0) continue;
    for (const size_t width : widths) text.append(width, '-').append("-+-");
    text.append(std::string_view("----------")).append("\n");
  }
  return text;
}

}  // namespace hardlinkfs
