// How policy's values are spelled: in a policy file, as mount options, and in what is shown.
#ifndef HARDLINKFS_POLICY_WORDS_H_
#define HARDLINKFS_POLICY_WORDS_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "policy/link_rules.h"
#include "policy/match.h"
#include "policy/policy.h"
#include "policy/quota.h"
#include "store/base/attributes.h"

namespace hardlinkfs {

template <typename Value>
struct Word {
  std::string_view word;
  Value value;
};

inline constexpr std::array kLinkProtections{
    Word<LinkProtection>{"host", LinkProtection::kHost}, Word<LinkProtection>{"on", LinkProtection::kOn},
    Word<LinkProtection>{"off", LinkProtection::kOff}, Word<LinkProtection>{"owner", LinkProtection::kOwner}};
inline constexpr std::array kLinkUses{Word<LinkUse>{"allow", LinkUse::kAllow}, Word<LinkUse>{"deny", LinkUse::kDeny}};
inline constexpr std::array kFlavors{Word<Flavor>{"linux", Flavor::kLinux}, Word<Flavor>{"bsd", Flavor::kBsd}};
inline constexpr std::array kActions{Word<Action>{"allow", Action::kAllow}, Word<Action>{"deny", Action::kDeny},
                                     Word<Action>{"audit", Action::kAudit}};
inline constexpr std::array kAuditLevels{Word<AuditLevel>{"off", AuditLevel::kOff}, Word<AuditLevel>{"denied", AuditLevel::kDenied},
                                         Word<AuditLevel>{"all", AuditLevel::kAll}};
inline constexpr std::array kQuotaCharges{Word<QuotaCharge>{"once", QuotaCharge::kOnce}, Word<QuotaCharge>{"name", QuotaCharge::kName}};
inline constexpr std::array kOwnerships{Word<Ownership>{"own", Ownership::kOwn}, Word<Ownership>{"others", Ownership::kOthers}};
inline constexpr std::array kFileTypes{Word<FileType>{"regular", FileType::kRegular},
                                       Word<FileType>{"directory", FileType::kDirectory},
                                       Word<FileType>{"symlink", FileType::kSymlink},
                                       Word<FileType>{"fifo", FileType::kFifo},
                                       Word<FileType>{"socket", FileType::kSocket},
                                       Word<FileType>{"block", FileType::kBlockDevice},
                                       Word<FileType>{"character", FileType::kCharacterDevice}};

template <typename Value>
std::optional<Value> ValueOf(std::span<const Word<Value>> words, std::string_view word) {
  for (const Word<Value>& candidate : words) {
    if (candidate.word == word) return candidate.value;
  }
  return std::nullopt;
}

template <typename Value>
std::string_view WordOf(std::span<const Word<Value>> words, Value value) {
  for (const Word<Value>& candidate : words) {
    if (candidate.value == value) return candidate.word;
  }
  return {};
}

// RETURNS: the errno of a name as "EPERM"; nullopt when there is none.
std::optional<int> ErrnoOf(std::string_view name);
// RETURNS: bytes: a number, or one with K, M, G or T behind it, powers of 1024.
std::optional<uint64_t> BytesOf(std::string_view text);
// RETURNS: a number, or two with '-' between.
std::optional<Range> RangeOf(std::string_view text);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_POLICY_WORDS_H_
