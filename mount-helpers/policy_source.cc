#include "mount-helpers/policy_source.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "mount-helpers/audit_log.h"
#include "mount-helpers/mount_points.h"
#include "store/backing/private_area.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {
namespace {

constexpr size_t kMostBytes = 1U << 20U;

bool IsRegular(int fd) {
  struct stat found {};
  return fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
}

// What a volume says that can come from anywhere: it may take rights away in itself, and do nothing to the machine, nor lift what the
// mount's options say. RETURNS: the first key that does; empty when there is none.
std::string_view KeyOfTheMachine(const Policy& policy) {
  if (!policy.audit.file.empty()) return "audit_file";
  if (policy.audit.lines_per_second != AuditOptions().lines_per_second) return "audit_rate";
  if (policy.dry_run) return "dry_run";
  return policy.faults.empty() ? "" : "fault";
}

}  // namespace

std::variant<std::string, std::string_view> ReadPolicyText(int fd) {
  std::string bytes;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t length = read(fd, buffer.data(), buffer.size());
    if (length < 0) return std::string_view(strerrordesc_np(errno));
    if (length == 0) return bytes;
    bytes.append(buffer.data(), static_cast<size_t>(length));
    if (bytes.size() > kMostBytes) return std::string_view("more than 1 MiB, which is no policy");
  }
}

PolicySource::PolicySource(const MountOptions& options, int source, std::string source_path, std::string mountpoint, BackingUse use)
    : options_(options), source_(source), source_path_(std::move(source_path)), mountpoint_(std::move(mountpoint)), use_(use) {}

// The machine's goes before the volume's, which can come from anywhere. That lies where only its server gets: a mirror has no such place,
// and whoever may write its source must not say what others may.
std::variant<PolicySource::Text, std::string> PolicySource::Read() const {
  if (options_.policy == "none") return Text{};
  Text text{.file = options_.policy.empty() ? kMachinePolicy : options_.policy};
  UniqueFd file(open(text.file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid() && errno == ENOENT && options_.policy.empty()) {
    if (use_ == BackingUse::kShared) return Text{};
    const std::string inside = std::string(kPrivateAreaName) + "/" + kVolumePolicy;
    text.file = source_path_ + "/" + inside;
    text.is_volumes = true;
    file = UniqueFd(openat(source_, inside.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file.valid() && errno == ENOENT) return Text{};
  }
  if (!file.valid()) return text.file + ": " + strerrordesc_np(errno);
  if (!IsRegular(file.get())) return text.file + ": is no regular file";
  std::variant<std::string, std::string_view> bytes = ReadPolicyText(file.get());
  if (const auto* const why = std::get_if<std::string_view>(&bytes)) return text.file + ": " + std::string(*why);
  text.bytes = std::get<std::string>(std::move(bytes));
  return text;
}

void PolicySource::Override(Policy& policy) const {
  LinkRules& links = policy.links;
  links.protection = options_.protected_hardlinks.value_or(links.protection);
  links.links = options_.links.value_or(links.links);
  links.flavor = options_.flavor.value_or(links.flavor);
  if (options_.max_links.has_value()) links.max_links = {.all = options_.max_links, .by_type = {}};
  // A mirror has its backing's limit.
  if (use_ == BackingUse::kOurs && !links.max_links.all.has_value()) {
    links.max_links.all = links.flavor == Flavor::kBsd ? kBsdMaxLinks : kLinuxMaxLinks;
  }
}

// RETURNS: empty when there is nothing wrong.
std::string PolicySource::Complaint(const Text& text, const Policy& policy) const {
  if (use_ == BackingUse::kShared && !policy.quotas.empty()) {
    return text.file +
           ": \"quota\" is for names=catalog; others can use this backing too, and it has quotas of its own: setquota(8), xfs_quota(8)";
  }
  const std::string_view key = text.is_volumes ? KeyOfTheMachine(policy) : "";
  if (!key.empty()) return text.file + ": \"" + std::string(key) + "\" is not for a volume's own policy; mount with policy=FILE for it";
  if (policy.audit.file.empty()) return {};
  std::error_code ignored;
  const std::string file = std::filesystem::weakly_canonical(policy.audit.file, ignored).string();
  if (LiesInside(file, mountpoint_)) return text.file + ": \"audit_file\" lies in the mount itself, which would wait for itself";
  if (LiesInside(file, source_path_)) return text.file + ": \"audit_file\" lies in the source, and would be a file of the mount";
  return {};
}

std::variant<std::shared_ptr<const LoadedPolicy>, std::string> PolicySource::Load() const {
  std::variant<Text, std::string> read = Read();
  if (auto* const why = std::get_if<std::string>(&read)) return std::move(*why);
  const Text& text = std::get<Text>(read);
  std::variant<Policy, std::vector<PolicyError>> parsed = ParsePolicy(text.bytes, MachineNames());
  if (const auto* const errors = std::get_if<std::vector<PolicyError>>(&parsed)) return ToLines(text.file, *errors);
  LoadedPolicy loaded{.policy = std::get<Policy>(std::move(parsed)), .source = text.file, .audit = nullptr};
  Override(loaded.policy);
  if (std::string complaint = Complaint(text, loaded.policy); !complaint.empty()) return complaint;
  auto audit = OpenAuditLog(loaded.policy);
  if (auto* const why = std::get_if<std::string>(&audit)) return std::move(*why);
  loaded.audit = std::get<std::shared_ptr<AuditSink>>(std::move(audit));
  return std::make_shared<const LoadedPolicy>(std::move(loaded));
}

std::string ToLines(std::string_view file, const std::vector<PolicyError>& errors) {
  std::string lines;
  for (const PolicyError& error : errors) {
    if (!lines.empty()) lines.push_back('\n');
    lines.append(file).append(":").append(std::to_string(error.line)).append(":").append(std::to_string(error.column));
    lines.append(": ").append(error.message);
  }
  return lines;
}

// One thread at a time.
IdNames MachineNames() {
  return {.user = [](const std::string& name) -> std::optional<uint32_t> {
            const passwd* const entry = getpwnam(name.c_str());
            return entry == nullptr ? std::nullopt : std::optional<uint32_t>(entry->pw_uid);
          },
          .group = [](const std::string& name) -> std::optional<uint32_t> {
            const group* const entry = getgrnam(name.c_str());
            return entry == nullptr ? std::nullopt : std::optional<uint32_t>(entry->gr_gid);
          }};
}

}  // namespace hardlinkfs
