// The session file: whether what the last server wrote but did not sync can still be relied upon. It can while the page cache that holds it
// lives: the machine was not restarted, and the backing neither unmounted nor pulled out.
#ifndef HARDLINKFS_STORE_BACKING_SESSION_FILE_H_
#define HARDLINKFS_STORE_BACKING_SESSION_FILE_H_

#include <string>
#include <vector>

#include "store/base/result.h"

namespace hardlinkfs {

inline constexpr char kSessionName[] = "session";

// RETURNS: what names the page cache behind these descriptors: the kernel's boot id, the numbers of the mounts, and
// those of the disks (sysfs-block: diskseq, Linux 5.15).
Result<std::string> PageCacheIdentity(const std::vector<int>& descriptors);

// RETURNS: whether the session file in `area_fd` says `identity`. In doubt, false.
bool IsSession(int area_fd, const std::string& identity);

// Writes it, in place, since there may be no space for more. It need not be durable: without it the answer is false.
Status NoteSession(int area_fd, const std::string& identity);

// After a failed sync nobody may rely on what was not synced. Thread safety: any thread.
void ForgetSession(int area_fd);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BACKING_SESSION_FILE_H_
