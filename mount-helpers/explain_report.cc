#include "mount-helpers/explain_report.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "mount-helpers/explain_text.h"

namespace hardlinkfs {
namespace {

using Json = nlohmann::ordered_json;

std::string Line(const char* mark, const Check& check) {
  std::string line = mark;
  line.resize(6, ' ');
  line += check.rule + " " + check.subject;
  if (check.outcome == Outcome::kUnknown) line += ": cannot tell: " + check.reason;
  if (check.outcome == Outcome::kFail) line += ": " + check.reason;
  if (check.code != 0) line.append(": ").append(strerrorname_np(check.code));
  return line + "\n";
}

std::string Cures(const std::vector<Check>& checks, Outcome outcome) {
  std::string lines;
  for (const Check& check : checks) {
    const std::string line = "cure: " + check.cure + "\n";
    if (check.outcome == outcome && !check.cure.empty() && lines.find(line) == std::string::npos) lines += line;
  }
  return lines;
}

std::string VerdictText(const std::vector<Check>& checks) {
  const Verdict verdict = VerdictOf(checks);
  if (verdict.outcome == Outcome::kPass) return "It would succeed.\n";
  if (verdict.outcome == Outcome::kUnknown) {
    return "Nothing refuses it that can be looked at; what is marked with \"?\" may.\n" + Cures(checks, Outcome::kUnknown);
  }
  const Check& first = *verdict.first;
  std::string text = std::string(strerrordesc_np(first.code)) + " (" + strerrorname_np(first.code) + "): " + first.reason + "\n";
  if (verdict.may_be_another) text += "(Or what is marked with \"?\" before it fails first, with its own error.)\n";
  return text + Cures(checks, Outcome::kFail);
}

const char* NameOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPass:
      return "pass";
    case Outcome::kFail:
      return "fail";
    case Outcome::kUnknown:
      break;
  }
  return "unknown";
}

const char* VerdictName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPass:
      return "allowed";
    case Outcome::kFail:
      return "refused";
    case Outcome::kUnknown:
      break;
  }
  return "unknown";
}

Json NullIfEmpty(const std::string& text) { return text.empty() ? Json() : Json(text); }
Json NameOfErrno(int code) { return code == 0 ? Json() : Json(strerrorname_np(code)); }

Json CallerAsJson(const ExplainedCaller& caller) {
  return {{"uid", caller.caller.uid},
          {"gid", caller.has_group ? Json(caller.caller.gid) : Json()},
          {"name", NullIfEmpty(caller.name)},
          {"groups", caller.groups}};
}

Json CheckAsJson(const Check& check) {
  return {{"check", check.rule},
          {"subject", check.subject},
          {"result", NameOf(check.outcome)},
          {"errno", NameOfErrno(check.code)},
          {"reason", NullIfEmpty(check.reason)},
          {"cure", NullIfEmpty(check.cure)}};
}

}  // namespace

std::string ReportForPeople(const ExplainFacts& facts, const std::vector<Check>& checks) {
  std::string text = std::string(NameOf(facts.operation)) + " " + ShellWord(facts.old_path.given);
  if (facts.new_path.has_value()) text += " " + ShellWord(facts.new_path->given);
  text += ", as " + CallerText(facts.caller) + (facts.caller.has_group ? ":\n" : ", who is taken to be in no group:\n");
  bool has_failed = false;
  for (const Check& check : checks) {
    if (check.outcome == Outcome::kUnknown) text += Line("?", check);
    if (check.outcome == Outcome::kPass && !has_failed) text += Line("ok", check);
    if (check.outcome != Outcome::kFail) continue;
    text += Line(has_failed ? "also" : "FAIL", check);
    has_failed = true;
  }
  return text + VerdictText(checks);
}

std::string ReportAsJson(const ExplainFacts& facts, const std::vector<Check>& checks) {
  const Verdict verdict = VerdictOf(checks);
  Json list = Json::array();
  for (const Check& check : checks) list.push_back(CheckAsJson(check));
  Json report = {{"operation", NameOf(facts.operation)}, {"old", facts.old_path.given}};
  if (facts.new_path.has_value()) report["new"] = facts.new_path->given;
  report["caller"] = CallerAsJson(facts.caller);
  report["checks"] = list;
  report["verdict"] = VerdictName(verdict.outcome);
  report["errno"] = NameOfErrno(verdict.first == nullptr ? 0 : verdict.first->code);
  report["certain"] = !verdict.may_be_another;
  // Paths may hold any bytes; those that are no UTF-8 are shown as U+FFFD.
  return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace hardlinkfs
