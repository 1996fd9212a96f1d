// The operations that policy can be about, as rules name them.
#ifndef HARDLINKFS_POLICY_OPERATION_H_
#define HARDLINKFS_POLICY_OPERATION_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace hardlinkfs {

enum class Operation : uint8_t {
  // Of names.
  kCreate,  // a regular file, O_TMPFILE too
  kMkdir,
  kMknod,  // fifos, sockets, devices
  kSymlink,
  kLink,
  kUnlink,  // also of what a rename replaces
  kRmdir,
  kRename,
  // Of the inode.
  kOpenForRead,
  kOpenForWrite,
  kTruncate,
  kChmod,
  kChown,
  kUtimes,
  kSetxattr,  // ACLs too
  kRemovexattr,
  kSetflags,  // chattr(1)
  // Not decided by rules: what was opened may be used. They can be made to fail.
  kLookup,
  kReaddir,
  kRead,
  kWrite,
  kFallocate,
  kFsync,
};

inline constexpr Operation kFirstOnlyToFail = Operation::kLookup;

// A set of them.
class OperationSet {
 public:
  constexpr OperationSet() = default;
  constexpr void Add(Operation operation) { bits_ |= BitOf(operation); }
  constexpr void Add(OperationSet others) { bits_ |= others.bits_; }
  constexpr bool Has(Operation operation) const { return (bits_ & BitOf(operation)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr bool operator==(const OperationSet&) const = default;

 private:
  static constexpr uint32_t BitOf(Operation operation) { return 1U << static_cast<unsigned>(operation); }
  uint32_t bits_ = 0;
};

// RETURNS: as in the operation's name in a policy: "open-for-write".
std::string_view NameOf(Operation operation);
std::optional<Operation> OperationOf(std::string_view name);
// In the order of the enumeration.
const std::vector<Operation>& AllOperations();

}  // namespace hardlinkfs

#endif  // HARDLINKFS_POLICY_OPERATION_H_
