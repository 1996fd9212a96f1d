#include "mount-helpers/policy_source.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
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

std::variant<std::string, std::string_view> ReadAll(int fd) {
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

}  // namespace

PolicySource::PolicySource(const MountOptions& options, int source, std::string source_path, std::string mountpoint, BackingUse use)
    : options_(options), source_(source), source_path_(std::move(source_path)), mountpoint_(std::move(mountpoint)), use_(use) {}

// The volume's lies where only its server gets: a mirror has no such place, and whoever may write its source must not say what others may.
std::variant<PolicySource::Text, std::string> PolicySource::Read() const {
  if (options_.policy == "none") return Text{};
  Text text{.file = options_.policy.empty() ? kMachinePolicy : options_.policy};
  UniqueFd file;
  if (options_.policy.empty() && use_ == BackingUse::kOurs) {
    const std::string inside = std::string(kPrivateAreaName) + "/" + kVolumePolicy;
    file = UniqueFd(openat(source_, inside.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (file.valid() || errno != ENOENT) {
      text.file = source_path_ + "/" + inside;
      text.is_volumes = true;
    }
  }
  if (!text.is_volumes) file = UniqueFd(open(text.file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) {
    if (errno == ENOENT && options_.policy.empty()) return Text{};
    return text.file + ": " + strerrordesc_np(errno);
  }
  std::variant<std::string, std::string_view> bytes = ReadAll(file.get());
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
  if (policy.audit.file.empty()) return {};
  // A volume can come from anywhere.
  if (text.is_volumes) return text.file + ": \"audit_file\" is for policies of the machine; without it the audit goes to the journal";
  std::error_code ignored;
  const std::string file = std::filesystem::weakly_canonical(policy.audit.file, ignored).string();
  if (!LiesInside(file, mountpoint_)) return {};
  return text.file + ": \"audit_file\" lies in the mount itself, which would wait for itself";
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

// Only asked while a policy is read, and one at a time.
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
