#include "mount-helpers/explain_caller.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <utility>

namespace hardlinkfs {
namespace {

// Stands for a group that nobody is in: the kernel gives it to no file.
constexpr gid_t kNoGroup = UINT32_MAX;

std::optional<uint32_t> Number(const std::string& text) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = !text.empty() && error == std::errc() && end == text.data() + text.size() && number != UINT32_MAX;
  return is_number ? std::optional(number) : std::nullopt;
}

// A set of capabilities in /proc/self/status: "CapEff", "CapBnd". Empty when it cannot be read.
uint64_t CapabilitySet(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    uint64_t set = 0;
    if (word == key + ":" && status >> std::hex >> set) return set;
  }
  return 0;
}

void SetCapabilities(Caller& caller, uint64_t set) {
  caller.has_capability = [set](unsigned capability) { return (set >> capability & 1U) != 0; };
}

void SetGroups(ExplainedCaller& caller, std::vector<gid_t> groups) {
  caller.groups = std::move(groups);
  caller.caller.groups = [groups = caller.groups] { return groups; };
}

std::vector<gid_t> GroupsOf(const char* name, gid_t first) {
  int count = 32;
  std::vector<gid_t> groups(32);
  while (getgrouplist(name, first, groups.data(), &count) < 0) groups.resize(static_cast<size_t>(count) + groups.size());
  groups.resize(static_cast<size_t>(count));
  return groups;
}

const passwd* EntryOf(const std::string& user) {
  if (const passwd* const by_name = getpwnam(user.c_str()); by_name != nullptr) return by_name;
  const std::optional<uint32_t> uid = Number(user);
  return uid.has_value() ? getpwuid(*uid) : nullptr;
}

std::optional<gid_t> GroupOf(const std::string& name) {
  if (const group* const entry = getgrnam(name.c_str()); entry != nullptr) return entry->gr_gid;
  return Number(name);
}

}  // namespace

ExplainedCaller ThisCaller() {
  ExplainedCaller self;
  self.caller.uid = geteuid();
  self.caller.gid = getegid();
  if (const passwd* const entry = getpwuid(geteuid()); entry != nullptr) self.name = entry->pw_name;
  std::vector<gid_t> groups(static_cast<size_t>(std::max(getgroups(0, nullptr), 0)));
  groups.resize(static_cast<size_t>(std::max(getgroups(static_cast<int>(groups.size()), groups.data()), 0)));
  SetGroups(self, std::move(groups));
  SetCapabilities(self.caller, CapabilitySet("CapEff"));
  return self;
}

std::variant<ExplainedCaller, std::string> CallerAs(const std::string& as) {
  const size_t colon = as.find(':');
  const std::string user = as.substr(0, colon);
  ExplainedCaller other;
  other.is_self = false;
  const passwd* const entry = EntryOf(user);
  const std::optional<uint32_t> number = Number(user);
  if (entry == nullptr && !number.has_value()) return "--as: no such user: " + user;
  other.caller.uid = entry == nullptr ? *number : entry->pw_uid;
  other.caller.gid = entry == nullptr ? kNoGroup : entry->pw_gid;
  other.has_group = entry != nullptr || colon != std::string::npos;
  if (entry != nullptr) {
    other.name = entry->pw_name;
    SetGroups(other, GroupsOf(entry->pw_name, entry->pw_gid));
  }
  if (colon != std::string::npos) {
    const std::optional<gid_t> group = GroupOf(as.substr(colon + 1));
    if (!group.has_value()) return "--as: no such group: " + as.substr(colon + 1);
    other.caller.gid = *group;
  }
  SetCapabilities(other.caller, other.caller.uid == 0 ? CapabilitySet("CapBnd") : 0);
  return other;
}

std::vector<IdRange> MappedIds(const std::string& map) {
  std::vector<IdRange> ranges;
  std::ifstream lines(map);
  uint32_t outside = 0;
  for (IdRange range; lines >> range.first >> outside >> range.count;) ranges.push_back(range);
  return ranges;
}

}  // namespace hardlinkfs
