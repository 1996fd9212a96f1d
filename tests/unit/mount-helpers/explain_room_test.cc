// What explain makes of full filesystems and quotas.
#include <linux/capability.h>

#include <cerrno>

#include "tests/unit/mount-helpers/explain_scene.h"

namespace hardlinkfs {
namespace {

ExplainFacts Full(ExplainedOperation operation, const Caller& caller = CallerWith(kAlice)) {
  ExplainFacts facts = SceneOf(operation, caller);
  facts.room.free_blocks = 0;
  facts.room.available_blocks = 0;
  facts.room.has_inline_data = false;
  return facts;
}

void Empty(ExplainFacts& facts) {
  facts.old_path.found->attributes.size = 0;
  facts.old_path.found->attributes.blocks = 0;
}

TEST(ExplainRoom, ForANameIsOnlyNeededWhereTheDirectoryHasNone) {
  for (const ExplainedOperation operation : {kLink, kRename}) {
    ExplainFacts facts = Full(operation);
    EXPECT_EQ(Ask(facts), "? space");
    facts.room.name_bytes = 12;  // what the name "l" takes
    EXPECT_EQ(Ask(facts), "? space");
    facts.room.name_bytes = 11;
    EXPECT_EQ(Ask(facts), "ENOSPC space");
    MoveTo(facts, MountOf("tmpfs"));
    EXPECT_EQ(Ask(facts), "ok");
  }
  ExplainFacts facts = Full(kRename);
  PutNew(facts, FileType::kRegular);
  EXPECT_EQ(Ask(facts), "ok") << "it takes the place of the other";
}

TEST(ExplainRoom, ForContentIsNeededForTheFirstBlock) {
  ExplainFacts facts = Full(kWrite);
  EXPECT_EQ(Ask(facts), "? space");
  Empty(facts);
  EXPECT_EQ(Ask(facts), "ENOSPC space");
  facts.room.has_inline_data = true;
  EXPECT_EQ(Ask(facts), "? space");
  facts.room.has_inline_data.reset();
  EXPECT_EQ(Ask(facts), "? space");
  MoveTo(facts, MountOf("btrfs"));
  EXPECT_EQ(Ask(facts), "? space");
  facts.room.blocks = 0;
  EXPECT_EQ(Ask(facts), "ok") << "nobody counts";
}

TEST(ExplainRoom, ReservedBlocksAreForSome) {
  ExplainFacts facts = Full(kWrite);
  Empty(facts);
  facts.room.free_blocks = 50;
  facts.room.held_blocks = 10;
  EXPECT_EQ(Ask(facts), "ENOSPC space");
  facts.caller.caller = CallerWith(kAlice, {}, {CAP_SYS_RESOURCE});
  EXPECT_EQ(Ask(facts), "ok");
  facts.room.held_blocks = 50;
  EXPECT_EQ(Ask(facts), "ENOSPC space");
  facts.room.held_blocks.reset();
  EXPECT_EQ(Ask(facts), "? space");
  facts.room.held_blocks = 0;
  facts.caller.caller = CallerWith(kAlice);
  facts.old_path.found->mount.entry.super_options = {"rw", "resuid=1000"};
  EXPECT_EQ(Ask(facts), "ok");
  facts.old_path.found->mount.entry.super_options = {"rw", "resgid=7"};
  EXPECT_EQ(Ask(facts), "ENOSPC space");
  facts.caller.caller = CallerWith(kAlice, {7});
  EXPECT_EQ(Ask(facts), "ok");
}

TEST(ExplainRoom, InodesAreTakenByLinksOfTmpfsAlone) {
  ExplainFacts facts = SceneOf(kLink);
  facts.room.free_inodes = 0;
  EXPECT_EQ(Ask(facts), "ok");
  MoveTo(facts, MountOf("tmpfs"));
  EXPECT_EQ(Ask(facts), "ENOSPC inodes");
  facts.room.inodes = 0;
  EXPECT_EQ(Ask(facts), "ok") << "nobody counts";
  facts = SceneOf(kRename);
  facts.room.free_inodes = 0;
  MoveTo(facts, MountOf("tmpfs"));
  EXPECT_EQ(Ask(facts), "ok");
}

TEST(ExplainRoom, QuotasAreOfTheOwnerOfWhatGrows) {
  ExplainFacts facts = SceneOf(kWrite);
  Empty(facts);
  facts.room.has_inline_data = false;
  facts.room.quotas = {{.kind = QuotaKind::kUser, .id = kAlice, .used = 8192, .hard_limit = 12288}};
  EXPECT_EQ(Ask(facts), "ok");
  facts.room.quotas[0].used = 8193;
  EXPECT_EQ(Ask(facts), "EDQUOT quota");
  facts.caller.caller = CallerWith(kAlice, {}, {CAP_SYS_RESOURCE});
  EXPECT_EQ(Ask(facts), "ok");
  MoveTo(facts, MountOf("xfs"));
  EXPECT_EQ(Ask(facts), "EDQUOT quota") << "xfs exempts root's own files alone";
  facts.room.quotas[0].id = 0;
  EXPECT_EQ(Ask(facts), "ok");
}

TEST(ExplainRoom, SoftLimitsHoldAfterTheirGrace) {
  ExplainFacts facts = SceneOf(kLink);
  facts.room.quotas = {{.kind = QuotaKind::kGroup, .id = 7, .used = 100000, .soft_limit = 50000}};
  EXPECT_EQ(Ask(facts), "ok");
  facts.room.quotas[0].grace_is_over = true;
  EXPECT_EQ(Ask(facts), "? quota") << "the directory may have room for the name";
  facts.room.name_bytes = 0;
  EXPECT_EQ(Ask(facts), "EDQUOT quota");
  facts.room.quotas[0].error = EPERM;
  EXPECT_EQ(Ask(facts), "? quota");
}

}  // namespace
}  // namespace hardlinkfs
