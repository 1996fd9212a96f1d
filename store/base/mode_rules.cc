#include "store/base/mode_rules.h"

#include <charconv>
#include <string>

namespace hardlinkfs {
namespace {

constexpr uint32_t kAll = 0777;
constexpr uint32_t kExecute = 0111;

uint32_t WhoOf(char letter) { return letter == 'u' ? 0700U : letter == 'g' ? 0070U : letter == 'o' ? 0007U : letter == 'a' ? kAll : 0U; }
uint32_t BitsOf(char letter) { return letter == 'r' ? 0444U : letter == 'w' ? 0222U : letter == 'x' ? kExecute : 0U; }

std::optional<uint32_t> Octal(std::string_view text) {
  uint32_t mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc() || end != text.data() + text.size() || mode > kAll) return std::nullopt;
  return mode;
}

}  // namespace

std::optional<ModeRules::Rule> ModeRules::RuleFrom(std::string_view text) {
  if (const std::optional<uint32_t> mode = Octal(text)) return Rule{.who = kAll, .bits = *mode};
  Rule rule;
  size_t at = 0;
  while (at < text.size() && WhoOf(text[at]) != 0) rule.who |= WhoOf(text[at++]);
  if (rule.who == 0) rule.who = kAll;
  if (at == text.size()) return std::nullopt;
  switch (text[at++]) {
    case '+':
      rule.operation = Operation::kAdd;
      break;
    case '-':
      rule.operation = Operation::kRemove;
      break;
    case '=':
      rule.operation = Operation::kSet;
      break;
    default:
      return std::nullopt;
  }
  for (; at < text.size(); ++at) {
    rule.execute_if_so |= text[at] == 'X';
    rule.execute_directories |= text[at] == 'D';
    if (BitsOf(text[at]) == 0 && text[at] != 'X' && text[at] != 'D') return std::nullopt;
    rule.bits |= BitsOf(text[at]);
  }
  return rule;
}

std::optional<ModeRules> ModeRules::From(std::string_view text) {
  ModeRules rules;
  for (;;) {
    const size_t colon = text.find(':');
    const std::optional<Rule> rule = RuleFrom(text.substr(0, colon));
    if (!rule.has_value()) return std::nullopt;
    rules.rules_.push_back(*rule);
    if (colon == std::string_view::npos) return rules;
    text.remove_prefix(colon + 1);
  }
}

uint32_t ModeRules::Apply(uint32_t mode, FileType type) const {
  for (const Rule& rule : rules_) {
    const bool is_directory = type == FileType::kDirectory;
    const bool executes = (rule.execute_directories && is_directory) || (rule.execute_if_so && (is_directory || (mode & kExecute) != 0));
    const uint32_t bits = (rule.bits | (executes ? kExecute : 0)) & rule.who;
    switch (rule.operation) {
      case Operation::kAdd:
        mode |= bits;
        break;
      case Operation::kRemove:
        mode &= ~bits;
        break;
      case Operation::kSet:
        mode = (mode & ~rule.who) | bits;
        break;
    }
  }
  return mode;
}

}  // namespace hardlinkfs
