#include "store/engine/manifest_slot.h"

#include <xxhash.h>

#include <array>
#include <charconv>
#include <cstdio>

namespace hardlinkfs {
namespace {

constexpr std::string_view kSequence = "# hardlinkfs: which MANIFEST is in force. The file with the higher number counts.\nsequence = ";
constexpr std::string_view kManifest = "\nmanifest = ";
constexpr std::string_view kLength = "\nlength = ";
constexpr std::string_view kChecksum = "\nchecksum = ";

std::string Checksum(std::string_view text) {
  std::array<char, 17> hex{};
  std::snprintf(hex.data(), hex.size(), "%016llx", static_cast<unsigned long long>(XXH3_64bits(text.data(), text.size())));
  return hex.data();
}

// Takes `before` and what follows it up to the end of the line off `text`. RETURNS: the latter.
std::optional<std::string_view> Take(std::string_view before, std::string_view& text) {
  if (!text.starts_with(before)) return std::nullopt;
  text.remove_prefix(before.size());
  const std::string_view value = text.substr(0, text.find('\n'));
  text.remove_prefix(value.size());
  return value;
}

std::optional<uint64_t> Number(std::optional<std::string_view> text) {
  uint64_t number = 0;
  if (!text.has_value()) return std::nullopt;
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text->data() + text->size()) return std::nullopt;
  return number;
}

}  // namespace

std::string FormatManifestSlot(const ManifestSlot& slot) {
  std::string text(kSequence);
  text.append(std::to_string(slot.sequence)).append(kManifest).append(slot.manifest);
  text.append(kLength).append(std::to_string(slot.length));
  const std::string checksum = Checksum(text);
  text.append(kChecksum).append(checksum);
  text.resize(kManifestSlotBytes, '\n');
  return text;
}

std::optional<ManifestSlot> ParseManifestSlot(std::string_view text) {
  std::string_view left = text;
  const std::optional<uint64_t> sequence = Number(Take(kSequence, left));
  const std::optional<std::string_view> manifest = Take(kManifest, left);
  const std::optional<uint64_t> length = Number(Take(kLength, left));
  if (!sequence.has_value() || !manifest.has_value() || !length.has_value()) return std::nullopt;
  ManifestSlot slot{*sequence, std::string(*manifest), *length};
  if (FormatManifestSlot(slot) != text) return std::nullopt;
  return slot;
}

}  // namespace hardlinkfs
