// ExplainFacts: all that `hardlinkfs explain` has found out about one operation, before anything is decided. Values: explain_gather.h fills
// them in from a machine, the unit tests by hand.
#ifndef HARDLINKFS_MOUNT_HELPERS_EXPLAIN_FACTS_H_
#define HARDLINKFS_MOUNT_HELPERS_EXPLAIN_FACTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mount-helpers/explain_arguments.h"
#include "mount-helpers/mount_table.h"
#include "policy/policy.h"
#include "store/base/acl.h"
#include "store/base/attributes.h"
#include "store/base/caller.h"

namespace hardlinkfs {

struct ExplainedCaller {
  Caller caller;              // capabilities in his user namespace
  std::string name;           // empty: no entry in passwd(5)
  bool is_self = true;        // who asks, whose own errors are the answer
  bool has_group = true;      // false: only a uid is known, and he counts as in no group
  std::vector<gid_t> groups;  // the supplementary ones
};

struct ExplainedMount {
  MountEntry entry;
  std::string driver;  // what decides: the type, but "ext4" for ext2 and ext3 that ext4 serves, "fuse.exfat" for a fuseblk of exFAT
};

// What of an inode's own explain could not see is nullopt.
struct ExplainedInode {
  std::string path;    // absolute, without symlinks
  int look_error = 0;  // stat(2) of it as explain itself; then only `path` and `mount` count
  Attributes attributes;
  std::string owner;  // the name; empty: no entry in passwd(5), group(5)
  std::string group;
  uint64_t device = 0;  // st_dev
  ExplainedMount mount;
  bool is_mount_root = false;
  bool is_encrypted = false;      // by fscrypt
  std::optional<uint32_t> flags;  // FS_*_FL that forbid something
  bool knows_acl = true;
  std::optional<Acl> acl;
  std::optional<uint32_t> project;
  bool passes_project_on = false;  // FS_XFLAG_PROJINHERIT
};

// One step of path_resolution(7): a name is looked up in a directory.
struct LookedUp {
  ExplainedInode directory;
  std::optional<ExplainedInode> symlink;  // that the name is, and that was followed
  bool is_last = false;                   // nothing followed after it
};

enum class LastComponent { kName, kDot, kDotDot, kRoot };

struct ExplainedPath {
  std::string given;
  std::vector<LookedUp> lookups;  // the last one's directory is the parent
  LastComponent last = LastComponent::kName;
  std::string last_name;
  bool ends_in_slash = false;
  int walk_error = 0;       // before the last component; `failed_at` says where
  int last_error = 0;       // of the lookup of the last component
  std::string failed_at;    // a path
  bool was_barred = false;  // the error may be explain's own, and not the caller's
  std::optional<ExplainedInode> found;

  // REQUIRES: has_parent()
  const ExplainedInode& parent() const { return lookups.back().directory; }
  bool has_parent() const { return walk_error == 0 && !lookups.empty(); }
  // RETURNS: what was found, if it could be looked at; else null.
  const ExplainedInode* seen() const { return found.has_value() && found->look_error == 0 ? &*found : nullptr; }
};

struct IdRange {
  uint32_t first = 0;
  uint32_t count = 0;
};

struct ExplainedKernel {
  std::optional<bool> protected_hardlinks;
  std::optional<bool> protected_symlinks;
  std::vector<IdRange> uids{{0, UINT32_MAX}};  // that have a number in the user namespace; privilege holds over no others
  std::vector<IdRange> gids{{0, UINT32_MAX}};
  bool is_initial_namespace = true;
  bool admin_enters_fuse = false;     // fuse.allow_sys_admin_access
  std::vector<std::string> security;  // modules that may refuse by rules of their own
};

enum class QuotaKind { kUser, kGroup, kProject };

struct ExplainedQuota {
  QuotaKind kind = QuotaKind::kUser;
  uint32_t id = 0;
  int error = 0;               // why it could not be read
  uint64_t used = 0;           // bytes
  uint64_t hard_limit = 0;     // 0: none
  uint64_t soft_limit = 0;     // 0: none
  bool grace_is_over = false;  // of the soft limit
};

// Of the filesystem where a name or content would be added.
struct ExplainedRoom {
  bool is_known = false;
  uint64_t block_bytes = 4096;
  uint64_t blocks = 0;  // 0: not counted
  uint64_t free_blocks = 0;
  uint64_t available_blocks = 0;        // to those without privilege
  std::optional<uint64_t> held_blocks;  // that the filesystem gives to nobody's data
  uint64_t inodes = 0;                  // 0: not counted
  uint64_t free_inodes = 0;
  std::optional<uint64_t> name_bytes;   // at most so many are free for another entry in the directory's only block (ext4)
  std::optional<bool> has_inline_data;  // whether this ext4 keeps small contents in inodes
  std::vector<ExplainedQuota> quotas;   // enforced ones
};

// The same two places by paths of one mount.
struct OneMount {
  std::string old_path;
  std::string new_path;
};

// What the server of a hardlinkfs says of its mount.
struct ExplainedServer {
  int error = 0;        // why it could not be asked
  std::string state;    // as in `hardlinkfs status`
  std::string failure;  // what has failed, when the state is "failed"
  bool reserve_whole = true;
  std::optional<Policy> policy;  // in force; nullopt: it cannot be read
  bool is_mirror = false;        // names=backing
  std::string source;            // the directory that is mounted
};

struct ExplainFacts {
  ExplainedOperation operation = ExplainedOperation::kLink;
  ExplainedCaller caller;
  ExplainedKernel kernel;
  ExplainedPath old_path;  // the only one of unlink and write
  std::optional<ExplainedPath> new_path;
  ExplainedRoom room;
  std::optional<OneMount> one_mount;
  std::optional<ExplainedServer> server;  // of a hardlinkfs
  std::optional<bool> replaced_is_empty;  // a directory that rename would replace
  bool old_is_swap = false;               // swapon(8) has it
  bool new_is_swap = false;
  bool old_is_executed = false;  // as far as explain may see
};

// RETURNS: the inode that is to change: the directory of the new name, or of the one that goes, or the file that is written; null when the
// way there ended before.
inline const ExplainedInode* PlaceOf(const ExplainFacts& facts) {
  if (facts.operation == ExplainedOperation::kWrite) return facts.old_path.seen();
  const ExplainedPath& path = facts.new_path.has_value() ? *facts.new_path : facts.old_path;
  return path.has_parent() ? &path.parent() : nullptr;
}

}  // namespace hardlinkfs

#endif  // HARDLINKFS_MOUNT_HELPERS_EXPLAIN_FACTS_H_
