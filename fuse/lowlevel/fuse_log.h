// Where libfuse's own messages go: to spdlog, or, while a mount is attempted, into a MountFailure's reason.
#ifndef HARDLINKFS_FUSE_LOWLEVEL_FUSE_LOG_H_
#define HARDLINKFS_FUSE_LOWLEVEL_FUSE_LOG_H_

#include <string>

#include "store/base/unique_fd.h"

namespace hardlinkfs {

// Sends libfuse's messages to spdlog's default logger, for the whole process.
void RouteFuseLog();

// Collects what libfuse, and the fusermount3 that it may run, complain about, so that a failed mount can be told in one line.
// Thread safety: one at a time, and libfuse used by this thread only.
class FuseComplaints {
 public:
  FuseComplaints();
  ~FuseComplaints();
  FuseComplaints(const FuseComplaints&) = delete;
  FuseComplaints& operator=(const FuseComplaints&) = delete;

  // RETURNS: the errno that stood when libfuse first complained; 0 when it was fusermount3 that failed, or nobody said why.
  int code() const { return code_; }
  // RETURNS: one line; what fusermount3 said goes before what libfuse said, since it knows more. Empty when nobody said why.
  std::string reason() const;

  // Called by the log function.
  void Add(int code, const std::string& message);

 private:
  int code_ = 0;
  std::string libfuse_;
  UniqueFd captured_;  // what was written to standard error meanwhile
  UniqueFd stderr_;    // the real one
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_LOWLEVEL_FUSE_LOG_H_
