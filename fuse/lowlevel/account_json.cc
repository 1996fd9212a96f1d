#include "fuse/lowlevel/account_json.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>

namespace hardlinkfs {
namespace {

using Json = nlohmann::ordered_json;

uint64_t Shown(Amount amount) {
  constexpr auto kMost = static_cast<Amount>(std::numeric_limits<uint64_t>::max());
  return static_cast<uint64_t>(std::clamp<Amount>(amount, 0, kMost));
}

Json Of(Amount used, const std::optional<uint64_t>& limit) {
  Json both = {{"used", Shown(used)}, {"limit", nullptr}};
  if (limit.has_value()) both["limit"] = *limit;
  return both;
}

}  // namespace

std::string ToJson(const AccountState& account) {
  Json json = {{"quota", account.rule.name}};
  switch (account.key.kind) {
    case QuotaSubject::kUid:
      json["uid"] = account.key.id;
      break;
    case QuotaSubject::kGid:
      json["gid"] = account.key.id;
      break;
    case QuotaSubject::kPath:
      json["path"] = account.path;
      break;
  }
  json["inodes"] = Of(account.used.inodes, account.rule.inodes);
  json["names"] = Of(account.used.names, account.rule.names);
  json["bytes"] = Of(account.used.bytes, account.rule.bytes);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace hardlinkfs
