// From the arguments to a command. What is valid behind -o is fuse/lowlevel/options.h's to say.
#ifndef HARDLINKFS_MOUNT_HELPERS_COMMAND_LINE_H_
#define HARDLINKFS_MOUNT_HELPERS_COMMAND_LINE_H_

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "fuse/lowlevel/options.h"
#include "mount-helpers/explain/arguments.h"
#include "mount-helpers/flag_arguments.h"
#include "mount-helpers/fsck_arguments.h"
#include "mount-helpers/printed_path.h"
#include "mount-helpers/rebuild_command.h"

namespace hardlinkfs {

// `hardlinkfs mount [-f] [-o OPTIONS] SOURCE MOUNTPOINT`, or mount(8)'s `mount.hardlinkfs SOURCE MOUNTPOINT [-sfnv] [-o OPTIONS]`.
struct MountCommand {
  bool foreground = false;
  bool fake = false;  // check everything, mount nothing: mount -f
  UnknownOptions unknown_options = UnknownOptions::kRefuse;
  std::string options;
  std::string source;
  std::string mountpoint;
};

// `hardlinkfs probe DIR`
struct ProbeCommand {
  std::string directory;
};

// `hardlinkfs sync PATH`
struct SyncCommand {
  std::string path;
};

// `hardlinkfs status [--json] PATH`
struct StatusCommand {
  bool json = false;
  std::string path;
};

// `hardlinkfs policy check [FILE...]`
struct PolicyCheckCommand {
  std::vector<std::string> files;
};

// `hardlinkfs policy show PATH`
struct PolicyShowCommand {
  std::string path;
};

// `hardlinkfs reload PATH`
struct ReloadCommand {
  std::string path;
};

// `hardlinkfs why [-n COUNT] [--json] PATH`
struct WhyCommand {
  bool json = false;
  size_t count = 10;
  std::string path;
};

// `hardlinkfs quota [--json] PATH`
struct QuotaCommand {
  bool json = false;
  std::string path;
};

// `hardlinkfs names [-0] FILE...`
struct NamesCommand {
  PathEnd end = PathEnd::kNewline;
  std::vector<std::string> files;
};

// --help, --version
struct PrintCommand {
  std::string text;
};

// One line, that says what is wrong.
struct UsageError {
  std::string line;
  int status = 1;  // to exit with
};

using Command =
    std::variant<MountCommand, ProbeCommand, SyncCommand, StatusCommand, NamesCommand, FlagCommand, FsckCommand, RebuildCommand,
                 ExplainCommand, PolicyCheckCommand, PolicyShowCommand, ReloadCommand, WhyCommand, QuotaCommand, PrintCommand, UsageError>;

// The last component of argv[0] decides whether this is `hardlinkfs`, `mount.hardlinkfs` or `fsck.hardlinkfs`. REQUIRES: argc >= 1.
Command ParseCommandLine(int argc, const char* const* argv);

// RETURNS: the versions of hardlinkfs and of the libraries that matter, one line.
std::string VersionText();

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_COMMAND_LINE_H_
