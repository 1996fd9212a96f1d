#include "mount-helpers/explain_arguments.h"

#include <CLI/CLI.hpp>

namespace hardlinkfs {
namespace {

constexpr char kFooter[] =
    "Nothing is changed, and nothing is tried: what the kernel and hardlinkfs would check is looked up, in their order, on any\n"
    "filesystem. A line that begins with \"also\" would refuse it too, once what is before it is cured; one with \"?\" says what\n"
    "cannot be told. As root it can look at everything.\n\n"
    "Exit status: 0 it would succeed, 1 it would be refused, 2 usage, 3 nothing refuses it that can be looked at, but\n"
    "something cannot.";

CLI::App& AddOperation(CLI::App& app, ExplainCommand& command, ExplainedOperation operation, const char* description) {
  CLI::App& added = *app.add_subcommand(NameOf(operation), description);
  added.fallthrough();
  added.callback([&command, operation] { command.operation = operation; });
  return added;
}

void AddTwoPaths(CLI::App& app, ExplainCommand& command) {
  app.add_option("OLD", command.old_path, "what there is")->required();
  app.add_option("NEW", command.new_path, "its other name; not a directory to put it in")->required();
}

}  // namespace

const char* NameOf(ExplainedOperation operation) {
  switch (operation) {
    case ExplainedOperation::kLink:
      return "link";
    case ExplainedOperation::kUnlink:
      return "unlink";
    case ExplainedOperation::kRename:
      return "rename";
    case ExplainedOperation::kWrite:
      break;
  }
  return "write";
}

void AddExplainArguments(CLI::App& app, ExplainCommand& command) {
  app.require_subcommand(0, 1);
  app.final_callback([&app] {
    if (app.get_subcommands().empty()) throw CLI::RequiredError("an operation (link, unlink, rename or write)");
  });
  app.add_option("--as", command.as, "who does it: names, or numbers that need no entry in passwd(5)")->type_name("USER[:GROUP]");
  app.add_flag("--json", command.json, "for programs");
  app.footer(kFooter);
  AddTwoPaths(AddOperation(app, command, ExplainedOperation::kLink, "link(2): a hard link"), command);
  AddTwoPaths(AddOperation(app, command, ExplainedOperation::kRename, "rename(2)"), command);
  AddOperation(app, command, ExplainedOperation::kUnlink, "unlink(2): of anything but a directory")
      .add_option("PATH", command.old_path, "the name to be removed")
      ->required();
  AddOperation(app, command, ExplainedOperation::kWrite, "open(2) of an existing file for writing, without O_APPEND")
      .add_option("PATH", command.old_path, "the file")
      ->required();
}

}  // namespace hardlinkfs
