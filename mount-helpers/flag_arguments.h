// The command line of `hardlinkfs flag`: which flags there are, and what is to become of them.
#ifndef HARDLINKFS_MOUNT_HELPERS_FLAG_ARGUMENTS_H_
#define HARDLINKFS_MOUNT_HELPERS_FLAG_ARGUMENTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace CLI {
class App;
}

namespace hardlinkfs {

// Of FS_*_FL and kIunlinkFlag (policy/flags.h), those that have a name here. Others that a file has stay as they are.
struct FlagChange {
  uint32_t set = 0;
  uint32_t clear = 0;

  uint32_t Apply(uint32_t flags) const { return (flags & ~clear) | set; }
};

enum class Depth { kFile, kTree };

// `hardlinkfs flag [-R] [+FLAG|-FLAG|=FLAG[,...]]... FILE...`
struct FlagCommand {
  std::optional<FlagChange> change;  // nullopt: to be shown
  Depth depth = Depth::kFile;
  std::vector<std::string> files;
};

struct FlagArguments {
  std::vector<std::string> changes;
  bool recursive = false;
  std::vector<std::string> files;
};

// RETURNS: the words, with each change before the first FILE as --change=WORD: "-nodump" would be taken for options.
std::vector<std::string> MarkChanges(int argc, const char* const* argv);
void AddFlagArguments(CLI::App& app, FlagArguments& arguments);
// RETURNS: the command, or what is wrong in one line.
std::variant<FlagCommand, std::string> ToFlagCommand(const FlagArguments& arguments);

// RETURNS: the names of those that have one, with commas; "-" when there are none.
std::string FlagNames(uint32_t flags);
// All that have a name.
uint32_t NamedFlags();

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_FLAG_ARGUMENTS_H_
