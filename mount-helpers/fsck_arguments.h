// The arguments of fsck.hardlinkfs and `hardlinkfs fsck`, as fsck(8) and users of e2fsck(8) give them.
#ifndef HARDLINKFS_MOUNT_HELPERS_FSCK_ARGUMENTS_H_
#define HARDLINKFS_MOUNT_HELPERS_FSCK_ARGUMENTS_H_

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace CLI {
class App;
}

namespace hardlinkfs {

// As in fsck(8), "EXIT STATUS"; several are added up.
enum FsckStatus : int {
  kFsckClean = 0,
  kFsckCorrected = 1,
  kFsckLeft = 4,
  kFsckOperational = 8,
  kFsckUsage = 16,
  kFsckCancelled = 32,
};

enum class RepairMode {
  kAsk,
  kNothing,    // -n
  kSafe,       // -a, -p
  kEverything  // -y
};

struct FsckCommand {
  std::string directory;
  RepairMode mode = RepairMode::kAsk;
  bool force = false;
  bool verbose = false;
  bool timing = false;
  std::optional<int> progress;  // -C: 0 is a bar on the terminal, others are descriptors for lines
  std::string options;          // -o, as for mount
};

// Collects what CLI11 finds; kept until the app has parsed.
struct FsckArguments {
  std::string directory;
  std::vector<std::string> options;
  bool no = false, yes = false, preen = false, force = false, verbose = false, timing = false, version = false;
  std::optional<int> progress;
};

void AddFsckArguments(CLI::App& app, FsckArguments& arguments);
// RETURNS: the command, or what is wrong with the arguments, in one line.
std::variant<FsckCommand, std::string> ToFsckCommand(const FsckArguments& arguments);

// RETURNS: the words with the descriptor joined to -C: "-C 5" and "-C5" are the same, and "-C" alone is "-C0".
std::vector<std::string> JoinProgress(int argc, const char* const* argv);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_FSCK_ARGUMENTS_H_
