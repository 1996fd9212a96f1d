#include "mount-helpers/explain_gather.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "fuse/lowlevel/control.h"
#include "mount-helpers/control_file.h"
#include "mount-helpers/explain_caller.h"
#include "mount-helpers/explain_places.h"
#include "mount-helpers/explain_room.h"
#include "mount-helpers/explain_walk.h"
#include "policy/policy_file.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {
namespace {

std::string FirstWord(const std::string& path) {
  std::string word;
  std::ifstream(path) >> word;
  return word;
}

std::optional<bool> Switch(const std::string& path) {
  const std::string word = FirstWord(path);
  return word.empty() ? std::nullopt : std::optional(word != "0");
}

// Those that go by labels or profiles. One that does not confine this process is taken not to confine others.
std::vector<std::string> SecurityModules() {
  std::vector<std::string> confining;
  if (FirstWord("/sys/fs/selinux/enforce") == "1") confining.emplace_back("selinux");
  std::istringstream modules(FirstWord("/sys/kernel/security/lsm"));
  for (std::string module; std::getline(modules, module, ',');) {
    const bool is_confined = module == "apparmor" && FirstWord("/proc/self/attr/apparmor/current") != "unconfined";
    if (is_confined || module == "smack" || module == "tomoyo") confining.push_back(module);
  }
  return confining;
}

ExplainedKernel Kernel() {
  ExplainedKernel kernel;
  kernel.protected_hardlinks = Switch("/proc/sys/fs/protected_hardlinks");
  kernel.protected_symlinks = Switch("/proc/sys/fs/protected_symlinks");
  const std::vector<IdRange> uids = MappedIds("/proc/self/uid_map");
  const std::vector<IdRange> gids = MappedIds("/proc/self/gid_map");
  if (!uids.empty()) kernel.uids = uids;
  if (!gids.empty()) kernel.gids = gids;
  kernel.is_initial_namespace = kernel.uids.size() == 1 && kernel.uids[0].first == 0 && kernel.uids[0].count == UINT32_MAX;
  kernel.admin_enters_fuse = FirstWord("/sys/module/fuse/parameters/allow_sys_admin_access") == "Y";
  kernel.security = SecurityModules();
  return kernel;
}

bool IsAt(const std::string& path, const ExplainedInode& inode) {
  struct stat seen {};
  return stat(path.c_str(), &seen) == 0 && seen.st_dev == inode.device && seen.st_ino == inode.attributes.number;
}

bool IsSwap(const std::optional<ExplainedInode>& inode) {
  if (!inode.has_value() || inode->attributes.type != FileType::kRegular) return false;
  std::ifstream swaps("/proc/swaps");
  std::string line;
  std::getline(swaps, line);
  while (std::getline(swaps, line)) {
    // "\040" and the like are left as they are: such a file is not recognised.
    if (IsAt(line.substr(0, line.find_first_of(" \t")), *inode)) return true;
  }
  return false;
}

bool IsExecuted(const ExplainedInode& inode) {
  if (inode.attributes.type != FileType::kRegular || (inode.attributes.mode & 0111U) == 0) return false;
  std::error_code error;
  for (const auto& process : std::filesystem::directory_iterator("/proc", error)) {
    if (IsAt(process.path().string() + "/exe", inode)) return true;
  }
  return false;
}

ExplainedServer ServerOf(const ExplainedMount& mount) {
  ExplainedServer server;
  const UniqueFd root(open(mount.entry.mountpoint.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  StatusReply reply{};
  if (!root.valid() || ioctl(root.get(), kControlStatus, &reply) != 0) {
    server.error = errno;
    return server;
  }
  const auto status = nlohmann::json::parse(reply.json, reply.json + strnlen(reply.json, sizeof reply.json), nullptr, false);
  if (!status.is_object()) {
    server.error = EPROTO;
    return server;
  }
  server.state = status.value("state", "");
  const auto failure = status.find("failure");
  if (failure != status.end() && failure->is_object())
    server.failure = failure->value("what", "") + " (" + failure->value("errno", "") + ")";
  server.reserve_whole = status.value("reserve_whole", true);
  if (const Result<std::string> text = PolicyTextOf(root.get()); text.ok()) {
    std::variant<Policy, std::vector<PolicyError>> policy = ParsePolicy(*text, {});
    if (auto* const parsed = std::get_if<Policy>(&policy)) server.policy = std::move(*parsed);
  }
  server.is_mirror = status.value("names", "") == "backing";
  server.source = status.value("source", "");
  return server;
}

const ExplainedInode* MovedFrom(const ExplainFacts& facts) {
  if (facts.operation == ExplainedOperation::kRename && facts.old_path.has_parent()) return &facts.old_path.parent();
  return facts.old_path.found.has_value() ? &*facts.old_path.found : nullptr;
}

LastSymlink LastSymlinkOf(ExplainedOperation operation) {
  if (operation == ExplainedOperation::kLink) return LastSymlink::kFollowedBeforeSlash;
  return operation == ExplainedOperation::kWrite ? LastSymlink::kFollowed : LastSymlink::kIsMeant;
}

void GatherNew(const ExplainCommand& command, InodeReader& reader, ExplainFacts& facts) {
  facts.new_path = WalkPath(command.new_path, LastSymlink::kIsMeant, reader);
  const ExplainedPath& new_path = *facts.new_path;
  facts.new_is_swap = IsSwap(new_path.found);
  const ExplainedInode* const from = MovedFrom(facts);
  const ExplainedInode* const what = facts.old_path.found.has_value() ? &*facts.old_path.found : nullptr;
  if (from != nullptr && what != nullptr && new_path.has_parent() && from->mount.entry.id != new_path.parent().mount.entry.id) {
    facts.one_mount = FindOneMount(reader.table(), *what, new_path.parent(), new_path.last_name);
  }
  if (command.operation == ExplainedOperation::kRename && new_path.found.has_value() &&
      new_path.found->attributes.type == FileType::kDirectory) {
    facts.replaced_is_empty = IsEmptyDirectory(new_path.found->path);
  }
}

}  // namespace

ExplainFacts GatherFacts(const ExplainCommand& command, ExplainedCaller caller) {
  ExplainFacts facts;
  facts.operation = command.operation;
  facts.caller = std::move(caller);
  facts.kernel = Kernel();
  InodeReader reader;
  facts.old_path = WalkPath(command.old_path, LastSymlinkOf(command.operation), reader);
  facts.old_is_swap = IsSwap(facts.old_path.found);
  if (!command.new_path.empty() || command.operation == ExplainedOperation::kLink || command.operation == ExplainedOperation::kRename) {
    GatherNew(command, reader, facts);
  }
  if (command.operation == ExplainedOperation::kWrite && facts.old_path.found.has_value()) {
    facts.old_is_executed = IsExecuted(*facts.old_path.found);
  }
  const ExplainedInode* const place = PlaceOf(facts);
  if (place != nullptr && command.operation != ExplainedOperation::kUnlink) facts.room = RoomAt(*place);
  if (place != nullptr && place->mount.entry.is_hardlinkfs()) facts.server = ServerOf(place->mount);
  return facts;
}

}  // namespace hardlinkfs
