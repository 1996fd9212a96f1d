// The byte layout of ACLs, the order that makes one valid, and the arithmetic between an ACL and a mode.
#include "store/base/acl.h"

#include <cerrno>
#include <cstddef>

namespace hardlinkfs {
namespace {

// struct posix_acl_xattr_header: __le32 version. struct posix_acl_xattr_entry: __le16 tag, __le16 permissions, __le32 id.
constexpr uint32_t kVersion = 2;
constexpr size_t kHeaderBytes = 4;
constexpr size_t kEntryBytes = 8;

constexpr uint32_t kPermissionBits = 0777;

uint32_t ReadLittleEndian(std::string_view from, size_t offset, size_t bytes) {
  uint32_t value = 0;
  for (size_t i = bytes; i-- > 0;) value = value << 8 | static_cast<unsigned char>(from[offset + i]);
  return value;
}

void AppendLittleEndian(std::string& to, uint32_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) to.push_back(static_cast<char>(value >> 8 * i & 0xFFU));
}

bool IsNamed(AclTag tag) { return tag == AclTag::kUser || tag == AclTag::kGroup; }

// Tells whether entries come in the order that Acl promises; the states are those of posix_acl_valid().
class OrderCheck {
 public:
  bool Accepts(AclTag tag) {
    switch (tag) {
      case AclTag::kOwner:
        return Step(State::kBegin, State::kUsers);
      case AclTag::kUser:
        needs_mask_ = true;
        return state_ == State::kUsers;
      case AclTag::kOwningGroup:
        return Step(State::kUsers, State::kGroups);
      case AclTag::kGroup:
        needs_mask_ = true;
        return state_ == State::kGroups;
      case AclTag::kMask:
        return Step(State::kGroups, State::kMasked);
      case AclTag::kOther:
        return Step(needs_mask_ || state_ == State::kMasked ? State::kMasked : State::kGroups, State::kComplete);
    }
    return false;  // a tag from the xattr that has no name here
  }

  bool complete() const { return state_ == State::kComplete; }

 private:
  enum class State { kBegin, kUsers, kGroups, kMasked, kComplete };

  bool Step(State from, State to) {
    if (state_ != from) return false;
    state_ = to;
    return true;
  }

  State state_ = State::kBegin;
  bool needs_mask_ = false;
};

}  // namespace

Result<Acl> ParseAcl(std::string_view xattr_value) {
  if (xattr_value.size() < kHeaderBytes) return Error{EINVAL, "acl: shorter than its header"};
  if (ReadLittleEndian(xattr_value, 0, 4) != kVersion) return Error{EOPNOTSUPP, "acl: unknown version"};
  if ((xattr_value.size() - kHeaderBytes) % kEntryBytes != 0) return Error{EINVAL, "acl: ends within an entry"};

  std::vector<AclEntry> entries;
  entries.reserve((xattr_value.size() - kHeaderBytes) / kEntryBytes);
  OrderCheck order;
  for (size_t at = kHeaderBytes; at < xattr_value.size(); at += kEntryBytes) {
    AclEntry entry{.tag = static_cast<AclTag>(ReadLittleEndian(xattr_value, at, 2)),
                   .permissions = static_cast<uint16_t>(ReadLittleEndian(xattr_value, at + 2, 2)),
                   .id = ReadLittleEndian(xattr_value, at + 4, 4)};
    if (!order.Accepts(entry.tag)) return Error{EINVAL, "acl: tag unknown or out of order"};
    if (entry.permissions > 7) return Error{EINVAL, "acl: permissions beyond rwx"};
    if (!IsNamed(entry.tag)) {
      // Programs write anything here (libacl -1, others 0); the kernel shows -1 afterwards.
      entry.id = kNoAclId;
    } else if (entry.id == kNoAclId) {
      return Error{EINVAL, "acl: named entry without an id"};
    }
    entries.push_back(entry);
  }
  if (!order.complete()) return Error{EINVAL, "acl: entries missing"};
  return Acl(std::move(entries));
}

std::string Encode(const Acl& acl) {
  std::string value;
  value.reserve(kHeaderBytes + acl.entries().size() * kEntryBytes);
  AppendLittleEndian(value, kVersion, 4);
  for (const AclEntry& entry : acl.entries()) {
    AppendLittleEndian(value, static_cast<uint32_t>(entry.tag), 2);
    AppendLittleEndian(value, entry.permissions, 2);
    AppendLittleEndian(value, entry.id, 4);
  }
  return value;
}

std::optional<uint32_t> EquivalentMode(const Acl& acl) {
  // Three entries can only be owner, owning group and other: any more is a mask or asks for one.
  if (acl.entries().size() > 3) return std::nullopt;
  return ModeOf(acl, 0);
}

uint32_t ModeOf(const Acl& acl, uint32_t mode) {
  uint32_t owner = 0;
  uint32_t group_class = 0;
  uint32_t other = 0;
  for (const AclEntry& entry : acl.entries()) {
    if (entry.tag == AclTag::kOwner) owner = entry.permissions;
    // The mask comes after the owning group and so wins.
    if (entry.tag == AclTag::kOwningGroup || entry.tag == AclTag::kMask) group_class = entry.permissions;
    if (entry.tag == AclTag::kOther) other = entry.permissions;
  }
  return (mode & ~kPermissionBits) | owner << 6 | group_class << 3 | other;
}

Acl WithMode(Acl acl, uint32_t mode) {
  AclEntry* group_class = nullptr;
  for (AclEntry& entry : acl.entries_) {
    if (entry.tag == AclTag::kOwner) entry.permissions = static_cast<uint16_t>(mode >> 6 & 7U);
    // The mask comes after the owning group, which it then shields from the change.
    if (entry.tag == AclTag::kOwningGroup || entry.tag == AclTag::kMask) group_class = &entry;
    if (entry.tag == AclTag::kOther) entry.permissions = static_cast<uint16_t>(mode & 7U);
  }
  if (group_class != nullptr) group_class->permissions = static_cast<uint16_t>(mode >> 3 & 7U);
  return acl;
}

InheritedAcl Inherit(const std::optional<Acl>& parent_default, FileType type, uint32_t mode, uint32_t umask) {
  if (type == FileType::kSymlink) return {.mode = mode, .access_acl = std::nullopt, .default_acl = std::nullopt};
  if (!parent_default) return {.mode = mode & ~(umask & kPermissionBits), .access_acl = std::nullopt, .default_acl = std::nullopt};

  // Both sides give only what the other has: the mode is cut to the ACL, and the ACL to that mode.
  InheritedAcl inherited;
  inherited.mode = mode & ModeOf(*parent_default, ~0U);
  Acl access = WithMode(*parent_default, inherited.mode);
  if (!EquivalentMode(access)) inherited.access_acl = std::move(access);
  if (type == FileType::kDirectory) inherited.default_acl = parent_default;
  return inherited;
}

}  // namespace hardlinkfs
