// What the `hardlinkfs` command asks of a mount's server: ioctl(2) requests on any file or directory of the mount. Both sides include this;
// they are of one build, or of two that agree on the numbers.
#ifndef HARDLINKFS_FUSE_LOWLEVEL_CONTROL_H_
#define HARDLINKFS_FUSE_LOWLEVEL_CONTROL_H_

#include <sys/ioctl.h>

#include <cstddef>
#include <cstdint>

namespace hardlinkfs {

// A JSON object, terminated by a zero byte. Its keys are listed in docs/semantics.md (S-STATUS-1).
struct StatusReply {
  static constexpr size_t kBytes = 8192;  // a size that ioctl(2)'s number can say, and the kernel hands through: below 16 KiB
  char json[kBytes];
};

// A part of a text that may be longer than what ioctl(2) takes at a time.
struct TextExchange {
  uint64_t offset;  // of the first byte that is asked for; of refusals the number after which they begin
  uint64_t total;   // of a reply: how long the text is
  uint64_t bytes;   // of a reply: of `text`
  char text[16352];
};

// Empty when the policy was loaded; else what is wrong with it, and the old one is in force.
struct ReloadReply {
  char complaint[8192];
};

// Names of an inode below the directory that is asked, as paths from there: those that the caller would find by searching it. All of them
// come in several requests, which begin with a position of zeros and go on with that of the last reply.
struct NamesExchange {
  static constexpr size_t kTextBytes = 16344;  // as many as ioctl(2)'s number can say together with the rest
  uint64_t inode;                              // st_ino
  uint64_t directory, offset;                  // the position; zeros in a reply: there are no more
  uint64_t bytes;                              // of a reply: of `text`
  char text[kTextBytes];                       // of a reply: paths, each with a zero byte behind; longer ones are left out
};

inline constexpr unsigned kControlType = 0xB7;  // free in Documentation/userspace-api/ioctl/ioctl-number.rst
// Makes all that was acknowledged before durable, contents too. RETURNS: as fsync(2).
inline constexpr unsigned kControlSync = _IO(kControlType, 1);
inline constexpr unsigned kControlStatus = _IOR(kControlType, 2, StatusReply);
// RETURNS: ENOENT for an inode without a name; EOPNOTSUPP on a mirror; ENOTDIR.
inline constexpr unsigned kControlNames = _IOWR(kControlType, 3, NamesExchange);

// The policy in force, as TOML.
inline constexpr unsigned kControlPolicy = _IOWR(kControlType, 8, TextExchange);
// Reads the policy's file again. EPERM for all but root and who has mounted.
inline constexpr unsigned kControlReload = _IOR(kControlType, 9, ReloadReply);
// The last refusals, a JSON object a line, oldest first; those of the caller's own operations, and for root and who has mounted all. The
// offset of the reply is the number of the last; no bytes: there are no more.
inline constexpr unsigned kControlRefusals = _IOWR(kControlType, 10, TextExchange);
// Who has how much of what he may have, a JSON object a line: what the caller and his groups have; for root and who has mounted all. The
// offset says from where on, of the reply where it goes on; no bytes: there are no more.
inline constexpr unsigned kControlAccounts = _IOWR(kControlType, 11, TextExchange);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_LOWLEVEL_CONTROL_H_
