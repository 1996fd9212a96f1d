// TomlReader: one table of a policy file. What is wrong is noted with its place, and reading goes on, so that all of it is told at once.
#ifndef HARDLINKFS_POLICY_TOML_READER_H_
#define HARDLINKFS_POLICY_TOML_READER_H_

#include <toml++/toml.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy_file.h"
#include "policy/words.h"

namespace hardlinkfs {

using PolicyErrors = std::vector<PolicyError>;

class TomlReader {
 public:
  // `what` names the table in messages: "[[rule]]". Borrows all.
  TomlReader(const toml::table& table, std::string_view what, PolicyErrors& errors) : table_(table), what_(what), errors_(errors) {}

  // For these: nothing when the key is not there, or its value was wrong, which is noted.
  std::optional<std::string> Text(std::string_view key);
  std::optional<bool> Boolean(std::string_view key);
  std::optional<uint64_t> Number(std::string_view key, uint64_t least, uint64_t most);
  std::optional<double> Fraction(std::string_view key);  // above 0, up to 1
  template <typename Value>
  std::optional<Value> Choice(std::string_view key, std::span<const Word<Value>> words) {
    const toml::node* const node = Find(key);
    return node == nullptr ? std::nullopt : ChoiceOf(*node, key, words);
  }
  // A value, or an array of them: `read` makes something of each, or notes what is wrong with it.
  template <typename Value>
  std::vector<Value> List(std::string_view key, const std::function<std::optional<Value>(const toml::node&)>& read) {
    std::vector<Value> values;
    const auto add = [&](const toml::node& node) {
      if (std::optional<Value> value = read(node); value.has_value()) values.push_back(*std::move(value));
    };
    const toml::node* const node = Find(key);
    if (node == nullptr) return values;
    const toml::array* const array = node->as_array();
    if (array == nullptr) {
      add(*node);
      return values;
    }
    // Else it would say the same as no key at all, which is not what anybody means.
    if (array->empty()) Complain(*node, Quoted(key) + " must not be empty; leave the key out");
    for (const toml::node& element : *array) add(element);
    return values;
  }
  template <typename Value>
  std::optional<Value> ChoiceOf(const toml::node& node, std::string_view key, std::span<const Word<Value>> words) {
    const auto* const text = node.as_string();
    const std::optional<Value> value = text == nullptr ? std::nullopt : ValueOf(words, text->get());
    if (value.has_value()) return value;
    std::string expected;
    for (const Word<Value>& word : words) expected.append(expected.empty() ? "" : ", ").append(Quoted(word.word));
    ComplainValue(node, key, "one of " + expected);
    return std::nullopt;
  }
  const toml::node* Find(std::string_view key);
  const toml::table* Table(std::string_view key);
  // RETURNS: the tables of [[key]].
  std::vector<const toml::table*> Tables(std::string_view key);

  bool Has(std::string_view key) const { return table_.contains(key); }
  // Notes that the table lacks something, at its beginning.
  void Complain(const std::string& message) { Complain(table_, message); }
  void Complain(const toml::node& node, const std::string& message);
  // "'key' must be `expected`".
  void ComplainValue(const toml::node& node, std::string_view key, const std::string& expected);
  // Notes the keys that nobody has asked for.
  void RefuseOthers();

  static std::string Quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

 private:
  const toml::table& table_;
  const std::string what_;
  PolicyErrors& errors_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_POLICY_TOML_READER_H_
