// One table holds all options: name, what the value looks like, what it does, and its line of help.
#include "fuse/lowlevel/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <limits>
#include <span>
#include <utility>

#include "fuse/lowlevel/option_values.h"
#include "policy/words.h"

namespace hardlinkfs {
namespace {

// RETURNS: false when the value is not what `expected` says.
using Apply = bool (*)(MountOptions& options, const std::string& value);

struct OptionRule {
  std::string_view name;
  std::string_view expected;  // of the value, in words; empty: takes none
  std::string_view help;      // empty: not worth a line, as every filesystem has it
  Apply apply;
};

bool SetId(std::optional<uint32_t>& id, const std::string& value) {
  // The last number means "no such owner" to chown(2).
  id = ParseUnsigned(value, 10, std::numeric_limits<uint32_t>::max() - 1);
  return id.has_value();
}

bool SetMask(std::optional<uint32_t>& mask, const std::string& value) {
  mask = ParseUnsigned(value, 8, 0777);
  return mask.has_value();
}

// The server leaves its working directory when it goes into the background.
bool SetPath(std::string& path, const std::string& value) {
  if (value.empty()) return false;
  path = std::filesystem::absolute(value).lexically_normal().string();
  return true;
}

bool SetCommit(MountOptions& options, const std::string& value) {
  const std::optional<uint32_t> seconds = ParseUnsigned(value, 10, 300);
  if (!seconds.has_value() || *seconds == 0) return false;
  options.commit = std::chrono::seconds(*seconds);
  return true;
}

bool SetSnapshot(MountOptions& options, const std::string& value) {
  const std::optional<uint32_t> seconds = value == "off" ? 0 : ParseUnsigned(value, 10, 1'000'000);
  if (!seconds.has_value() || (*seconds == 0 && value != "off")) return false;
  options.snapshot = std::chrono::seconds(*seconds);
  return true;
}

bool SetMaxLinks(MountOptions& options, const std::string& value) {
  const std::optional<uint32_t> count = ParseUnsigned(value, 10, std::numeric_limits<uint32_t>::max());
  if (!count.has_value() || *count == 0) return false;
  options.max_links = *count;
  return true;
}

bool SetSeconds(std::optional<double>& seconds, const std::string& value) {
  double parsed = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed, std::chars_format::fixed);
  if (error != std::errc() || end != value.data() + value.size() || !(parsed >= 0 && parsed <= 1e9)) return false;
  seconds = parsed;
  return true;
}

template <typename Choice, size_t kCount>
bool Choose(Choice& choice, const std::string& value, const std::array<std::pair<std::string_view, Choice>, kCount>& choices) {
  const auto chosen = std::find_if(choices.begin(), choices.end(), [&value](const auto& candidate) { return candidate.first == value; });
  if (chosen == choices.end()) return false;
  choice = chosen->second;
  return true;
}

bool SetNaming(MountOptions& options, const std::string& value) {
  constexpr std::array choices{std::pair<std::string_view, Naming>{"catalog", Naming::kCatalog},
                               std::pair<std::string_view, Naming>{"backing", Naming::kBacking}};
  return Choose(options.naming, value, choices);
}

bool SetIoUring(MountOptions& options, const std::string& value) {
  constexpr std::array choices{std::pair<std::string_view, IoUringUse>{"auto", IoUringUse::kAutomatic},
                               std::pair<std::string_view, IoUringUse>{"on", IoUringUse::kOn},
                               std::pair<std::string_view, IoUringUse>{"off", IoUringUse::kOff}};
  return Choose(options.io_uring, value, choices);
}

bool SetPassthrough(MountOptions& options, const std::string& value) {
  constexpr std::array choices{std::pair<std::string_view, PassthroughUse>{"auto", PassthroughUse::kAutomatic},
                               std::pair<std::string_view, PassthroughUse>{"off", PassthroughUse::kOff}};
  return Choose(options.passthrough, value, choices);
}

bool SetWatch(MountOptions& options, const std::string& value) {
  constexpr std::array choices{std::pair<std::string_view, WatchUse>{"auto", WatchUse::kAutomatic},
                               std::pair<std::string_view, WatchUse>{"off", WatchUse::kOff}};
  return Choose(options.watch, value, choices);
}

bool SetSubmounts(MountOptions& options, const std::string& value) {
  constexpr std::array choices{std::pair<std::string_view, SubmountUse>{"hide", SubmountUse::kHide},
                               std::pair<std::string_view, SubmountUse>{"follow", SubmountUse::kFollow}};
  return Choose(options.submounts, value, choices);
}

bool SetLocks(MountOptions& options, const std::string& value) {
  constexpr std::array choices{std::pair<std::string_view, LockUse>{"backing", LockUse::kBacking},
                               std::pair<std::string_view, LockUse>{"local", LockUse::kLocal}};
  return Choose(options.locks, value, choices);
}

template <typename Value>
bool SetWord(std::optional<Value>& choice, const std::string& value, std::span<const Word<Value>> words) {
  choice = ValueOf(words, value);
  return choice.has_value();
}

bool SetPolicy(MountOptions& options, const std::string& value) {
  if (value != "none") return SetPath(options.policy, value);
  options.policy = value;
  return true;
}

// "1000:2000", or "@100:@200" of groups. An id that is named twice on one side could not be told back.
bool AddMapping(MountOptions& options, const std::string& value) {
  const bool of_groups = value.starts_with('@');
  const size_t colon = value.find(':');
  if (colon == std::string::npos) return false;
  std::string_view from = std::string_view(value).substr(0, colon);
  std::string_view to = std::string_view(value).substr(colon + 1);
  if (to.starts_with('@') != of_groups) return false;
  if (of_groups) {
    from.remove_prefix(1);
    to.remove_prefix(1);
  }
  constexpr uint32_t kLastId = std::numeric_limits<uint32_t>::max() - 1;
  const std::optional<uint32_t> backing = ParseUnsigned(std::string(from), 10, kLastId);
  const std::optional<uint32_t> shown = ParseUnsigned(std::string(to), 10, kLastId);
  if (!backing.has_value() || !shown.has_value()) return false;
  auto& pairs = of_groups ? options.mapped_gids : options.mapped_uids;
  const bool is_known =
      std::any_of(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == *backing || pair.second == *shown; });
  if (is_known) return false;
  pairs.emplace_back(*backing, *shown);
  return true;
}

