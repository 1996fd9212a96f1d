// The records of the catalog and their encoding. docs/format.md describes the bytes.
#ifndef HARDLINKFS_STORE_CATALOG_RECORDS_H_
#define HARDLINKFS_STORE_CATALOG_RECORDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/base/attributes.h"
#include "store/base/inode_id.h"
#include "store/base/name.h"
#include "store/base/place.h"
#include "store/base/result.h"
#include "store/base/timestamp.h"

namespace hardlinkfs {

// Everything about an inode but its names, its xattrs and a symlink's target.
struct InodeRecord {
  FileType type = FileType::kUnknown;
  uint32_t mode = 0;  // 07777
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t nlink = 0;  // exact; of a directory 2 + its subdirectories
  uint64_t generation = 0;
  uint64_t rdev = 0;
  Timestamp atime, mtime, ctime, btime;

  // Of a regular file: what the backing showed when the record was written. While it still shows seen_mtime, mtime is exact.
  uint64_t size = 0;
  uint64_t blocks = 0;
  Timestamp seen_mtime;

  std::optional<Place> home;  // unset for what the catalog holds alone (symlinks and special files made here)
  InodeId parent{};           // of a directory: the directory that names it (root: itself)

  bool imported = true;   // false: adopted by name only; mode, owner, times and xattrs are taken from the backing at first touch
  bool listed = false;    // of a directory: its home was taken over whole at least once
  bool in_use = false;    // lost its last name while it was open or not synced: the content may be another than these fields say
  bool linkable = false;  // made with O_TMPFILE: may get a first name although nlink is 0
  // Came back with a snapshot of the catalog, and its home has not been looked at since: it may be another's by now.
  bool unconfirmed = false;
  uint32_t flags = 0;  // FS_*_FL of ioctl_iflags(2), and those of policy/flags.h
  // Of a directory: the session in which its home was last compared since a crash, or in which it was made or adopted. Before the volume's
  // last crash: an entry without a record may be a file that lost it.
  uint64_t trusted_since = 0;

  bool operator==(const InodeRecord&) const = default;
};

// One name: a row of a directory.
struct NameRecord {
  InodeId inode{};
  FileType type = FileType::kUnknown;
  std::string name;  // the true bytes

  bool operator==(const NameRecord&) const = default;
};

// A backing step that is about to be made: the home of `inode` moves from `from` to `to`.
struct IntentRecord {
  InodeId inode{};
  Place from;
  Place to;
  // Of a regular file that a power cut may leave two entries of: what they both show.
  uint64_t size = 0;
  Timestamp mtime;

  bool operator==(const IntentRecord&) const = default;
};

// One row for the whole volume.
struct MetaRecord {
  uint32_t format_version = 1;
  std::string uuid;                            // the volume file's
  uint64_t hash_seed = 0;                      // of directory slots
  uint64_t next_inode = Raw(kFirstFreeInode);  // no number at or above it was ever given out
  uint64_t session = 0;                        // counts mounts; the generation of inodes made in one
  bool clean = true;                           // false while mounted for writing
  uint64_t inode_count = 0;                    // exact when clean
  uint64_t crash_session = 0;                  // the last one that began after a crash

  bool operator==(const MetaRecord&) const = default;
};

// Encoded records carry a version byte and a checksum over key and value, so that a record that was damaged, or moved to
// another key, is found out. Decode RETURNS: EUCLEAN for anything that does not verify, ENOTSUP for a newer version.
std::string Encode(std::string_view key, const InodeRecord& record);
std::string Encode(std::string_view key, const NameRecord& record);
std::string Encode(std::string_view key, const IntentRecord& record);
std::string Encode(std::string_view key, const MetaRecord& record);
std::string EncodeBytes(std::string_view key, std::string_view bytes);  // xattr values, symlink targets
std::string EncodeInode(std::string_view key, InodeId inode);           // who lives in a home

Result<InodeRecord> DecodeInodeRecord(std::string_view key, std::string_view value);
Result<NameRecord> DecodeNameRecord(std::string_view key, std::string_view value);
Result<IntentRecord> DecodeIntentRecord(std::string_view key, std::string_view value);
Result<MetaRecord> DecodeMetaRecord(std::string_view key, std::string_view value);
Result<std::string> DecodeBytes(std::string_view key, std::string_view value);
Result<InodeId> DecodeInode(std::string_view key, std::string_view value);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_CATALOG_RECORDS_H_
