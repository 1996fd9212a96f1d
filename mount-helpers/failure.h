// How the commands fail: an exit status as mount(8)'s, and one line for the user.
#ifndef HARDLINKFS_MOUNT_HELPERS_FAILURE_H_
#define HARDLINKFS_MOUNT_HELPERS_FAILURE_H_

#include <string>

namespace hardlinkfs {

// As in mount(8), "EXIT STATUS"; kNeedsAttention is `hardlinkfs status`'s alone, kSomeFailed `hardlinkfs flag`'s, as chattr's.
enum class ExitStatus { kSuccess = 0, kUsage = 1, kSomeFailed = 1, kSystem = 2, kNeedsAttention = 3, kMountFailed = 32 };

struct Failure {
  ExitStatus status = ExitStatus::kMountFailed;
  std::string line;  // complete, without a newline
};

// RETURNS: a failure with the line "hardlinkfs: SUBJECT: REASON (ERRNO NAME)"; an errno of 0 is left out.
Failure FailureOn(const std::string& subject, const std::string& reason, int code, ExitStatus status = ExitStatus::kMountFailed);

// Prints the line to standard error. RETURNS: the exit status.
int Fail(const Failure& failure);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_FAILURE_H_
