// Facts of an ordinary case to begin with: Alice's file /data/a/f and the name /data/b/l, on one ext4 where nothing stands against
// anything.
#ifndef HARDLINKFS_TESTS_UNIT_MOUNT_HELPERS_EXPLAIN_SCENE_H_
#define HARDLINKFS_TESTS_UNIT_MOUNT_HELPERS_EXPLAIN_SCENE_H_

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "mount-helpers/explain_checks.h"
#include "mount-helpers/explain_facts.h"
#include "tests/unit/policy/callers.h"

namespace hardlinkfs {

inline constexpr auto kLink = ExplainedOperation::kLink;
inline constexpr auto kUnlink = ExplainedOperation::kUnlink;
inline constexpr auto kRename = ExplainedOperation::kRename;
inline constexpr auto kWrite = ExplainedOperation::kWrite;

inline constexpr uint32_t kAlice = 1000;
inline constexpr uint32_t kBob = 1001;

inline ExplainedMount MountOf(const std::string& type, const std::string& at = "/data", uint64_t id = 10,
                              const std::string& device = "8:1") {
  ExplainedMount mount;
  mount.entry = {.mountpoint = at,
                 .type = type,
                 .source = "/dev/sda1",
                 .id = id,
                 .device = device,
                 .root = "/",
                 .options = {"rw"},
                 .super_options = {"rw"}};
  mount.driver = type;
  return mount;
}

inline ExplainedInode InodeOf(const std::string& path, FileType type, uint32_t mode, uint32_t uid, uint64_t number) {
  ExplainedInode inode{.path = path, .device = 1, .mount = MountOf("ext4"), .flags = 0, .project = 0};
  inode.attributes = {.number = number, .type = type, .mode = mode, .uid = uid, .gid = uid, .nlink = 1, .size = 4, .blocks = 8};
  return inode;
}

inline ExplainedPath PathOf(const std::string& given, const std::string& directory, uint64_t number) {
  ExplainedPath path{.given = given};
  path.lookups.push_back(
      {.directory = InodeOf(directory, FileType::kDirectory, 0755, kAlice, number), .symlink = std::nullopt, .is_last = true});
  path.last_name = given.substr(given.rfind('/') + 1);
  return path;
}

inline ExplainFacts SceneOf(ExplainedOperation operation, const Caller& caller = CallerWith(kAlice)) {
  ExplainFacts facts;
  facts.operation = operation;
  facts.caller.caller = caller;
  facts.caller.name = "somebody";
  facts.kernel.protected_hardlinks = true;
  facts.kernel.protected_symlinks = true;
  facts.old_path = PathOf("/data/a/f", "/data/a", 2);
  facts.old_path.found = InodeOf("/data/a/f", FileType::kRegular, 0644, kAlice, 3);
  if (operation == ExplainedOperation::kLink || operation == ExplainedOperation::kRename) {
    facts.new_path = PathOf("/data/b/l", "/data/b", 4);
    facts.new_path->last_error = ENOENT;
    facts.new_path->failed_at = "/data/b/l";
  }
  facts.room = {.is_known = true, .blocks = 100, .free_blocks = 50, .available_blocks = 50, .inodes = 10, .free_inodes = 5};
  return facts;
}

inline ExplainedInode& ParentOf(ExplainedPath& path) { return path.lookups.back().directory; }

// All inodes of the scene lie there.
inline void MoveTo(ExplainFacts& facts, const ExplainedMount& mount) {
  ParentOf(facts.old_path).mount = mount;
  if (facts.old_path.found.has_value()) facts.old_path.found->mount = mount;
  if (!facts.new_path.has_value()) return;
  ParentOf(*facts.new_path).mount = mount;
  if (facts.new_path->found.has_value()) facts.new_path->found->mount = mount;
}

// NEW is there.
inline ExplainedInode& PutNew(ExplainFacts& facts, FileType type, uint32_t uid = kAlice) {
  facts.new_path->last_error = 0;
  facts.new_path->found = InodeOf("/data/b/l", type, 0755, uid, 5);
  return *facts.new_path->found;
}

// RETURNS: "ERRNO rule" of the first check that fails, "? rule" of the first that cannot be told if none fails, "ok" when all pass.
inline std::string Ask(const ExplainFacts& facts) {
  const std::vector<Check> checks = ChecksOf(facts);
  const Verdict verdict = VerdictOf(checks);
  if (verdict.outcome == Outcome::kPass) return "ok";
  if (verdict.first != nullptr) return std::string(strerrorname_np(verdict.first->code)) + " " + verdict.first->rule;
  for (const Check& check : checks) {
    if (check.outcome == Outcome::kUnknown) return "? " + check.rule;
  }
  return "";
}

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_UNIT_MOUNT_HELPERS_EXPLAIN_SCENE_H_
