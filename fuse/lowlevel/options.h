// The options of a mount, as given behind -o to mount(8). Their meaning lies elsewhere; here is what is valid.
#ifndef HARDLINKFS_FUSE_LOWLEVEL_OPTIONS_H_
#define HARDLINKFS_FUSE_LOWLEVEL_OPTIONS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "policy/link_rules.h"
#include "store/base/mode_rules.h"

namespace hardlinkfs {

enum class Naming { kAutomatic, kCatalog, kBacking };
enum class IoUringUse { kAutomatic, kOn, kOff };
enum class PassthroughUse { kAutomatic, kOff };
enum class WatchUse { kAutomatic, kOff };
enum class SubmountUse { kHide, kFollow };
enum class LockUse { kAutomatic, kBacking, kLocal };
enum class Synchronous { kNothing, kNames, kEverything };
enum class Sharing { kDefault, kRootAndOwner, kEverybody };

struct MountOptions {
  bool read_only = false;
  bool no_atime = false;
  Synchronous synchronous = Synchronous::kNothing;  // dirsync, sync
  // What is told of files that have no owner or mode of their own on the backing, as with vfat.
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
  std::optional<uint32_t> umask;
  std::optional<uint32_t> file_umask;
  std::optional<uint32_t> directory_umask;
  Sharing sharing = Sharing::kDefault;
  Naming naming = Naming::kAutomatic;
  std::string store;  // empty: in the backing
  std::chrono::seconds commit{5};
  std::chrono::seconds snapshot{3600};  // 0: off
  std::string policy;                   // a file, or "none"; empty: as by default
  // What goes before the policy file.
  std::optional<LinkProtection> protected_hardlinks;
  std::optional<LinkUse> links;
  std::optional<Flavor> flavor;
  std::optional<uint32_t> max_links;
  // How long the kernel may believe what it was told, in seconds; unset: as the regime has it.
  std::optional<double> attribute_timeout;
  std::optional<double> entry_timeout;
  bool debug = false;
  std::string log_file;  // empty: none
  IoUringUse io_uring = IoUringUse::kAutomatic;
  PassthroughUse passthrough = PassthroughUse::kAutomatic;
  WatchUse watch = WatchUse::kAutomatic;
  SubmountUse submounts = SubmountUse::kHide;
  LockUse locks = LockUse::kAutomatic;
  // Owners and groups, from what they are on the backing to what is shown.
  std::vector<std::pair<uint32_t, uint32_t>> mapped_uids;
  std::vector<std::pair<uint32_t, uint32_t>> mapped_gids;
  // What is shown instead of the backing's, and in whose name files are made.
  std::optional<uint32_t> forced_uid;
  std::optional<uint32_t> forced_gid;
  ModeRules forced_modes;
  std::optional<std::pair<uint32_t, uint32_t>> create_for;
  bool forces_ids() const { return forced_uid.has_value() || forced_gid.has_value() || !forced_modes.empty(); }
  bool maps_ids() const { return !mapped_uids.empty() || !mapped_gids.empty(); }
  // For the kernel, as mount(8) spells them: nosuid, nodev, noexec, context=..., and "ro", "noatime", "sync" and "dirsync" when set.
  std::vector<std::string> kernel_flags;
};

// One line for the user, that names the option and says what would be right.
struct OptionsError {
  std::string line;
};

enum class UnknownOptions { kRefuse, kIgnore };

// Parses "a,b=c", where `\,` stands for a comma in a value and `\\` for a backslash. A later option overrides an earlier one. Options that
// mount(8), fstab and systemd give to every filesystem and that mean nothing here are accepted.
std::variant<MountOptions, OptionsError> ParseMountOptions(std::string_view list, UnknownOptions unknown = UnknownOptions::kRefuse);

// RETURNS: the options with a line of explanation each, for --help.
std::string DescribeMountOptions();

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_LOWLEVEL_OPTIONS_H_
