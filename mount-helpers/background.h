// Going into the background: the command forks at once, before there are threads, and returns when the server says that the mount works.
#ifndef HARDLINKFS_MOUNT_HELPERS_BACKGROUND_H_
#define HARDLINKFS_MOUNT_HELPERS_BACKGROUND_H_

#include <functional>
#include <string>

#include "mount-helpers/failure.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {

// By which a server tells the waiting command how it went; at most once, later calls do nothing. Thread safety: one thread at a time.
class StartupReport {
 public:
  // Without a command that waits: a failure is printed.
  StartupReport() = default;
  // `pipe` leads to the command.
  explicit StartupReport(UniqueFd pipe) : pipe_(std::move(pipe)), background_(true) {}

  // What whoever mounts should know although it works: printed, before Ready.
  void Tell(const std::string& line);
  // The mount works. In the background this lets go of the terminal as well.
  void Ready();
  void Failed(const Failure& failure);
  bool made() const { return made_; }

 private:
  UniqueFd pipe_;
  bool background_ = false;
  bool made_ = false;
};

// What to run; RETURNS the exit status of the process in which it runs.
using ServerMain = std::function<int(StartupReport&)>;

// Runs `server` in a process of its own session, and returns the command's exit status when it has reported, with its failure printed.
// RocksDB and threads do not survive a fork. REQUIRES: this process has one thread.
int RunInBackground(const ServerMain& server);
int RunInForeground(const ServerMain& server);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_BACKGROUND_H_