bool SetModes(MountOptions& options, const std::string& value) {
  const std::optional<ModeRules> rules = ModeRules::From(value);
  options.forced_modes = rules.value_or(ModeRules());
  return rules.has_value();
}

bool SetMaker(MountOptions& options, const std::string& value) {
  const size_t colon = std::min(value.find(':'), value.size());
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
  if (!SetId(uid, value.substr(0, colon)) || colon == value.size() || !SetId(gid, value.substr(colon + 1))) return false;
  options.create_for = {*uid, *gid};
  return true;
}

constexpr std::string_view kOctal = "an octal number from 0 to 777";

constexpr std::array kRules{
    OptionRule{"ro", "", "mount read-only (hardlinkfs still keeps its own records below)",
               [](MountOptions& o, const std::string&) { return o.read_only = true; }},
    OptionRule{"rw", "", "", [](MountOptions& o, const std::string&) { return !(o.read_only = false); }},
    OptionRule{"noatime", "", "never update access times", [](MountOptions& o, const std::string&) { return o.no_atime = true; }},
    OptionRule{"relatime", "", "update access times at most once a day, or after a change (the default)",
               [](MountOptions& o, const std::string&) { return !(o.no_atime = false); }},
    OptionRule{"atime", "", "", [](MountOptions& o, const std::string&) { return !(o.no_atime = false); }},
    OptionRule{"sync", "", "everything is on the disk before a program is told that it is done",
               [](MountOptions& o, const std::string&) {
                 o.synchronous = Synchronous::kEverything;
                 return true;
               }},
    OptionRule{"dirsync", "", "the same for names only: creating, linking, renaming, removing",
               [](MountOptions& o, const std::string&) {
                 o.synchronous = std::max(o.synchronous, Synchronous::kNames);
                 return true;
               }},
    OptionRule{"async", "", "",
               [](MountOptions& o, const std::string&) {
                 o.synchronous = Synchronous::kNothing;
                 return true;
               }},
    OptionRule{"uid", "a number", "owner of files that have none of their own (default: who mounts)",
               [](MountOptions& o, const std::string& v) { return SetId(o.uid, v); }},
    OptionRule{"gid", "a number", "group of files that have none of their own (default: who mounts)",
               [](MountOptions& o, const std::string& v) { return SetId(o.gid, v); }},
    OptionRule{"umask", kOctal, "mode bits taken from files and directories that have no mode of their own",
               [](MountOptions& o, const std::string& v) { return SetMask(o.umask, v); }},
    OptionRule{"fmask", kOctal, "the same for files only", [](MountOptions& o, const std::string& v) { return SetMask(o.file_umask, v); }},
    OptionRule{"dmask", kOctal, "the same for directories only",
               [](MountOptions& o, const std::string& v) { return SetMask(o.directory_umask, v); }},
    OptionRule{"allow_other", "", "let other users in, as far as modes permit (the default for root)",
               [](MountOptions& o, const std::string&) {
                 o.sharing = Sharing::kEverybody;
                 return true;
               }},
    OptionRule{"allow_root", "", "let root in, but no other users",
               [](MountOptions& o, const std::string&) {
                 o.sharing = Sharing::kRootAndOwner;
                 return true;
               }},
    OptionRule{"names", "catalog or backing", "who is the authority for names (default: backing, if that has hard links)", SetNaming},
    OptionRule{"attr_timeout", "a number of seconds, 0 or more",
               "how long attributes are believed (default: 1, with names=catalog for ever)",
               [](MountOptions& o, const std::string& v) { return SetSeconds(o.attribute_timeout, v); }},
    OptionRule{"entry_timeout", "a number of seconds, 0 or more", "how long names are believed (default: 1, with names=catalog for ever)",
               [](MountOptions& o, const std::string& v) { return SetSeconds(o.entry_timeout, v); }},
    OptionRule{"store", "a path", "where the catalog lies (default: SOURCE/.hardlinkfs/catalog)",
               [](MountOptions& o, const std::string& v) { return SetPath(o.store, v); }},
    OptionRule{"commit", "a number of seconds from 1 to 300", "how much work a power cut may lose at most (default: 5)", SetCommit},
    OptionRule{"snapshot", "off or a number of seconds from 1 to 1000000",
               "how often the catalog is copied, in case it gets damaged (default: 3600)", SetSnapshot},
    OptionRule{"max_links", "a number from 1 to 4294967295",
               "how many names a file may have (default: 65000, with flavor=bsd 32767, with names=backing as that)", SetMaxLinks},
    OptionRule{"protected_hardlinks", "host, on, off or owner",
               "who may link another's file, as in proc(5), here alone; owner: nobody (default: host, as the kernel has it)",
               [](MountOptions& o, const std::string& v) { return SetWord<LinkProtection>(o.protected_hardlinks, v, kLinkProtections); }},
    OptionRule{"links", "allow or deny", "deny: as on a filesystem without hard links (default: allow)",
               [](MountOptions& o, const std::string& v) { return SetWord<LinkUse>(o.links, v, kLinkUses); }},
    OptionRule{"flavor", "linux or bsd", "whose errors and limits links have (default: linux)",
               [](MountOptions& o, const std::string& v) { return SetWord<Flavor>(o.flavor, v, kFlavors); }},
    OptionRule{"policy", "a path, or none",
               "rules for who may do what, hardlinkfs-policy(5); options go before it (default: SOURCE/.hardlinkfs/policy.toml, or else "
               "/etc/hardlinkfs/policy.toml, if there is one)",
               SetPolicy},
    OptionRule{"io_uring", "auto, on or off", "talk to the kernel by io_uring (default: auto, where the kernel permits it)", SetIoUring},
    OptionRule{"passthrough", "auto or off", "let the kernel read and write file data by itself (default: auto)", SetPassthrough},
    OptionRule{"watch", "auto or off", "with names=backing, hear from the kernel what others change there (default: auto)", SetWatch},
    OptionRule{"submounts", "hide or follow", "with names=backing, what is mounted below the source (default: hide)", SetSubmounts},
    OptionRule{"locks", "backing or local",
               "with names=backing, whether who locks a file keeps out the backing's users, too (default: backing)", SetLocks},
    OptionRule{"map", "UID:UID or @GID:@GID, in numbers, none twice on a side",
               "with names=backing, show one owner's (group's) files as another's; several times, if need be", AddMapping},
    OptionRule{"force_user", "a number", "with names=backing, show all files as this owner's",
               [](MountOptions& o, const std::string& v) { return SetId(o.forced_uid, v); }},
    OptionRule{"force_group", "a number", "with names=backing, show all files as this group's",
               [](MountOptions& o, const std::string& v) { return SetId(o.forced_gid, v); }},
    OptionRule{"perms", "rules as chmod's, separated by colons: 640, or u=rwX:go=rX (also D: x for directories)",
               "with names=backing, show other permissions", SetModes},
    OptionRule{"create_for", "UID:GID, in numbers", "with names=backing, make files in this user's name, whoever asks", SetMaker},
    OptionRule{"log", "a path", "write the log to this file (default: syslog, or the terminal with -f)",
               [](MountOptions& o, const std::string& v) { return SetPath(o.log_file, v); }},
    OptionRule{"debug", "", "log every request", [](MountOptions& o, const std::string&) { return o.debug = true; }},
};

