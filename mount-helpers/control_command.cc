#include "mount-helpers/control_command.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "fuse/lowlevel/control.h"
#include "mount-helpers/failure.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kNoMount[] = "not in a mounted hardlinkfs";

// Another filesystem could take our numbers for a request of its own.
std::variant<UniqueFd, Failure> OpenInMount(const std::string& path) {
  UniqueFd file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid()) return ControlFailure(path, errno);
  struct statfs found {};
  if (fstatfs(file.get(), &found) != 0) return ControlFailure(path, errno);
  if (found.f_type != FUSE_SUPER_MAGIC) return ControlFailure(path, ENOTTY);
  return file;
}

std::string Text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  return value.dump();
}

void PrintLine(const std::string& left, const std::string& right) { std::printf("  %-13s %s\n", left.c_str(), right.c_str()); }

std::string StateText(const Json& status) {
  const Json& failure = status["failure"];
  if (failure.is_null()) return Text(status["state"]);
  return "failed: " + Text(failure["what"]) + ": " + Text(failure["errno"]) + " at " + Text(failure["since"]) +
         "; nothing can be changed until it is unmounted and mounted again";
}

void PrintCatalog(const Json& status) {
  PrintLine("inodes", Text(status["inodes"]));
  PrintLine("synced", status["unsynced"].get<bool>() ? "not all of it yet" : "all");
  PrintLine("to remove", Text(status["to_remove"]) + " unlinked contents");
  PrintLine("places",
            status["to_settle"].get<bool>() ? "some files are still to be moved to theirs" : "all files are where their names say");
  PrintLine("last end", status["after_crash"].get<bool>() ? "a crash; recovered" : "clean");
  if (!status["restored_from"].is_null()) {
    PrintLine("catalog", "was damaged once; goes on from its snapshot of " + Text(status["restored_from"]));
  }
  if (!status["reserve_whole"].get<bool>()) PrintLine("space", "none: only removing works");
}

void PrintForPeople(const Json& status) {
  std::printf("%s on %s\n", Text(status["source"]).c_str(), Text(status["mountpoint"]).c_str());
  const bool has_catalog = status["names"] == "catalog";
  PrintLine("state", StateText(status));
  PrintLine("filesystem", Text(status["filesystem"]));
  PrintLine("names", has_catalog ? "of the catalog" : "of the backing, which others may use too");
  if (has_catalog) PrintCatalog(status);
  PrintLine("passthrough", Text(status["passthrough"]));
  PrintLine("io_uring", Text(status["io_uring"]));
  PrintLine("server", "process " + Text(status["server"]));
}

}  // namespace

Failure ControlFailure(const std::string& path, int code) {
  if (code == ENOTCONN || code == ECONNABORTED) {
    return FailureOn(path, "the server of this mount has died; 'hardlinkfs mount' on it cleans that up", code, ExitStatus::kSystem);
  }
  if (code == ENOTTY) return FailureOn(path, kNoMount, 0, ExitStatus::kSystem);
  return FailureOn(path, strerrordesc_np(code), code, ExitStatus::kSystem);
}

int RunSync(const SyncCommand& command) {
  const std::variant<UniqueFd, Failure> opened = OpenInMount(command.path);
  if (const auto* const failure = std::get_if<Failure>(&opened)) return Fail(*failure);
  const int mount = std::get<UniqueFd>(opened).get();
  // First what was stored through mappings, which the kernel has and the server does not know of.
  if (syncfs(mount) != 0 || ioctl(mount, kControlSync) != 0) return Fail(ControlFailure(command.path, errno));
  return static_cast<int>(ExitStatus::kSuccess);
}

int RunStatus(const StatusCommand& command) {
  const std::variant<UniqueFd, Failure> opened = OpenInMount(command.path);
  if (const auto* const failure = std::get_if<Failure>(&opened)) return Fail(*failure);
  StatusReply reply{};
  if (ioctl(std::get<UniqueFd>(opened).get(), kControlStatus, &reply) != 0) return Fail(ControlFailure(command.path, errno));
  const Json status = Json::parse(reply.json, reply.json + strnlen(reply.json, sizeof reply.json));
  if (command.json) {
    std::printf("%s\n", status.dump(2).c_str());
  } else {
    PrintForPeople(status);
  }
  return static_cast<int>(status["failure"].is_null() ? ExitStatus::kSuccess : ExitStatus::kNeedsAttention);
}

}  // namespace hardlinkfs
