#include "fuse/lowlevel/option_values.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <utility>

namespace hardlinkfs {
namespace {

// Levenshtein's distance.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row.back();
}

}  // namespace

std::vector<OptionText> SplitOptions(std::string_view list) {
  std::vector<OptionText> options;
  OptionText current;
  const auto finish = [&options, &current] {
    if (!current.name.empty() || current.value.has_value()) options.push_back(std::move(current));
    current = {};
  };
  for (size_t i = 0; i < list.size(); ++i) {
    char c = list[i];
    if (c == ',') {
      finish();
      continue;
    }
    if (c == '=' && !current.value.has_value()) {
      current.value.emplace();
      continue;
    }
    if (c == '\\' && i + 1 < list.size()) c = list[++i];
    (current.value.has_value() ? *current.value : current.name).push_back(c);
  }
  finish();
  return options;
}

std::optional<uint32_t> ParseUnsigned(std::string_view text, int base, uint32_t maximum) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size() || number > maximum) return std::nullopt;
  return number;
}

std::string_view NearestName(std::string_view wanted, std::span<const std::string_view> names) {
  const auto nearest = std::min_element(
      names.begin(), names.end(), [wanted](std::string_view a, std::string_view b) { return Distance(wanted, a) < Distance(wanted, b); });
  if (nearest == names.end()) return {};
  // Two slips, but never so many that nothing of the word is left.
  const size_t allowed = std::min<size_t>(2, wanted.size() / 2);
  return Distance(wanted, *nearest) <= allowed ? *nearest : std::string_view();
}

}  // namespace hardlinkfs