// What the kernel does by itself for any filesystem, and is passed on as it is.
constexpr std::array<std::string_view, 9> kKernelFlags{"suid",   "nosuid",     "dev",       "nodev",      "exec",
                                                       "noexec", "nodiratime", "symfollow", "nosymfollow"};
constexpr std::array<std::string_view, 4> kSecurityContexts{"context", "fscontext", "defcontext", "rootcontext"};

// For mount(8), fstab, systemd and desktop programs, or without an effect on FUSE.
constexpr std::array<std::string_view, 30> kMeaningless{
    "defaults", "auto",     "noauto",     "user",     "nouser",     "users",      "nousers",       "owner",    "noowner", "group",
    "nogroup",  "_netdev",  "nofail",     "comment",  "helper",     "uhelper",    "diratime",      "silent",   "loud",    "mand",
    "nomand",   "lazytime", "nolazytime", "iversion", "noiversion", "norelatime", "nostrictatime", "_rnetdev", "fsname",  "subtype"};

constexpr std::string_view kRemount = "remount";

template <typename Names>
bool Contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool IsMeaningless(std::string_view name) { return name.starts_with("x-") || name.starts_with("X-") || Contains(kMeaningless, name); }

OptionsError Unknown(const std::string& name) {
  std::vector<std::string_view> names;
  for (const OptionRule& rule : kRules) names.push_back(rule.name);
  names.insert(names.end(), kKernelFlags.begin(), kKernelFlags.end());
  const std::string_view nearest = NearestName(name, names);
  std::string line = "unknown option '" + name + "'";
  if (!nearest.empty()) return {line + "; did you mean '" + std::string(nearest) + "'?"};
  return {line + "; 'hardlinkfs mount --help' lists them all"};
}

