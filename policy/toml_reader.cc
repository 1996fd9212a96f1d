#include "policy/toml_reader.h"

#include <sstream>

namespace hardlinkfs {
namespace {

std::string TextOf(const toml::node& node) {
  if (node.is_table()) return "a table";
  if (node.is_array()) return "an array";
  std::ostringstream text;
  node.visit([&text](const auto& value) { text << value; });
  return text.str();
}

}  // namespace

void TomlReader::Complain(const toml::node& node, const std::string& message) {
  const toml::source_position& place = node.source().begin;
  errors_.push_back({place.line, place.column, message});
}

void TomlReader::ComplainValue(const toml::node& node, std::string_view key, const std::string& expected) {
  Complain(node, Quoted(key) + " must be " + expected + ", not " + TextOf(node));
}

const toml::node* TomlReader::Find(std::string_view key) {
  known_.emplace(key);
  return table_.get(key);
}

std::optional<std::string> TomlReader::Text(std::string_view key) {
  const toml::node* const node = Find(key);
  if (node == nullptr) return std::nullopt;
  const auto* const text = node->as_string();
  if (text != nullptr && !text->get().empty()) return text->get();
  ComplainValue(*node, key, "a text in quotes");
  return std::nullopt;
}

std::optional<bool> TomlReader::Boolean(std::string_view key) {
  const toml::node* const node = Find(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* const value = node->as_boolean(); value != nullptr) return value->get();
  ComplainValue(*node, key, "true or false");
  return std::nullopt;
}

std::optional<uint64_t> TomlReader::Number(std::string_view key, uint64_t least, uint64_t most) {
  const toml::node* const node = Find(key);
  if (node == nullptr) return std::nullopt;
  const auto* const value = node->as_integer();
  if (value != nullptr && value->get() >= 0) {
    const auto number = static_cast<uint64_t>(value->get());
    if (least <= number && number <= most) return number;
  }
  ComplainValue(*node, key, "a number from " + std::to_string(least) + " to " + std::to_string(most));
  return std::nullopt;
}

std::optional<double> TomlReader::Fraction(std::string_view key) {
  const toml::node* const node = Find(key);
  if (node == nullptr) return std::nullopt;
  const std::optional<double> value = node->value<double>();
  if (value.has_value() && *value > 0 && *value <= 1) return value;
  ComplainValue(*node, key, "a number above 0, and not above 1");
  return std::nullopt;
}

const toml::table* TomlReader::Table(std::string_view key) {
  const toml::node* const node = Find(key);
  if (node == nullptr) return nullptr;
  if (node->is_table()) return node->as_table();
  ComplainValue(*node, key, "a table");
  return nullptr;
}

std::vector<const toml::table*> TomlReader::Tables(std::string_view key) {
  std::vector<const toml::table*> tables;
  const toml::node* const node = Find(key);
  if (node == nullptr) return tables;
  if (const toml::array* const array = node->as_array(); array != nullptr && array->is_homogeneous(toml::node_type::table)) {
    for (const toml::node& element : *array) tables.push_back(element.as_table());
    return tables;
  }
  Complain(*node, "a \"" + std::string(key) + "\" begins with [[" + std::string(key) + "]]");
  return tables;
}

void TomlReader::RefuseOthers() {
  std::string keys;
  for (const std::string& key : known_) keys.append(keys.empty() ? "" : ", ").append(key);
  for (const auto& [key, node] : table_) {
    if (known_.contains(key.str())) continue;
    const toml::source_position& place = key.source().begin;
    errors_.push_back({place.line, place.column, "unknown key " + Quoted(key.str()) + " in " + what_ + "; known are " + keys});
  }
}

}  // namespace hardlinkfs
