// The kinds themselves, and the environment.
#include "tests/model/kinds.h"

#include <chrono>
#include <cstdlib>

namespace hardlinkfs {

Kind Ext4() { return {"Ext4", {}}; }

Kind Exfat() {
  Kind kind{"Exfat", {}};
  kind.options.backing.capabilities = ExfatCapabilities();
  return kind;
}

Kind Vfat() {
  Kind kind{"Vfat", {}};
  Capabilities can = ExfatCapabilities();
  can.trailing_dots_and_spaces = false;
  can.time_granularity = std::chrono::seconds(2);
  kind.options.backing.capabilities = can;
  return kind;
}

Kind Ext4Casefold() {
  Kind kind{"Ext4Casefold", {}};
  kind.options.backing.capabilities.case_sensitive = false;
  return kind;
}

std::optional<uint64_t> FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  return std::strtoull(value, nullptr, 10);
}

}  // namespace hardlinkfs
