#include "mount-helpers/fsck_arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <string_view>

namespace hardlinkfs {
namespace {

constexpr char kFooter[] =
    "DIR is the directory that was given to mount as its source; it must not be mounted. What can be put right is put right\n"
    "from what the catalog and the files still say; what would have no name is found in lost+found. No content is removed.\n\n"
    "Exit status: 0 clean, 1 damage was repaired, 4 damage was left, 8 it could not be checked, 16 usage, 32 interrupted;\n"
    "several are added up.";

bool IsNumber(std::string_view word) {
  return !word.empty() && word.size() < 10 && std::ranges::all_of(word, [](unsigned char c) { return std::isdigit(c) != 0; });
}

}  // namespace

std::vector<std::string> JoinProgress(int argc, const char* const* argv) {
  std::vector<std::string> words;
  for (int i = 0; i < argc; ++i) {
    std::string word = argv[i];
    const bool is_progress = word.size() > 1 && word[0] == '-' && word[1] != '-' && word.back() == 'C';
    if (is_progress) {
      const bool has_number = i + 1 < argc && IsNumber(argv[i + 1]);
      word += has_number ? argv[++i] : "0";
    }
    words.push_back(std::move(word));
  }
  return words;
}

void AddFsckArguments(CLI::App& app, FsckArguments& arguments) {
  app.add_option("DIR", arguments.directory, "the source directory of the volume");
  app.add_flag("-n", arguments.no, "answer no to everything, and change nothing");
  app.add_flag("-y", arguments.yes, "answer yes to everything");
  app.add_flag("-a,-p", arguments.preen, "repair without questions what can be repaired without a loss");
  app.add_flag("-f", arguments.force, "check a volume that is marked as clean, too");
  app.add_flag("-v", arguments.verbose, "tell more: also what is no damage, and counts");
  app.add_flag("-t", arguments.timing, "tell how long it took");
  app.add_option("-C", arguments.progress, "show progress: a bar, or lines on the descriptor FD")->type_name("[FD]");
  app.add_option("-o,--options", arguments.options, "as for mount; store= above all")->type_name("OPTIONS")->allow_extra_args(false);
  app.add_flag("-V,--version", arguments.version, "tell the version");
  for (const char* ignored : {"-T", "-M", "-R", "-l", "-r", "-s"}) app.add_flag(ignored)->description("accepted for fsck(8)");
  app.footer(kFooter);
}

std::variant<FsckCommand, std::string> ToFsckCommand(const FsckArguments& arguments) {
  if (arguments.directory.empty()) return std::string("DIR is required");
  if (int{arguments.no} + int{arguments.yes} + int{arguments.preen} > 1) return std::string("only one of -a/-p, -n and -y can be given");
  FsckCommand command;
  command.directory = arguments.directory;
  if (arguments.no) command.mode = RepairMode::kNothing;
  if (arguments.yes) command.mode = RepairMode::kEverything;
  if (arguments.preen) command.mode = RepairMode::kSafe;
  command.force = arguments.force;
  command.verbose = arguments.verbose;
  command.timing = arguments.timing;
  command.progress = arguments.progress;
  for (const std::string& list : arguments.options) command.options.append(command.options.empty() ? "" : ",").append(list);
  return command;
}

}  // namespace hardlinkfs
