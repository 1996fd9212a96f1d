#include "policy/flags.h"

#include <cerrno>

namespace hardlinkfs {
namespace {

bool AppendOnlyLets(Change change) {
  switch (change) {
    case Change::kAppend:
    case Change::kTouch:
    case Change::kNewEntry:
      return true;
    case Change::kContent:
    case Change::kAttributes:
    case Change::kXattr:
    case Change::kNewName:
    case Change::kLostName:
    case Change::kLostEntry:
      break;
  }
  return false;
}

bool IunlinkLets(Change change) { return change == Change::kNewName || change == Change::kLostName; }

}  // namespace

Decision MayChange(uint32_t flags, Change change) {
  if ((flags & FS_IMMUTABLE_FL) != 0) return Refusal{EPERM, "immutable", "it is immutable (chattr +i)"};
  if ((flags & FS_APPEND_FL) != 0 && !AppendOnlyLets(change)) return Refusal{EPERM, "append-only", "it is append-only (chattr +a)"};
  if ((flags & kIunlinkFlag) != 0 && !IunlinkLets(change)) return Refusal{EPERM, "iunlink", "it may only be linked and unlinked"};
  return std::nullopt;
}

}  // namespace hardlinkfs
