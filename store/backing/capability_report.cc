// One row an aspect: what was found, and what follows.
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

// Kept by the backing itself, or by us.
Row Stored(std::string aspect, bool native) { return {std::move(aspect), YesNo(native), native ? "native" : "stored in the catalog"}; }

Row Spelled(std::string aspect, bool held) { return {std::move(aspect), YesNo(held), held ? "as they are" : "spelled with %XX"}; }

Row Names(const Capabilities& can) {
  const bool native = can.hard_links && can.stable_inodes;
  return {"stable inode numbers", YesNo(can.stable_inodes), native ? "names=backing" : "names=catalog"};
}

std::vector<Row> Rows(const Capabilities& can) {
  const bool exact_times = can.time_granularity == std::chrono::nanoseconds(1);
  return {
      {"aspect", can.filesystem.empty() ? "backing" : "backing (" + can.filesystem + ")", "hardlinkfs"},
      Stored("hard links", can.hard_links),
      Names(can),
      Stored("modes", can.modes),
      Stored("owners", can.owners),
      Stored("symlinks", can.symlinks),
      Stored("special files", can.special_files),
      Stored("user xattrs", can.user_xattrs),
      {"time granularity", Granularity(can.time_granularity), exact_times ? "native" : "1 ns, stored in the catalog"},
      {"case-sensitive names", YesNo(can.case_sensitive), can.case_sensitive ? "native" : "clashes get a spelling with a hash"},
      Spelled("any bytes in names", can.any_bytes_in_names),
      Spelled("punctuation in names", can.punctuation_in_names),
      Spelled("trailing dots and spaces", can.trailing_dots_and_spaces),
      {"longest name", std::to_string(can.max_name_bytes) + " bytes", "255 bytes; longer spellings get a hash"},
      {"rename without replacing", YesNo(can.rename_noreplace), can.rename_noreplace ? "native" : "checked beforehand"},
      {"exchanging rename", YesNo(can.rename_exchange), "in the catalog"},
      {"unnamed temporary files", YesNo(can.tmpfile), "in the private area"},
      {"sparse files", YesNo(can.sparse_files), can.sparse_files ? "native" : "holes take their space"},
      {"fsync of directories", YesNo(can.directory_fsync), can.directory_fsync ? "used" : "files are synced instead"},
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
