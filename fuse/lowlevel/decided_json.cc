#include "fuse/lowlevel/decided_json.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "fuse/lowlevel/utc_text.h"

namespace hardlinkfs {
namespace {

using Json = nlohmann::ordered_json;

const char* DecisionOf(const Decided& decided) {
  if (decided.code == 0) return "allow";
  return decided.dry_run ? "would-deny" : "deny";
}

}  // namespace

std::string ToJson(const Decided& decided) {
  Json json = {
      {"time", UtcText(decided.when, Precision::kMicroseconds)}, {"decision", DecisionOf(decided)}, {"op", NameOf(decided.operation)}};
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
