#include "mount-helpers/probe_command.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "mount-helpers/failure.h"
#include "store/backing/capability_report.h"
#include "store/backing/probe.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {
int RunProbe(const ProbeCommand& command) {
  const UniqueFd directory(open(command.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return Fail(FailureOn(command.directory, strerrordesc_np(errno), errno, ExitStatus::kSystem));
  const Result<Capabilities> found = Probe(directory.get());
  if (!found.ok()) return Fail(FailureOn(command.directory, found.error().what, found.error().code, ExitStatus::kSystem));
  std::fputs(Describe(*found).c_str(), stdout);
  return static_cast<int>(ExitStatus::kSuccess);
}

}  // namespace hardlinkfs
