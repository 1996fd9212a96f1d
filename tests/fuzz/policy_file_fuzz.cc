// Policy files of any bytes: each is either refused, with places, or understood; and what is understood, written out and read again, is the
// same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

#include "policy/policy_file.h"

namespace hardlinkfs {
namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

void Try(std::string_view text) {
  const IdNames names{.user = [](const std::string& name) { return name == "root" ? std::optional<uint32_t>(0) : std::nullopt; },
                      .group = [](const std::string&) { return std::optional<uint32_t>(); }};
  const auto parsed = ParsePolicy(text, names);
  if (const auto* const errors = std::get_if<std::vector<PolicyError>>(&parsed)) {
    Check(!errors->empty());
    for (const PolicyError& error : *errors) Check(error.line > 0 && !error.message.empty());
    return;
  }
  const auto& policy = std::get<Policy>(parsed);
  const std::string once = ToToml(policy);
  const auto again = ParsePolicy(once, names);
  Check(std::holds_alternative<Policy>(again));
  Check(ToToml(std::get<Policy>(again)) == once);
  for (const PolicyRule& rule : policy.rules) {
    for (const Glob& glob : rule.match.paths) static_cast<void>(glob.Matches("/a/bc/def.log"));
  }
}

}  // namespace
}  // namespace hardlinkfs

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hardlinkfs::Try({reinterpret_cast<const char*>(data), size});
  return 0;
}
