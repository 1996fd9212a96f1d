#include "fuse/lowlevel/decided_json.h"

#include <cstdio>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

namespace hardlinkfs {
namespace {

using Json = nlohmann::ordered_json;

std::string Iso8601Exactly(const Timestamp& time) {
  const timespec spec = time.ToTimespec();
  tm utc{};
  gmtime_r(&spec.tv_sec, &utc);
  char seconds[32];
  char text[48];
  std::strftime(seconds, sizeof seconds, "%FT%T", &utc);
  std::snprintf(text, sizeof text, "%s.%06uZ", seconds, static_cast<unsigned>(spec.tv_nsec) / 1000U % 1000000U);
  return text;
}

const char* DecisionOf(const Decided& decided) {
  if (decided.code == 0) return "allow";
  return decided.dry_run ? "would-deny" : "deny";
}

}  // namespace

std::string ToJson(const Decided& decided) {
  Json json = {{"time", Iso8601Exactly(decided.when)}, {"decision", DecisionOf(decided)}, {"op", NameOf(decided.operation)}};
  if (decided.code != 0) json["errno"] = strerrorname_np(decided.code);
  if (!decided.rule.empty()) json["rule"] = decided.rule;
  if (!decided.reason.empty()) json["reason"] = decided.reason;
  json["uid"] = decided.uid;
  json["gid"] = decided.gid;
  json["pid"] = decided.pid;
  json["names"] = decided.names;
  if (!decided.new_name.empty()) json["new_name"] = decided.new_name;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace hardlinkfs
