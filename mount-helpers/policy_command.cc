#include "mount-helpers/policy_command.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "fuse/lowlevel/control.h"
#include "mount-helpers/control_file.h"
#include "mount-helpers/failure.h"
#include "mount-helpers/policy_source.h"
#include "mount-helpers/printed_path.h"

namespace hardlinkfs {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kGood = static_cast<int>(ExitStatus::kSuccess);

// RETURNS: what is wrong with one file; empty: nothing.
std::string Check(const std::string& file) {
  const UniqueFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return file + ": " + strerrordesc_np(errno);
  const std::variant<std::string, std::string_view> text = ReadPolicyText(fd.get());
  if (const auto* const why = std::get_if<std::string_view>(&text)) return file + ": " + std::string(*why);
  const auto parsed = ParsePolicy(std::get<std::string>(text), MachineNames());
  const auto* const errors = std::get_if<std::vector<PolicyError>>(&parsed);
  return errors == nullptr ? "" : ToLines(file, *errors);
}

std::string Text(const Json& refusal, const char* key) {
  const auto found = refusal.find(key);
  if (found == refusal.end()) return {};
  // Names and rules are anybody's words, and this may be root's terminal.
  return found->is_string() ? ShownOnTerminal(found->get<std::string>()) : found->dump();
}

std::string NamesIn(const Json& refusal) {
  std::string names;
  for (const Json& name : refusal["names"]) names.append(names.empty() ? "" : ", ").append(ShownOnTerminal(name.get<std::string>()));
  if (names.empty()) return Text(refusal, "new_name");
  return refusal.contains("new_name") ? names + " to " + Text(refusal, "new_name") : names;
}

void PrintForPeople(const Json& refusal) {
  std::printf("%s  %s of %s by uid %s, process %s: %s%s\n    %s: %s\n", Text(refusal, "time").c_str(), Text(refusal, "op").c_str(),
              NamesIn(refusal).c_str(), Text(refusal, "uid").c_str(), Text(refusal, "pid").c_str(), Text(refusal, "errno").c_str(),
              Text(refusal, "decision") == "would-deny" ? ", but for dry_run" : "", Text(refusal, "rule").c_str(),
              Text(refusal, "reason").c_str());
}

}  // namespace

int RunPolicyCheck(const PolicyCheckCommand& command) {
  int status = kGood;
  for (const std::string& file : command.files) {
    const std::string wrong = Check(file);
    if (wrong.empty()) continue;
    std::fprintf(stderr, "%s\n", wrong.c_str());
    status = static_cast<int>(ExitStatus::kUsage);
  }
  return status;
}

int RunPolicyShow(const PolicyShowCommand& command) {
  const std::variant<UniqueFd, Failure> opened = OpenInMount(command.path);
  if (const auto* const failure = std::get_if<Failure>(&opened)) return Fail(*failure);
  const Result<std::string> text = PolicyTextOf(std::get<UniqueFd>(opened).get());
  if (!text.ok()) return Fail(ControlFailure(command.path, text.code()));
  std::fputs(text->c_str(), stdout);
  return kGood;
}

int RunReload(const ReloadCommand& command) {
  const std::variant<UniqueFd, Failure> opened = OpenInMount(command.path);
  if (const auto* const failure = std::get_if<Failure>(&opened)) return Fail(*failure);
  const auto reply = std::make_unique<ReloadReply>();
  if (ioctl(std::get<UniqueFd>(opened).get(), kControlReload, reply.get()) != 0) return Fail(ControlFailure(command.path, errno));
  const std::string complaint(reply->complaint, strnlen(reply->complaint, sizeof reply->complaint));
  if (complaint.empty()) return kGood;
  std::fprintf(stderr, "%s\n", complaint.c_str());
  return Fail({ExitStatus::kUsage, "hardlinkfs: " + command.path + ": the policy was not loaded; the old one stays in force"});
}

int RunWhy(const WhyCommand& command) {
  const std::variant<UniqueFd, Failure> opened = OpenInMount(command.path);
  if (const auto* const failure = std::get_if<Failure>(&opened)) return Fail(*failure);
  const Result<std::vector<std::string>> lines = LinesOf(std::get<UniqueFd>(opened).get(), kControlRefusals);
  if (!lines.ok()) return Fail(ControlFailure(command.path, lines.code()));
  const size_t count = std::min<size_t>(command.count, lines->size());
  for (size_t i = lines->size() - count; i < lines->size(); ++i) {
    if (command.json) {
      std::printf("%s\n", (*lines)[i].c_str());
    } else {
      PrintForPeople(Json::parse((*lines)[i]));
    }
  }
  return kGood;
}

}  // namespace hardlinkfs
