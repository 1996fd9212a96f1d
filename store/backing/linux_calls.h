// The system calls of the backing, told in the project's words: EINTR is retried, errno becomes an Error, and nothing leaves the directory
// it was asked in. No policy; shared by PosixBacking, the probe and the private area.
#ifndef HARDLINKFS_STORE_BACKING_LINUX_CALLS_H_
#define HARDLINKFS_STORE_BACKING_LINUX_CALLS_H_

#include <sys/types.h>

#include <cerrno>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/backing/backing.h"
#include "store/base/result.h"
#include "store/base/timestamp.h"
#include "store/base/unique_fd.h"

namespace hardlinkfs {

// Calls `call` until it is not interrupted. RETURNS: what it returned; errno is as it left it.
template <typename Call>
auto RetryInterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// REQUIRES: a system call has just failed.
inline Error LastError(const char* what) { return Error{errno, what}; }

// RETURNS: EINVAL unless `name` is a single component: not empty, ".", "..", without '/' and NUL.
Status CheckComponent(std::string_view name);

// Opens the single component `name` beneath `directory_fd`: never through a symlink, never across a mount (EXDEV), always O_CLOEXEC.
Result<UniqueFd> OpenBeneath(int directory_fd, const char* name, uint64_t flags, uint32_t mode = 0);

// A descriptor (O_PATH) of the entry itself, whatever its type, to act on by /proc/self/fd or AT_EMPTY_PATH.
Result<UniqueFd> Pin(int directory_fd, const char* name);

// The same directory opened for reading (an O_PATH descriptor can neither be listed nor synced), without touching its atime where allowed.
Result<UniqueFd> ReopenDirectory(int directory_fd);

// "/proc/self/fd/N": the way to act on what a descriptor refers to with calls that only take paths.
std::string ProcPath(int fd);

bool IsOpenForWriting(int fd);

// Stats the entry itself; with an empty `name` the descriptor's. EXDEV for a component on which another filesystem is mounted.
Result<BackingStat> StatAt(int directory_fd, const char* name);

// Every entry but "." and ".." until `visit` returns false.
Status ListDirectory(int directory_fd, const Backing::EntryVisitor& visit);

// Renames only if `to` is free. With `native_noreplace` the kernel checks it, otherwise this function does beforehand. A change of case
// within one directory passes, as far as the backing does it in one step: EEXIST if it shows the old spelling afterwards.
Status RenameNoReplace(int from_fd, const char* from, int to_fd, const char* to, bool native_noreplace);

// Writes all of it at `offset`, or fails.
Status WriteFully(int fd, std::span<const char> from, uint64_t offset);
// RETURNS: the bytes read, less than asked for only at the end of the file.
Result<size_t> ReadFully(int fd, std::span<char> into, uint64_t offset);

// Makes the entries of the directory durable. A backing that does not know fsync of directories answers success.
Status SyncDirectoryEntries(int directory_fd);
// The same for the directory above it. One that may not be read is left to who owns it.
Status SyncDirectoryAbove(int directory_fd);
// RETURNS: whether the backing accepts fsync of a directory at all.
bool AcceptsDirectorySync(int directory_fd);

// RETURNS: the target of the symlink `name`, or of what the descriptor refers to when that is empty.
Result<std::string> ReadLinkAt(int directory_fd, const char* name);
// Of what `fd` refers to (O_PATH will do). RETURNS: nothing where the backing has no xattrs.
Result<std::vector<std::string>> ListXattrsOf(int fd);
Result<std::string> GetXattrOf(int fd, const std::string& xattr);
Result<BackingSpace> SpaceOf(int fd);

// Sets the times of what `fd` refers to (O_PATH will do); unset means unchanged.
Status SetTimesOf(int fd, const std::optional<Timestamp>& atime, const std::optional<Timestamp>& mtime);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BACKING_LINUX_CALLS_H_
