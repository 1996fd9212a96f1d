#include "mount-helpers/command_line.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "fuse/lowlevel/session.h"
#include "mount-helpers/policy_source.h"

namespace hardlinkfs {
namespace {

constexpr char kDescription[] =
    "hardlinkfs gives a directory on a filesystem without hard links (a stick, a share) what POSIX programs expect:\n"
    "hard links, modes, owners, symlinks, xattrs, ACLs. Files stay plain files there, under their own names.";

constexpr char kMountFooter[] =
    "SOURCE and MOUNTPOINT may be the same directory, which is the usual way. The command returns once the mount works;\n"
    "the server stays in the background. Unmount with umount MOUNTPOINT.\n\n"
    "OPTIONS, separated by commas (\\, is a comma in a value):\n";

std::string Join(const std::vector<std::string>& lists) {
  std::string joined;
  for (const std::string& list : lists) joined.append(joined.empty() ? "" : ",").append(list);
  return joined;
}

// Parses, and then asks `make` what it was. CLI11 reports by exceptions; they end here.
template <typename Make>
Command Parse(CLI::App& app, int argc, const char* const* argv, const Make& make) {
  try {
    app.parse(argc, argv);
    return make();
  } catch (const CLI::CallForVersion& version) {
    return PrintCommand{std::string(version.what()) + "\n"};
  } catch (const CLI::CallForHelp&) {
    return PrintCommand{app.help()};
  } catch (const CLI::ParseError& error) {
    return UsageError{std::string(error.what()) + "; see " + app.get_name() + " --help"};
  }
}

void AddMountArguments(CLI::App& app, MountCommand& command, std::vector<std::string>& options) {
  app.add_option("SOURCE", command.source, "the directory to mount over, on any filesystem")->required();
  app.add_option("MOUNTPOINT", command.mountpoint, "where to show it")->required();
  app.add_option("-o,--options", options, "see below")->type_name("OPTIONS")->allow_extra_args(false);
}

Command ParseHelper(int argc, const char* const* argv) {
  CLI::App app("Called by mount -t hardlinkfs SOURCE MOUNTPOINT -o OPTIONS.", "mount.hardlinkfs");
  MountCommand command;
  std::vector<std::string> options;
  bool sloppy = false;
  std::string ignored;
  AddMountArguments(app, command, options);
  app.add_flag("-s,--sloppy", sloppy, "ignore unknown options");
  app.add_flag("-f,--fake", command.fake, "check everything, but do not mount");
  app.add_flag("-n,--no-mtab")->description("accepted for mount(8)");
  app.add_flag("-v,--verbose")->description("accepted for mount(8)");
  app.add_option("-t,--types", ignored, "accepted for mount(8)")->type_name("TYPE");
  app.footer(kMountFooter + DescribeMountOptions());
  return Parse(app, argc, argv, [&]() -> Command {
    command.options = Join(options);
    if (sloppy) command.unknown_options = UnknownOptions::kIgnore;
    return command;
  });
}

Command ToCommand(const FsckArguments& arguments) {
  if (arguments.version) return PrintCommand{VersionText() + "\n"};
  std::variant<FsckCommand, std::string> command = ToFsckCommand(arguments);
  if (const auto* const wrong = std::get_if<std::string>(&command)) return UsageError{*wrong};
  return std::get<FsckCommand>(std::move(command));
}

Command ToCommand(const FlagArguments& arguments) {
  std::variant<FlagCommand, std::string> command = ToFlagCommand(arguments);
  if (const auto* const wrong = std::get_if<std::string>(&command)) return UsageError{*wrong};
  return std::get<FlagCommand>(std::move(command));
}

Command ParseFsckHelper(int argc, const char* const* argv) {
  CLI::App app("Checks and repairs a hardlinkfs that is not mounted.", "fsck.hardlinkfs");
  FsckArguments arguments;
  AddFsckArguments(app, arguments);
  return Parse(app, argc, argv, [&] { return ToCommand(arguments); });
}

void AddRebuildArguments(CLI::App& app, RebuildCommand& command, std::vector<std::string>& options) {
  app.add_option("DIR", command.directory, "the source directory of the volume")->required();
  app.add_flag("-y", command.yes, "do not ask");
  app.add_flag("--force", command.force, "also when the catalog is whole");
  app.add_option("-o,--options", options, "as for mount: store=, and uid=, gid=, umask= for what the files do not tell")
      ->type_name("OPTIONS")
      ->allow_extra_args(false);
}

void AddNamesArguments(CLI::App& app, NamesCommand& command) {
  app.add_option("FILE", command.files, "a file of any kind; a symlink is looked at itself")->required();
  app.add_flag_callback(
      "-0,--null", [&command] { command.end = PathEnd::kNull; }, "end each name with a zero byte instead of a newline");
  app.footer(
      "Tells the names that find MOUNTPOINT -samefile FILE would find, at once. How many others there are, outside of\n"
      "this mount or where you may not list, is told on stderr. Names are bytes, printed as they are.");
}

void AddMountPath(CLI::App& app, std::string& path) {
  app.add_option("PATH", path, "the mountpoint, or anything in the mount")->required();
}

Command ParseTool(int argc, const char* const* argv) {
  CLI::App app(kDescription, "hardlinkfs");
  app.set_version_flag("--version", VersionText());
  app.require_subcommand(1);

  MountCommand mount;
  std::vector<std::string> options;
  CLI::App& mount_app = *app.add_subcommand("mount", "mount a directory");
  AddMountArguments(mount_app, mount, options);
  mount_app.add_flag("-f,--foreground", mount.foreground,
                     "stay in the foreground, and log to the terminal; SIGHUP reloads the policy all the same");
  mount_app.footer(kMountFooter + DescribeMountOptions());

  ProbeCommand probe;
  CLI::App& probe_app = *app.add_subcommand("probe", "tell what a filesystem can do, and what would therefore be stored");
  probe_app.add_option("DIR", probe.directory, "a writable directory on it; a scratch folder comes and goes there")->required();

  FsckArguments fsck;
  CLI::App& fsck_app = *app.add_subcommand("fsck", "check and repair a volume that is not mounted");
  AddFsckArguments(fsck_app, fsck);

  RebuildCommand rebuild;
  std::vector<std::string> rebuild_options;
  CLI::App& rebuild_app = *app.add_subcommand("rebuild", "make a new catalog from the files, when the old one is lost");
  AddRebuildArguments(rebuild_app, rebuild, rebuild_options);

  SyncCommand sync;
  CLI::App& sync_app = *app.add_subcommand("sync", "make everything that was done in a mount durable");
  AddMountPath(sync_app, sync.path);
  sync_app.footer("sync(1) cannot do this: the kernel has no request for it that reaches the server of a FUSE filesystem.");

  StatusCommand status;
  CLI::App& status_app = *app.add_subcommand("status", "tell how a mount is");
  AddMountPath(status_app, status.path);
  status_app.add_flag("--json", status.json, "for programs");
  status_app.footer("The exit status is 3 when a sync has failed, and the mount has to be mounted again.");

  CLI::App& policy_app = *app.add_subcommand("policy", "rules for who may do what: hardlinkfs-policy(5)");
  policy_app.require_subcommand(1);
  PolicyCheckCommand check;
  CLI::App& check_app = *policy_app.add_subcommand("check", "tell what is wrong with policy files");
  check_app.add_option("FILE", check.files, std::string("default: ") + kMachinePolicy);
  check_app.footer("The exit status is 1 when something is.");
  PolicyShowCommand show;
  CLI::App& show_app = *policy_app.add_subcommand("show", "print the policy that is in force in a mount");
  AddMountPath(show_app, show.path);

  ReloadCommand reload;
  CLI::App& reload_app = *app.add_subcommand("reload", "have a mount read its policy file again, as SIGHUP does");
  AddMountPath(reload_app, reload.path);
  reload_app.footer("When the file is wrong, the old policy stays in force, and the exit status is 1.");

  WhyCommand why;
  CLI::App& why_app = *app.add_subcommand("why", "tell what a mount has refused last, and by which rule");
  AddMountPath(why_app, why.path);
  why_app.add_option("-n,--count", why.count, "so many of the last")->capture_default_str();
  why_app.add_flag("--json", why.json, "for programs: an object a line");
  why_app.footer(
      "Others' operations are shown to root and to who has mounted only. What the kernel has refused by itself, as for missing\n"
      "permissions, a mount does not hear of.");
  ExplainCommand explain;
  CLI::App& explain_app = *app.add_subcommand("explain", "tell why a link, unlink, rename or write would be refused, and the cure");
  AddExplainArguments(explain_app, explain);
  NamesCommand names;
  CLI::App& names_app = *app.add_subcommand("names", "tell all names of a file");
  AddNamesArguments(names_app, names);

  FlagArguments flag;
  CLI::App& flag_app = *app.add_subcommand("flag", "tell or change the flags of files, as lsattr and chattr do");
  AddFlagArguments(flag_app, flag);

  QuotaCommand quota;
  CLI::App& quota_app = *app.add_subcommand("quota", "tell who has how much of a mount, and may have: hardlinkfs-policy(5)");
  AddMountPath(quota_app, quota.path);
  quota_app.add_flag("--json", quota.json, "for programs: an object a line");
  quota_app.footer(
      "A star is behind what is used up. What is not the caller's, or his groups', is shown to root and to who has mounted only.");

  return Parse(app, argc, argv, [&]() -> Command {
    if (quota_app.parsed()) return quota;
    if (check.files.empty()) check.files = {kMachinePolicy};
    if (check_app.parsed()) return check;
    if (show_app.parsed()) return show;
    if (reload_app.parsed()) return reload;
    if (why_app.parsed()) return why;
    rebuild.options = Join(rebuild_options);
    if (rebuild_app.parsed()) return rebuild;
    if (probe_app.parsed()) return probe;
    if (fsck_app.parsed()) return ToCommand(fsck);
    if (sync_app.parsed()) return sync;
    if (status_app.parsed()) return status;
    if (explain_app.parsed()) return explain;
    if (names_app.parsed()) return names;
    if (flag_app.parsed()) return ToCommand(flag);
    mount.options = Join(options);
    return mount;
  });
}

Command ParseWords(Command (*parse)(int, const char* const*), const std::vector<std::string>& words) {
  std::vector<const char*> pointers;
  for (const std::string& word : words) pointers.push_back(word.c_str());
  return parse(static_cast<int>(pointers.size()), pointers.data());
}

}  // namespace

std::string VersionText() {
  return "hardlinkfs " HARDLINKFS_VERSION " (libfuse " + LibfuseVersion() + ", RocksDB " HARDLINKFS_ROCKSDB_VERSION ")";
}

Command ParseCommandLine(int argc, const char* const* argv) {
  const std::string called = std::filesystem::path(argv[0]).filename().string();
  if (called.starts_with("mount.hardlinkfs")) return ParseHelper(argc, argv);
  const bool is_fsck = called.starts_with("fsck.hardlinkfs");
  const std::string_view first = argc < 2 ? "" : argv[1];
  if (!is_fsck && first == "flag") return ParseWords(ParseTool, MarkChanges(argc, argv));
  if (!is_fsck && first != "fsck") {
    Command command = ParseTool(argc, argv);
    auto* const error = std::get_if<UsageError>(&command);
    if (error != nullptr && first == "explain") error->status = kExplainUsage;
    return command;
  }
  Command command = ParseWords(is_fsck ? ParseFsckHelper : ParseTool, JoinProgress(argc, argv));
  if (auto* const error = std::get_if<UsageError>(&command)) error->status = kFsckUsage;
  return command;
}

}  // namespace hardlinkfs
