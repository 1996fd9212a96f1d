#include "mount-helpers/flag_arguments.h"

#include <linux/fs.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "policy/flags.h"

namespace hardlinkfs {
namespace {

struct NamedFlag {
  std::string_view name;
  uint32_t flag;
};
constexpr std::array kFlags{NamedFlag{"immutable", FS_IMMUTABLE_FL}, NamedFlag{"append", FS_APPEND_FL}, NamedFlag{"nodump", FS_NODUMP_FL},
                            NamedFlag{"noatime", FS_NOATIME_FL},     NamedFlag{"sync", FS_SYNC_FL},     NamedFlag{"iunlink", kIunlinkFlag}};

constexpr char kFlagFooter[] =
    "FLAGS is +FLAG to set, -FLAG to clear, or =FLAG to set those and clear all others of these; several with commas.\n"
    "Without FLAGS what each FILE has is printed. Symlinks are not followed, nor are other mounts entered.\n\n"
    "  immutable  nothing can be changed, chattr's i\n"
    "  append     only appending is possible, chattr's a\n"
    "  iunlink    as immutable, but names of it can be made and removed: for trees that share their files\n"
    "  nodump, noatime, sync  chattr's d, A and S\n\n"
    "Exit status: 1 when one of the files failed.";

bool IsSign(char c) { return c == '+' || c == '-' || c == '='; }

// Options have capital letters, a single one, or two dashes.
bool IsChange(std::string_view word) {
  if (word.empty() || !IsSign(word[0])) return false;
  return word[0] != '-' || (word.size() > 2 && std::islower(static_cast<unsigned char>(word[1])) != 0);
}

std::string AllNames() {
  std::string all;
  for (const NamedFlag& named : kFlags) all.append(all.empty() ? "" : ", ").append(named.name);
  return all;
}

// Collects changes in the order in which they are given.
class Changes {
 public:
  // `part` may begin with a sign; else the last one counts. RETURNS: what is wrong; empty: nothing.
  std::string Take(std::string_view part) {
    if (!part.empty() && IsSign(part[0])) {
      sign_ = part[0];
      (sign_ == '=' ? has_equals_ : has_others_) = true;
      part.remove_prefix(1);
    }
    if (has_equals_ && has_others_) return "= goes neither with + nor with -";
    if (part.empty() && sign_ == '=') return {};  // none
    const auto named = std::ranges::find(kFlags, part, &NamedFlag::name);
    if (named == kFlags.end()) return "'" + std::string(part) + "' is no flag: " + AllNames();
    (sign_ == '-' ? change_.clear : change_.set) |= named->flag;
    if ((change_.clear & change_.set) != 0) return "'" + std::string(part) + "' is to be set and to be cleared";
    return {};
  }
  FlagChange Taken() const {
    FlagChange change = change_;
    if (has_equals_) change.clear = NamedFlags() & ~change.set;
    return change;
  }

 private:
  char sign_ = '+';
  bool has_equals_ = false;
  bool has_others_ = false;
  FlagChange change_;
};

}  // namespace

std::vector<std::string> MarkChanges(int argc, const char* const* argv) {
  std::vector<std::string> words;
  bool may_be_change = true;
  for (int i = 0; i < argc; ++i) {
    std::string word = argv[i];
    const bool is_option = word.size() > 1 && word[0] == '-';
    // The first two are the names of the program and of the subcommand.
    if (i >= 2 && may_be_change && IsChange(word)) {
      if (words.back() == "--change") words.pop_back();
      word.insert(0, "--change=");
    } else if (i >= 2 && (!is_option || word == "--")) {
      may_be_change = false;
    }
    words.push_back(std::move(word));
  }
  return words;
}

void AddFlagArguments(CLI::App& app, FlagArguments& arguments) {
  app.add_option("--change", arguments.changes, "see below; --change can be left out before the first FILE")
      ->type_name("FLAGS")
      ->allow_extra_args(false);
  app.add_option("FILE", arguments.files, "regular files and directories")->required();
  app.add_flag("-R,--recursive", arguments.recursive, "all that is below directories, too");
  app.footer(kFlagFooter);
}

std::variant<FlagCommand, std::string> ToFlagCommand(const FlagArguments& arguments) {
  FlagCommand command;
  command.depth = arguments.recursive ? Depth::kTree : Depth::kFile;
  command.files = arguments.files;
  if (arguments.changes.empty()) return command;
  Changes changes;
  for (const std::string& list : arguments.changes) {
    for (size_t begin = 0; begin <= list.size();) {
      const size_t end = std::min(list.find(',', begin), list.size());
      if (std::string wrong = changes.Take(std::string_view(list).substr(begin, end - begin)); !wrong.empty()) return wrong;
      begin = end + 1;
    }
  }
  command.change = changes.Taken();
  return command;
}

std::string FlagNames(uint32_t flags) {
  std::string names;
  for (const NamedFlag& named : kFlags) {
    if ((flags & named.flag) != 0) names.append(names.empty() ? "" : ",").append(named.name);
  }
  return names.empty() ? "-" : names;
}

uint32_t NamedFlags() {
  uint32_t all = 0;
  for (const NamedFlag& named : kFlags) all |= named.flag;
  return all;
}

}  // namespace hardlinkfs
