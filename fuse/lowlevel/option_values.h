// The pieces of an option list: splitting, numbers, durations, and the nearest of some names. No option is known here.
#ifndef HARDLINKFS_FUSE_LOWLEVEL_OPTION_VALUES_H_
#define HARDLINKFS_FUSE_LOWLEVEL_OPTION_VALUES_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hardlinkfs {

struct OptionText {
  std::string name;
  std::optional<std::string> value;  // unset without '='
};

// Splits at commas; a backslash takes away the meaning of what follows. Empty pieces are left out.
std::vector<OptionText> SplitOptions(std::string_view list);

// RETURNS: the number when all of `text` is one in the base, without sign, and at most `maximum`.
std::optional<uint32_t> ParseUnsigned(std::string_view text, int base, uint32_t maximum);

// RETURNS: the name that is nearest to `wanted` by edits, when it is near enough to have been meant; empty otherwise.
std::string_view NearestName(std::string_view wanted, std::span<const std::string_view> names);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_LOWLEVEL_OPTION_VALUES_H_