std::optional<OptionsError> ApplyRule(const OptionRule& rule, const OptionText& option, MountOptions& options) {
  const std::string name(rule.name);
  if (rule.expected.empty()) {
    if (option.value.has_value()) return OptionsError{"option '" + name + "' takes no value"};
    rule.apply(options, {});
    return std::nullopt;
  }
  if (!option.value.has_value()) return OptionsError{"option '" + name + "' needs a value: " + std::string(rule.expected)};
  if (rule.apply(options, *option.value)) return std::nullopt;
  return OptionsError{"option '" + name + "' must be " + std::string(rule.expected) + ", not '" + *option.value + "'"};
}

std::optional<OptionsError> ApplyOption(const OptionText& option, UnknownOptions unknown, MountOptions& options) {
  const auto* const rule = std::find_if(kRules.begin(), kRules.end(), [&option](const OptionRule& r) { return r.name == option.name; });
  if (rule != kRules.end()) return ApplyRule(*rule, option, options);
  if (Contains(kKernelFlags, option.name)) {
    options.kernel_flags.push_back(option.name);
    return std::nullopt;
  }
  if (Contains(kSecurityContexts, option.name) && option.value.has_value()) {
    options.kernel_flags.push_back(option.name + "=" + *option.value);
    return std::nullopt;
  }
  if (option.name == kRemount) return OptionsError{"option 'remount' is not supported: unmount and mount again"};
  if (option.name == "strictatime") return OptionsError{"option 'strictatime' is not supported: use relatime or noatime"};
  if (IsMeaningless(option.name) || unknown == UnknownOptions::kIgnore) return std::nullopt;
  return Unknown(option.name);
}

}  // namespace

std::variant<MountOptions, OptionsError> ParseMountOptions(std::string_view list, UnknownOptions unknown) {
  MountOptions options;
  for (const OptionText& option : SplitOptions(list)) {
    if (auto error = ApplyOption(option, unknown, options)) return *error;
  }
  if (options.read_only) options.kernel_flags.emplace_back("ro");
  if (options.no_atime) options.kernel_flags.emplace_back("noatime");
  if (options.synchronous == Synchronous::kEverything) options.kernel_flags.emplace_back("sync");
  if (options.synchronous == Synchronous::kNames) options.kernel_flags.emplace_back("dirsync");
  return options;
}

std::string DescribeMountOptions() {
  std::string text;
  for (const OptionRule& rule : kRules) {
    if (rule.help.empty()) continue;
    std::string left(rule.name);
    if (!rule.expected.empty()) left += '=';
    left.resize(std::max<size_t>(left.size() + 1, 15), ' ');
    text.append("  ").append(left).append(rule.help);
    if (!rule.expected.empty()) text.append("; ").append(rule.expected);
    text.push_back('\n');
  }
  return text +
         "  nosuid, nodev, noexec, context= and the like as for every filesystem (mount(8));\n"
         "  over a backing that is mounted so itself, suid, dev and exec have to be asked for\n";
}

}  // namespace hardlinkfs
