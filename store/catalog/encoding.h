// The bytes of a record: a version byte, fields, a checksum that covers the key too. Knows no record; see docs/format.md.
#ifndef HARDLINKFS_STORE_CATALOG_ENCODING_H_
#define HARDLINKFS_STORE_CATALOG_ENCODING_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "store/base/result.h"

namespace hardlinkfs {

inline constexpr uint8_t kRecordVersion = 1;

// Appends fields. Use: fields in order, then Seal() once.
class RecordWriter {
 public:
  // Another version than ours is for tests.
  explicit RecordWriter(uint8_t version = kRecordVersion);

  RecordWriter& Byte(uint8_t value);
  RecordWriter& Fixed32(uint32_t value);
  RecordWriter& Fixed64(uint64_t value);
  RecordWriter& Varint(uint64_t value);
  RecordWriter& String(std::string_view bytes);  // with its length before it
  RecordWriter& Rest(std::string_view bytes);    // the last field: its length is what remains

  // Adds the checksum over `key` and what was written. RETURNS: the record.
  std::string Seal(std::string_view key);

 private:
  std::string bytes_;
};

// Takes fields off in the same order. After a field that is not there (or not well formed) every read gives zero or "", and complete() is
// false: a decoder asks once, at its end.
class RecordReader {
 public:
  // Verifies version and checksum. RETURNS: EUCLEAN if the checksum is wrong; ENOTSUP for a newer version. `value` is borrowed.
  static Result<RecordReader> Open(std::string_view key, std::string_view value);

  uint8_t Byte();
  uint32_t Fixed32();
  uint64_t Fixed64();
  uint64_t Varint();
  uint32_t Varint32();  // not well formed when above 2^32 - 1
  std::string_view String();
  std::string_view Rest();

  // RETURNS: whether all fields were there and nothing is left.
  bool complete() const { return whole_ && left_.empty(); }

 private:
  explicit RecordReader(std::string_view fields) : left_(fields) {}
  std::string_view Take(uint64_t size);
  uint64_t Little(size_t size);

  std::string_view left_;
  bool whole_ = true;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_CATALOG_ENCODING_H_
