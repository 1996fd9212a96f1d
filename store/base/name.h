// Name: one component of a virtual path. BackingName: one component of a path on the backing, as spelled there.
// They are different types since the codec lies between them (store/backing/name_codec.h).
#ifndef HARDLINKFS_STORE_BASE_NAME_H_
#define HARDLINKFS_STORE_BASE_NAME_H_

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "store/base/result.h"

namespace hardlinkfs {

// 1 to 255 bytes, any but '/' and NUL, and neither "." nor "..", as path_resolution(7) and Linux NAME_MAX have it.
class Name {
 public:
  static constexpr size_t kMaxBytes = 255;

  // RETURNS: the name; ENOENT when empty, ENAMETOOLONG, EINVAL for '/', NUL, "." or "..".
  static Result<Name> From(std::string_view bytes);

  const std::string& bytes() const { return bytes_; }
  auto operator<=>(const Name&) const = default;

 private:
  explicit Name(std::string_view bytes) : bytes_(bytes) {}
  std::string bytes_;
};

// A component on the backing; not validated: the backing is the judge of its own names.
class BackingName {
 public:
  BackingName() = default;
  explicit BackingName(std::string bytes) : bytes_(std::move(bytes)) {}

  const std::string& bytes() const { return bytes_; }
  const char* c_str() const { return bytes_.c_str(); }
  auto operator<=>(const BackingName&) const = default;

 private:
  std::string bytes_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BASE_NAME_H_
