#include "mount-helpers/quota_command.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "fuse/lowlevel/control.h"
#include "mount-helpers/control_file.h"
#include "mount-helpers/failure.h"

namespace hardlinkfs {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kColumns = 8;
using Row = std::array<std::string, kColumns>;

std::string OwnerOf(const Json& account) {
  if (account.contains("path")) {
    const auto path = account["path"].get<std::string>();
    return path.empty() ? "a directory that was removed" : path;
  }
  const bool is_user = account.contains("uid");
  const auto id = account[is_user ? "uid" : "gid"].get<uint32_t>();
  std::string name = std::to_string(id);
  if (is_user) {
    if (const passwd* const entry = getpwuid(id); entry != nullptr) name = entry->pw_name;
  } else if (const group* const entry = getgrgid(id); entry != nullptr) {
    name = entry->gr_name;
  }
  return (is_user ? "user " : "group ") + name;
}

std::string InUnits(uint64_t bytes) {
  constexpr std::array kUnits{"", "K", "M", "G", "T", "P", "E"};
  size_t unit = 0;
  auto value = static_cast<double>(bytes);
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f%s" : "%.1f%s", value, kUnits[unit]);
  return text.data();
}

// As quota(1): a star behind what is used up.
void SetPair(Row& row, size_t column, const Json& pair, bool in_units) {
  const auto shown = [in_units](uint64_t number) { return in_units ? InUnits(number) : std::to_string(number); };
  const auto used = pair["used"].get<uint64_t>();
  row[column] = shown(used);
  if (pair["limit"].is_null()) {
    row[column + 1] = "-";
    return;
  }
  const auto limit = pair["limit"].get<uint64_t>();
  if (used >= limit) row[column] += "*";
  row[column + 1] = shown(limit);
}

void PrintForPeople(const std::vector<Json>& accounts) {
  std::vector<Row> rows{{"quota", "of", "inodes", "limit", "names", "limit", "bytes", "limit"}};
  for (const Json& account : accounts) {
    Row row{account["quota"].get<std::string>(), OwnerOf(account)};
    SetPair(row, 2, account["inodes"], false);
    SetPair(row, 4, account["names"], false);
    SetPair(row, 6, account["bytes"], true);
    rows.push_back(row);
  }
  std::array<size_t, kColumns> widths{};
  for (const Row& row : rows) {
    for (size_t column = 0; column < kColumns; ++column) widths[column] = std::max(widths[column], row[column].size());
  }
  for (const Row& row : rows) {
    std::string line;
    for (size_t column = 0; column < kColumns; ++column) {
      const std::string blanks(widths[column] - row[column].size(), ' ');
      if (column > 0) line += "  ";
      line += column < 2 ? row[column] + blanks : blanks + row[column];
    }
    std::printf("%s\n", line.c_str());
  }
}

}  // namespace

int RunQuota(const QuotaCommand& command) {
  const std::variant<UniqueFd, Failure> opened = OpenInMount(command.path);
  if (const auto* const failure = std::get_if<Failure>(&opened)) return Fail(*failure);
  const Result<std::vector<std::string>> lines = LinesOf(std::get<UniqueFd>(opened).get(), kControlAccounts);
  if (!lines.ok()) return Fail(ControlFailure(command.path, lines.code()));
  if (command.json) {
    for (const std::string& line : *lines) std::printf("%s\n", line.c_str());
    return static_cast<int>(ExitStatus::kSuccess);
  }
  std::vector<Json> accounts;
  for (const std::string& line : *lines) accounts.push_back(Json::parse(line));
  PrintForPeople(accounts);
  return static_cast<int>(ExitStatus::kSuccess);
}

}  // namespace hardlinkfs
