// The rules of a component, see name.h.
#include "store/base/name.h"

#include <cerrno>

namespace hardlinkfs {

Result<Name> Name::From(std::string_view bytes) {
  if (bytes.empty()) return Error{ENOENT, "empty name"};
  if (bytes.size() > kMaxBytes) return Error{ENAMETOOLONG, "name longer than 255 bytes"};
  if (bytes == "." || bytes == "..") return Error{EINVAL, "name is . or .."};
  if (bytes.find('/') != std::string_view::npos) return Error{EINVAL, "name contains a slash"};
  if (bytes.find('\0') != std::string_view::npos) return Error{EINVAL, "name contains a NUL"};
  return Name(bytes);
}

}  // namespace hardlinkfs
