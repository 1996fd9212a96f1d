// AsCaller: the calling thread acts with somebody's ids and umask, so that what it makes is his from the first moment, and the backing
// judges by his rights. Other threads are not touched: Linux has credentials a thread.
#ifndef HARDLINKFS_STORE_MIRROR_AS_CALLER_H_
#define HARDLINKFS_STORE_MIRROR_AS_CALLER_H_

#include "store/base/caller.h"
#include "store/base/result.h"

namespace hardlinkfs {

// Whose rights the backing goes by: the caller's, or the server's, where somebody else has judged already.
enum class Rights { kCallers, kServers };

struct Actor {
  const Caller& caller;
  Rights rights = Rights::kCallers;
};

// Not to be nested. A server that is not root has its own ids and acts with these, whoever asks.
class AsCaller {
 public:
  explicit AsCaller(const Actor& actor);
  ~AsCaller();
  AsCaller(const AsCaller&) = delete;
  AsCaller& operator=(const AsCaller&) = delete;

  // RETURNS: EOVERFLOW when there is no such uid or gid in the server's user namespace: nothing may be made then.
  const Status& status() const { return status_; }
  // RETURNS: the mode to make something with. It is `mode` as he gave it, since the kernel applies his umask, unless this thread cannot
  // have one of its own.
  uint32_t ModeFor(uint32_t mode) const { return mode & ~masked_; }

 private:
  Status TakeIds(const Caller& caller);

  Status status_;
  uint32_t masked_ = 0;
  bool took_groups_ = false;
  bool took_gid_ = false;
  bool took_uid_ = false;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_MIRROR_AS_CALLER_H_
