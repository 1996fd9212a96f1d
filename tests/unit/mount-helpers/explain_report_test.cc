// How explain words things, and finds other paths to a place.
#include "mount-helpers/explain_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "mount-helpers/explain_caller.h"
#include "mount-helpers/explain_places.h"
#include "mount-helpers/explain_text.h"
#include "tests/unit/mount-helpers/explain_scene.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(ExplainText, WordsAreSafeInAShell) {
  EXPECT_EQ(ShellWord("/data/a-b_c.txt"), "/data/a-b_c.txt");
  EXPECT_EQ(ShellWord(""), "''");
  EXPECT_EQ(ShellWord("/my file"), "'/my file'");
  EXPECT_EQ(ShellWord("/it's $(x)"), "'/it'\\''s $(x)'");
  EXPECT_EQ(ShellWord("/a\nb'\\\x1B"), "$'/a\\012b\\'\\\\\\033'");
}

TEST(ExplainText, ModesAreAsLsShowsThem) {
  ExplainedInode inode = InodeOf("/f", FileType::kRegular, 06754, 0, 1);
  EXPECT_EQ(ModeText(inode), "-rwsr-sr--");
  inode.attributes.mode = 07000;
  EXPECT_EQ(ModeText(inode), "---S--S--T");
  inode = InodeOf("/d", FileType::kDirectory, 01777, 1011, 1);
  inode.group = "users";
  EXPECT_EQ(Describe(inode), "/d (drwxrwxrwt 1011 users)");
  EXPECT_EQ(OwnerText(inode), "1011 (no such user)");
}

TEST(ExplainReport, TellsTheFirstFailureAndWhatElseIsToBeCured) {
  ExplainFacts facts = SceneOf(ExplainedOperation::kLink, CallerWith(kBob));
  const std::string text = ReportForPeople(facts, ChecksOf(facts));
  EXPECT_THAT(text, HasSubstr("\nok    search /data/a (drwxr-xr-x 1000 1000)\n"));
  EXPECT_THAT(text, HasSubstr("\nFAIL  protected_hardlinks /data/a/f"));
  EXPECT_THAT(text, HasSubstr("\nalso  write-directory /data/b"));
  EXPECT_THAT(text, Not(HasSubstr("\nok    link-count")));
  EXPECT_THAT(text, HasSubstr("\nOperation not permitted (EPERM): another's file"));
  EXPECT_THAT(text, HasSubstr("\ncure: as root: chown 1001 /data/a/f"));
  facts = SceneOf(ExplainedOperation::kLink);
  EXPECT_THAT(ReportForPeople(facts, ChecksOf(facts)), HasSubstr("\nIt would succeed.\n"));
  facts.old_path.found->flags.reset();
  const std::string unsure = ReportForPeople(facts, ChecksOf(facts));
  EXPECT_THAT(unsure, HasSubstr("\n?     immutable /data/a/f"));
  EXPECT_THAT(unsure, HasSubstr("cannot tell: "));
  EXPECT_THAT(unsure, Not(HasSubstr("would succeed")));
}

TEST(ExplainReport, IsJsonForScripts) {
  ExplainFacts facts = SceneOf(ExplainedOperation::kLink, CallerWith(kBob));
  facts.old_path.given = "/data/\xFF";
  facts.caller.has_group = false;
  const auto report = nlohmann::json::parse(ReportAsJson(facts, ChecksOf(facts)));
  EXPECT_EQ(report["operation"], "link");
  EXPECT_EQ(report["verdict"], "refused");
  EXPECT_EQ(report["errno"], "EPERM");
  EXPECT_EQ(report["certain"], true);
  EXPECT_EQ(report["caller"]["uid"], kBob);
  EXPECT_TRUE(report["caller"]["gid"].is_null());
  EXPECT_EQ(report["checks"][0]["check"], "search");
  EXPECT_EQ(report["checks"][0]["result"], "pass");
  facts = SceneOf(ExplainedOperation::kLink);
  const auto allowed = nlohmann::json::parse(ReportAsJson(facts, ChecksOf(facts)));
  EXPECT_EQ(allowed["verdict"], "allowed");
  EXPECT_TRUE(allowed["errno"].is_null());
}

MountEntry Entry(uint64_t id, const std::string& device, const std::string& root, const std::string& at, const std::string& type = "ext4",
                 const std::string& source = "/dev/sda1") {
  return {.mountpoint = at, .type = type, .source = source, .id = id, .device = device, .root = root};
}

TEST(ExplainPlaces, AreFoundThroughOtherMounts) {
  const std::vector<MountEntry> table = {Entry(1, "8:1", "/", "/"), Entry(2, "8:1", "/data/dir", "/srv"),
                                         Entry(3, "8:2", "/", "/data/dir/other"),
                                         Entry(4, "0:44", "/", "/mirror", "fuse.bindfs", "/data/dir")};
  EXPECT_THAT(OtherPaths(table, table[1], "/srv/a/b"), ElementsAre("/srv/a/b", "/data/dir/a/b"));
  EXPECT_THAT(OtherPaths(table, table[1], "/srv"), ElementsAre("/srv", "/data/dir"));
  EXPECT_THAT(OtherPaths(table, table[0], "/data/dir/a"), ElementsAre("/data/dir/a", "/srv/a"));
  EXPECT_THAT(OtherPaths(table, table[0], "/data/directory"), ElementsAre("/data/directory"));
  EXPECT_THAT(OtherPaths(table, table[3], "/mirror/a"), ElementsAre("/mirror/a", "/data/dir/a"));
  EXPECT_THAT(OtherPaths(table, table[3], "/mirror"), ElementsAre("/mirror", "/data/dir"));
}

TEST(ExplainCaller, IsWhoeverIsNamed) {
  const auto root = std::get<ExplainedCaller>(CallerAs("root"));
  EXPECT_EQ(root.caller.uid, 0U);
  EXPECT_EQ(root.name, "root");
  EXPECT_FALSE(root.is_self);
  const auto nobody_known = std::get<ExplainedCaller>(CallerAs("3999999999"));
  EXPECT_EQ(nobody_known.caller.uid, 3999999999U);
  EXPECT_FALSE(nobody_known.has_group);
  EXPECT_FALSE(nobody_known.caller.Holds(0));
  const auto with_group = std::get<ExplainedCaller>(CallerAs("3999999999:0"));
  EXPECT_TRUE(with_group.has_group);
  EXPECT_TRUE(with_group.caller.IsIn(0));
  for (const char* const wrong : {"no-such-user", "", ":0", "0:no-such-group", "0:", "-1", "4294967295", "1x"}) {
    EXPECT_TRUE(std::holds_alternative<std::string>(CallerAs(wrong))) << wrong;
  }
  EXPECT_EQ(ThisCaller().caller.uid, geteuid());
}

}  // namespace
}  // namespace hardlinkfs
