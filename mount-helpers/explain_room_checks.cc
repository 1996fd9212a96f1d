#include "mount-helpers/explain_room_checks.h"

#include <linux/capability.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include "mount-helpers/explain_access.h"
#include "mount-helpers/explain_filesystems.h"
#include "mount-helpers/explain_text.h"

namespace hardlinkfs {
namespace {

// Whether a block would be taken.
enum class Need { kNo, kMaybe, kYes };

Outcome Refusal(Need need) { return need == Need::kYes ? Outcome::kFail : Outcome::kUnknown; }

constexpr char kOnlyIfBlock[] = "; it is refused if it takes another block";

// ext4_has_free_clusters: for whom the reserved blocks of tune2fs(8) are. The options show what is not the default, 0; a group of 0 is
// nobody's.
bool MayUseReserved(const ExplainFacts& facts, const ExplainedMount& mount) {
  const Caller& caller = facts.caller.caller;
  if (HoldsInMachine(facts, CAP_SYS_RESOURCE)) return true;
  if (facts.kernel.is_initial_namespace && caller.uid == NumberOption(mount.entry.super_options, "resuid=").value_or(0)) return true;
  const uint32_t group = NumberOption(mount.entry.super_options, "resgid=").value_or(0);
  return group != 0 && caller.IsIn(group);
}

// kPass: there is a block for him; kFail: there is none.
Outcome HasBlock(const ExplainFacts& facts, const ExplainedMount& mount) {
  const ExplainedRoom& room = facts.room;
  if (room.blocks == 0 || room.available_blocks > 0) return Outcome::kPass;
  if (room.free_blocks == 0 || mount.driver != "ext4") return room.free_blocks == 0 ? Outcome::kFail : Outcome::kUnknown;
  if (!MayUseReserved(facts, mount)) return Outcome::kFail;
  if (!room.held_blocks.has_value()) return Outcome::kUnknown;
  return room.free_blocks > *room.held_blocks ? Outcome::kPass : Outcome::kFail;
}

void CheckBlocks(CheckList& list, const ExplainedInode& where, Need need) {
  const ExplainedRoom& room = list.facts().room;
  const std::string subject = Describe(where.mount);
  const Outcome has = need == Need::kNo ? Outcome::kPass : HasBlock(list.facts(), where.mount);
  if (has == Outcome::kPass) {
    list.Pass("space", subject);
    return;
  }
  std::string reason = "no free block";
  if (room.free_blocks > 0)
    reason += " for this caller: " + std::to_string(room.free_blocks) + " are kept for root or the filesystem itself";
  const bool is_certain = has == Outcome::kFail && need == Need::kYes;
  if (!is_certain) reason += kOnlyIfBlock;
  list.Add({"space", subject, is_certain ? Outcome::kFail : Outcome::kUnknown, ENOSPC, reason, "remove something from " + subject});
}

void CheckInodes(CheckList& list, const ExplainedInode& directory) {
  const ExplainedRoom& room = list.facts().room;
  if (room.inodes == 0 || room.free_inodes > 0) return;
  const std::string subject = Describe(directory.mount);
  // shmem_link takes one for every name; elsewhere a link is no inode.
  if (directory.mount.driver == "tmpfs" && list.facts().operation == ExplainedOperation::kLink) {
    list.Fail("inodes", subject, ENOSPC, "no free inode, and tmpfs takes one for every name",
              "remove something from " + subject + ", or mount -o remount,nr_inodes=");
  } else {
    list.Pass("inodes", subject + ": none is free, and none is needed");
  }
}

std::string OfWhom(const ExplainedQuota& quota) {
  switch (quota.kind) {
    case QuotaKind::kUser:
      return "user " + std::to_string(quota.id);
    case QuotaKind::kGroup:
      return "group " + std::to_string(quota.id);
    case QuotaKind::kProject:
      break;
  }
  return "project " + std::to_string(quota.id);
}

bool IsExempt(const ExplainFacts& facts, const ExplainedMount& mount, const ExplainedQuota& quota) {
  if (mount.driver == "xfs") return quota.id == 0;
  return HoldsInMachine(facts, CAP_SYS_RESOURCE);
}

// A block is charged to the inode that grows: its owner, group and project, whoever writes.
void CheckQuota(CheckList& list, const ExplainedInode& where, const ExplainedQuota& quota, Need need) {
  const std::string subject = OfWhom(quota) + " on " + Describe(where.mount);
  if (need == Need::kNo || IsExempt(list.facts(), where.mount, quota)) {
    list.Pass("quota", subject);
    return;
  }
  if (quota.error != 0) {
    list.CannotTell("quota", subject, EDQUOT, "it cannot be read: " + std::string(strerrordesc_np(quota.error)), "run explain as root");
    return;
  }
  const bool at_hard_limit = quota.hard_limit != 0 && quota.used + list.facts().room.block_bytes > quota.hard_limit;
  const bool beyond_soft = quota.soft_limit != 0 && quota.grace_is_over && quota.used + list.facts().room.block_bytes > quota.soft_limit;
  if (!at_hard_limit && !beyond_soft) {
    list.Pass("quota", subject);
    return;
  }
  const uint64_t limit = at_hard_limit ? quota.hard_limit : quota.soft_limit;
  std::string reason = std::to_string(quota.used) + " of " + std::to_string(limit) + " bytes are used by what this " +
                       (quota.kind == QuotaKind::kProject ? "project has" : "owner has");
  if (need != Need::kYes) reason += kOnlyIfBlock;
  list.Add(
      {"quota", subject, Refusal(need), EDQUOT, reason, "remove something of " + OfWhom(quota) + ", or raise the limit (setquota(8))"});
}

void CheckRoom(CheckList& list, const ExplainedInode& where, Need need) {
  CheckBlocks(list, where, need);
  for (const ExplainedQuota& quota : list.facts().room.quotas) CheckQuota(list, where, quota, need);
}

// What an entry takes in a directory of ext4: EXT4_DIR_ENTRY.
uint64_t EntryBytes(const std::string& name) { return (8 + name.size() + 3) / 4 * 4; }

Need NeedOfName(const ExplainedRoom& room, const ExplainedInode& directory, const std::string& name) {
  const std::string& driver = directory.mount.driver;
  if (driver == "tmpfs" || driver == "ramfs" || driver == "devtmpfs") return Need::kNo;
  if (room.name_bytes.has_value() && EntryBytes(name) > *room.name_bytes) return Need::kYes;
  return Need::kMaybe;
}

}  // namespace

void CheckRoomForName(CheckList& list, const ExplainedInode& directory, const std::string& name) {
  const ExplainedRoom& room = list.facts().room;
  if (!room.is_known) return;
  CheckInodes(list, directory);
  CheckRoom(list, directory, NeedOfName(room, directory, name));
}

void CheckRoomForContent(CheckList& list, const ExplainedInode& file) {
  const ExplainedRoom& room = list.facts().room;
  if (!room.is_known || file.attributes.type != FileType::kRegular) return;
  const std::string& driver = file.mount.driver;
  const bool keeps_no_content_in_inodes = driver == "xfs" || driver == "tmpfs" || (driver == "ext4" && room.has_inline_data == false);
  const bool is_empty = file.attributes.size == 0 && file.attributes.blocks == 0;
  CheckRoom(list, file, keeps_no_content_in_inodes && is_empty ? Need::kYes : Need::kMaybe);
}

}  // namespace hardlinkfs
