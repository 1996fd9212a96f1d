#include "policy/words.h"

#include <charconv>
#include <cstring>

namespace hardlinkfs {
namespace {

std::optional<uint64_t> NumberOf(std::string_view text) {
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stopped == end ? std::optional(number) : std::nullopt;
}

}  // namespace

std::optional<int> ErrnoOf(std::string_view name) {
  // Linux has two that have no name of their own.
  if (name == "EWOULDBLOCK") return EAGAIN;
  if (name == "ENOTSUP") return EOPNOTSUPP;
  constexpr int kLast = 133;  // EHWPOISON
  for (int code = 1; code <= kLast; ++code) {
    const char* const candidate = strerrorname_np(code);
    if (candidate != nullptr && name == candidate) return code;
  }
  return std::nullopt;
}

std::optional<uint64_t> BytesOf(std::string_view text) {
  constexpr std::string_view kUnits = "KMGT";
  unsigned shift = 0;
  if (!text.empty()) {
    if (const size_t unit = kUnits.find(text.back()); unit != std::string_view::npos) {
      shift = 10 * (static_cast<unsigned>(unit) + 1);
      text.remove_suffix(1);
    }
  }
  const std::optional<uint64_t> number = NumberOf(text);
  if (!number.has_value() || *number > UINT64_MAX >> shift) return std::nullopt;
  return *number << shift;
}

std::optional<Range> RangeOf(std::string_view text) {
  const size_t dash = text.find('-');
  const std::optional<uint64_t> first = NumberOf(text.substr(0, dash));
  const std::optional<uint64_t> last = dash == std::string_view::npos ? first : NumberOf(text.substr(dash + 1));
  if (!first.has_value() || !last.has_value() || *first > *last) return std::nullopt;
  return Range{*first, *last};
}

}  // namespace hardlinkfs
