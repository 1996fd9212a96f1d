// Numbers in the bytes of a file, little-endian.
#ifndef HARDLINKFS_STORE_ENGINE_LITTLE_ENDIAN_H_
#define HARDLINKFS_STORE_ENGINE_LITTLE_ENDIAN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hardlinkfs {

template <typename Number>
void PutLittle(std::string& to, Number value) {
  for (size_t i = 0; i < sizeof value; ++i) to.push_back(static_cast<char>(static_cast<uint64_t>(value) >> (8 * i)));
}

// Takes the number off the front. REQUIRES: from.size() >= sizeof(Number)
template <typename Number>
Number TakeLittle(std::string_view& from) {
  uint64_t value = 0;
  for (size_t i = sizeof(Number); i-- > 0;) value = (value << 8) | static_cast<uint8_t>(from[i]);
  from.remove_prefix(sizeof(Number));
  return static_cast<Number>(value);
}

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_ENGINE_LITTLE_ENDIAN_H_
