// Little-endian whatever the machine, and no read beyond the end whatever the bytes.
#include "store/catalog/encoding.h"

#include <xxhash.h>

#include <cerrno>
#include <limits>
#include <utility>

namespace hardlinkfs {
namespace {

constexpr size_t kChecksumBytes = 4;

// The key's own hash is the seed: a record under another key does not verify, and no copy of both is needed.
uint32_t Checksum(std::string_view key, std::string_view bytes) {
  const uint64_t seed = XXH3_64bits(key.data(), key.size());
  return static_cast<uint32_t>(XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed));
}

void AppendLittle(std::string& bytes, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

uint64_t LittleOf(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  return value;
}

}  // namespace

RecordWriter::RecordWriter(uint8_t version) {
  bytes_.reserve(128);  // an inode record fits
  bytes_.push_back(static_cast<char>(version));
}

RecordWriter& RecordWriter::Byte(uint8_t value) {
  bytes_.push_back(static_cast<char>(value));
  return *this;
}

RecordWriter& RecordWriter::Fixed32(uint32_t value) {
  AppendLittle(bytes_, value, 4);
  return *this;
}

RecordWriter& RecordWriter::Fixed64(uint64_t value) {
  AppendLittle(bytes_, value, 8);
  return *this;
}

RecordWriter& RecordWriter::Varint(uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<char>((value & 0x7f) | 0x80));
  bytes_.push_back(static_cast<char>(value));
  return *this;
}

RecordWriter& RecordWriter::String(std::string_view bytes) { return Varint(bytes.size()).Rest(bytes); }

RecordWriter& RecordWriter::Rest(std::string_view bytes) {
  bytes_.append(bytes);
  return *this;
}

std::string RecordWriter::Seal(std::string_view key) {
  AppendLittle(bytes_, Checksum(key, bytes_), kChecksumBytes);
  return std::move(bytes_);
}

Result<RecordReader> RecordReader::Open(std::string_view key, std::string_view value) {
  if (value.size() < 1 + kChecksumBytes) return Error{EUCLEAN, "record too short"};
  const std::string_view sealed = value.substr(0, value.size() - kChecksumBytes);
  if (LittleOf(value.substr(sealed.size())) != Checksum(key, sealed)) return Error{EUCLEAN, "record checksum"};
  // After the checksum: a damaged version byte must not pass for a newer hardlinkfs.
  const auto version = static_cast<uint8_t>(sealed[0]);
  if (version > kRecordVersion) return Error{ENOTSUP, "record of a newer version"};
  if (version != kRecordVersion) return Error{EUCLEAN, "record version"};
  return RecordReader(sealed.substr(1));
}

std::string_view RecordReader::Take(uint64_t size) {
  if (!whole_ || size > left_.size()) {
    whole_ = false;
    return {};
  }
  const std::string_view taken = left_.substr(0, static_cast<size_t>(size));
  left_.remove_prefix(taken.size());
  return taken;
}

uint64_t RecordReader::Little(size_t size) { return LittleOf(Take(size)); }
uint8_t RecordReader::Byte() { return static_cast<uint8_t>(Little(1)); }
uint32_t RecordReader::Fixed32() { return static_cast<uint32_t>(Little(4)); }
uint64_t RecordReader::Fixed64() { return Little(8); }

uint64_t RecordReader::Varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const uint64_t byte = Byte();
    const uint64_t bits = byte & 0x7f;
    if (shift == 63 && bits > 1) break;  // would not fit
    value |= bits << shift;
    if ((byte & 0x80) == 0) return value;
  }
  whole_ = false;
  return 0;
}

uint32_t RecordReader::Varint32() {
  const uint64_t value = Varint();
  if (value <= std::numeric_limits<uint32_t>::max()) return static_cast<uint32_t>(value);
  whole_ = false;
  return 0;
}

std::string_view RecordReader::String() { return Take(Varint()); }
std::string_view RecordReader::Rest() { return Take(left_.size()); }

}  // namespace hardlinkfs
