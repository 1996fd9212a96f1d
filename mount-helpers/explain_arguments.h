// The arguments of `hardlinkfs explain`.
#ifndef HARDLINKFS_MOUNT_HELPERS_EXPLAIN_ARGUMENTS_H_
#define HARDLINKFS_MOUNT_HELPERS_EXPLAIN_ARGUMENTS_H_

#include <string>

namespace CLI {
class App;
}

namespace hardlinkfs {

enum class ExplainedOperation { kLink, kUnlink, kRename, kWrite };

// RETURNS: as the command line spells it.
const char* NameOf(ExplainedOperation operation);

enum ExplainStatus : int {
  kExplainAllowed = 0,
  kExplainRefused = 1,
  kExplainUsage = 2,
  kExplainUnknown = 3,
};

// `hardlinkfs explain link|rename OLD NEW [--as USER[:GROUP]] [--json]`, `hardlinkfs explain unlink|write PATH …`
struct ExplainCommand {
  ExplainedOperation operation = ExplainedOperation::kLink;
  std::string old_path;  // the only one of unlink and write
  std::string new_path;
  std::string as;  // empty: the caller himself
  bool json = false;
};

// The operations are subcommands of `app`. `command` is kept until the app has parsed.
void AddExplainArguments(CLI::App& app, ExplainCommand& command);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_EXPLAIN_ARGUMENTS_H_
