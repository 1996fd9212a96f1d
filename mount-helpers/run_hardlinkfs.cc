#include "mount-helpers/run_hardlinkfs.h"

#include <cstdio>
#include <exception>
#include <variant>

#include "mount-helpers/command_line.h"
#include "mount-helpers/console.h"
#include "mount-helpers/control_command.h"
#include "mount-helpers/explain/command.h"
#include "mount-helpers/failure.h"
#include "mount-helpers/flag_command.h"
#include "mount-helpers/fsck_command.h"
#include "mount-helpers/mount_command.h"
#include "mount-helpers/names_command.h"
#include "mount-helpers/policy_command.h"
#include "mount-helpers/probe_command.h"
#include "mount-helpers/quota_command.h"
#include "mount-helpers/rebuild_command.h"

namespace hardlinkfs {
namespace {

struct Runner {
  int operator()(const MountCommand& command) const { return RunMount(command); }
  int operator()(const ProbeCommand& command) const { return RunProbe(command); }
  int operator()(const FsckCommand& command) const {
    Terminal terminal;
    return RunFsck(command, terminal);
  }
  int operator()(const RebuildCommand& command) const {
    Terminal terminal;
    return RunRebuild(command, terminal);
  }
  int operator()(const SyncCommand& command) const { return RunSync(command); }
  int operator()(const StatusCommand& command) const { return RunStatus(command); }
  int operator()(const PolicyCheckCommand& command) const { return RunPolicyCheck(command); }
  int operator()(const PolicyShowCommand& command) const { return RunPolicyShow(command); }
  int operator()(const ReloadCommand& command) const { return RunReload(command); }
  int operator()(const WhyCommand& command) const { return RunWhy(command); }
  int operator()(const QuotaCommand& command) const { return RunQuota(command); }
  int operator()(const ExplainCommand& command) const { return RunExplain(command); }
  int operator()(const NamesCommand& command) const { return RunNames(command); }
  int operator()(const FlagCommand& command) const { return RunFlag(command); }
  int operator()(const PrintCommand& command) const {
    std::fputs(command.text.c_str(), stdout);
    return Status(ExitStatus::kSuccess);
  }
  int operator()(const UsageError& error) const {
    std::fprintf(stderr, "hardlinkfs: %s\n", error.line.c_str());
    return error.status;
  }

 private:
  static int Status(ExitStatus status) { return static_cast<int>(status); }
};

}  // namespace

int RunHardlinkfs(int argc, char** argv) {
  try {
    return std::visit(Runner{}, ParseCommandLine(argc, argv));
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "hardlinkfs: unexpected: %s\n", exception.what());
    return static_cast<int>(ExitStatus::kSystem);
  }
}

}  // namespace hardlinkfs
