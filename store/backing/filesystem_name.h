// FilesystemName: what to call a filesystem in messages. No decision may depend on it.
#ifndef HARDLINKFS_STORE_BACKING_FILESYSTEM_NAME_H_
#define HARDLINKFS_STORE_BACKING_FILESYSTEM_NAME_H_

#include <string>

namespace hardlinkfs {

// RETURNS: the type that the mount table gives, else the name of statfs(2)'s f_type, else its number.
std::string FilesystemName(int fd);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BACKING_FILESYSTEM_NAME_H_
