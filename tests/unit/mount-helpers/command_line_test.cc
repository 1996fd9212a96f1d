#include "mount-helpers/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/fs.h>

#include <vector>

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Command Parse(const std::vector<const char*>& words) { return ParseCommandLine(static_cast<int>(words.size()), words.data()); }

template <typename Kind>
Kind As(const std::vector<const char*>& words) {
  const Command command = Parse(words);
  EXPECT_TRUE(std::holds_alternative<Kind>(command)) << "another kind of command";
  return std::holds_alternative<Kind>(command) ? std::get<Kind>(command) : Kind{};
}

std::string UsageErrorOf(const std::vector<const char*>& words) {
  const Command command = Parse(words);
  const auto* const error = std::get_if<UsageError>(&command);
  return error == nullptr ? "(accepted)" : error->line;
}

TEST(CommandLine, MountTakesSourceMountpointAndOptions) {
  const auto command = As<MountCommand>({"hardlinkfs", "mount", "-f", "-o", "ro,uid=1", "/a", "/b"});
  EXPECT_TRUE(command.foreground);
  EXPECT_FALSE(command.fake);
  EXPECT_EQ(command.options, "ro,uid=1");
  EXPECT_EQ(command.source, "/a");
  EXPECT_EQ(command.mountpoint, "/b");
}

TEST(CommandLine, OptionsMayComeAnywhereAndSeveralTimes) {
  const auto command = As<MountCommand>({"/usr/bin/hardlinkfs", "mount", "/a", "-oro", "/b", "-o", "uid=1"});
  EXPECT_EQ(command.options, "ro,uid=1");
  EXPECT_EQ(command.mountpoint, "/b");
}

TEST(CommandLine, HelperIsCalledAsMountCallsIt) {
  const auto command = As<MountCommand>({"/sbin/mount.hardlinkfs", "/dev/x", "/b", "-n", "-s", "-v", "-o", "rw,nosuid"});
  EXPECT_FALSE(command.foreground);
  EXPECT_EQ(command.unknown_options, UnknownOptions::kIgnore);
  EXPECT_EQ(command.options, "rw,nosuid");
  EXPECT_EQ(command.source, "/dev/x");
}

TEST(CommandLine, HelpersMinusFIsFakeAndNotForeground) {
  const auto command = As<MountCommand>({"mount.hardlinkfs", "/a", "/b", "-f"});
  EXPECT_TRUE(command.fake);
  EXPECT_FALSE(command.foreground);
  EXPECT_EQ(command.unknown_options, UnknownOptions::kRefuse);
}

TEST(CommandLine, ProbeTakesADirectory) { EXPECT_EQ(As<ProbeCommand>({"hardlinkfs", "probe", "/mnt"}).directory, "/mnt"); }

TEST(CommandLine, SyncAndStatusTakeAPath) {
  EXPECT_EQ(As<SyncCommand>({"hardlinkfs", "sync", "/mnt"}).path, "/mnt");
  EXPECT_EQ(As<StatusCommand>({"hardlinkfs", "status", "/mnt"}).path, "/mnt");
  EXPECT_FALSE(As<StatusCommand>({"hardlinkfs", "status", "/mnt"}).json);
  EXPECT_TRUE(As<StatusCommand>({"hardlinkfs", "status", "--json", "/mnt"}).json);
}

TEST(CommandLine, NamesTakesFiles) {
  const auto command = As<NamesCommand>({"hardlinkfs", "names", "/mnt/a", "b"});
  EXPECT_THAT(command.files, ElementsAre("/mnt/a", "b"));
  EXPECT_EQ(command.end, PathEnd::kNewline);
  EXPECT_EQ(As<NamesCommand>({"hardlinkfs", "names", "-0", "a"}).end, PathEnd::kNull);
  EXPECT_EQ(As<NamesCommand>({"hardlinkfs", "names", "a", "--null"}).end, PathEnd::kNull);
  EXPECT_THAT(As<NamesCommand>({"hardlinkfs", "names", "--", "-0", "--null"}).files, ElementsAre("-0", "--null"));
}

TEST(CommandLine, FlagTakesChangesAsChattrDoes) {
  const auto change = [](const std::vector<const char*>& words) {
    std::vector<const char*> all{"hardlinkfs", "flag"};
    all.insert(all.end(), words.begin(), words.end());
    const auto command = As<FlagCommand>(all);
    EXPECT_THAT(command.files, ElementsAre("f")) << words[0];
    const FlagChange none;
    return std::pair(command.change.value_or(none).set, command.change.value_or(none).clear);
  };
  constexpr uint32_t kAll = FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL | FS_SYNC_FL | 0x08000000;
  EXPECT_EQ(change({"+immutable", "f"}), std::pair(uint32_t{FS_IMMUTABLE_FL}, 0U));
  EXPECT_EQ(change({"+iunlink,-nodump", "f"}), std::pair(0x08000000U, uint32_t{FS_NODUMP_FL}));
  EXPECT_EQ(change({"-nodump,noatime", "+sync", "f"}), std::pair(uint32_t{FS_SYNC_FL}, uint32_t{FS_NODUMP_FL | FS_NOATIME_FL}));
  EXPECT_EQ(change({"-append", "-R", "f"}), std::pair(0U, uint32_t{FS_APPEND_FL}));
  EXPECT_EQ(change({"-R", "-append", "--", "f"}), std::pair(0U, uint32_t{FS_APPEND_FL}));
  EXPECT_EQ(change({"=append,nodump", "f"}),
            std::pair(uint32_t{FS_APPEND_FL | FS_NODUMP_FL}, kAll & ~uint32_t{FS_APPEND_FL | FS_NODUMP_FL}));
  EXPECT_EQ(change({"=", "f"}), std::pair(0U, kAll));
  EXPECT_EQ(change({"--change", "-append", "f"}), std::pair(0U, uint32_t{FS_APPEND_FL}));
  EXPECT_EQ(change({"f", "--change=+append"}), std::pair(uint32_t{FS_APPEND_FL}, 0U));
  EXPECT_FALSE(As<FlagCommand>({"hardlinkfs", "flag", "f"}).change.has_value());
  EXPECT_EQ(As<FlagCommand>({"hardlinkfs", "flag", "f"}).depth, Depth::kFile);
  EXPECT_EQ(As<FlagCommand>({"hardlinkfs", "flag", "f", "-R"}).depth, Depth::kTree);
}

TEST(CommandLine, FilesOfFlagMayLookLikeChanges) {
  EXPECT_THAT(As<FlagCommand>({"hardlinkfs", "flag", "a", "+sync", "="}).files, ElementsAre("a", "+sync", "="));
  EXPECT_THAT(As<FlagCommand>({"hardlinkfs", "flag", "+sync", "--", "-nodump", "-R"}).files, ElementsAre("-nodump", "-R"));
  EXPECT_THAT(As<FlagCommand>({"hardlinkfs", "flag", "./-nodump"}).files, ElementsAre("./-nodump"));
}

TEST(CommandLine, FlagsHaveNames) {
  EXPECT_EQ(FlagNames(0), "-");
  EXPECT_EQ(FlagNames(FS_SYNC_FL | FS_IMMUTABLE_FL | FS_EXTENT_FL), "immutable,sync");
  EXPECT_EQ((FlagChange{.set = 1, .clear = 6}).Apply(12), 9U);
}

TEST(CommandLine, PathsOnATerminalHaveNoControlCharacters) {
  EXPECT_EQ(ShownOnTerminal("a\x1b[31m\n\t\x7f caf\xc3\xa9"), "a?[31m??? caf\xc3\xa9");
}

TEST(CommandLine, VersionNamesTheLibraries) {
  const std::string text = As<PrintCommand>({"hardlinkfs", "--version"}).text;
  EXPECT_THAT(text, HasSubstr("hardlinkfs 0."));
  EXPECT_THAT(text, HasSubstr("libfuse 3."));
  EXPECT_THAT(text, HasSubstr("RocksDB "));
  EXPECT_EQ(text.back(), '\n');
}

TEST(CommandLine, HelpOfMountListsTheOptions) {
  EXPECT_THAT(As<PrintCommand>({"hardlinkfs", "mount", "--help"}).text, HasSubstr("commit="));
  EXPECT_THAT(As<PrintCommand>({"hardlinkfs", "--help"}).text, HasSubstr("probe"));
  EXPECT_THAT(As<PrintCommand>({"mount.hardlinkfs", "--help"}).text, HasSubstr("commit="));
}

TEST(CommandLine, WhatIsWrongIsOneLine) {
  for (const std::string& line :
       {UsageErrorOf({"hardlinkfs"}), UsageErrorOf({"hardlinkfs", "mount"}), UsageErrorOf({"hardlinkfs", "mount", "/a"}),
        UsageErrorOf({"hardlinkfs", "mount", "/a", "/b", "/c"}), UsageErrorOf({"hardlinkfs", "frobnicate"}),
        UsageErrorOf({"hardlinkfs", "sync"}), UsageErrorOf({"hardlinkfs", "names"}), UsageErrorOf({"hardlinkfs", "flag"}),
        UsageErrorOf({"hardlinkfs", "flag", "+sync"}), UsageErrorOf({"hardlinkfs", "flag", "-x", "f"}),
        UsageErrorOf({"hardlinkfs", "status", "/a", "/b"}), UsageErrorOf({"hardlinkfs", "mount", "-x", "/a", "/b"}),
        UsageErrorOf({"mount.hardlinkfs", "/a"})}) {
    EXPECT_NE(line, "(accepted)");
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    EXPECT_THAT(line, HasSubstr("--help"));
  }
}

TEST(CommandLine, ChangesThatMakeNoSenseAreUsageErrors) {
  for (const char* const change : {"+nonsense", "+", "-nodump,", "+sync,,nodump", "=sync,+append", "+sync,-sync", "+i"}) {
    const std::string line = UsageErrorOf({"hardlinkfs", "flag", change, "f"});
    EXPECT_NE(line, "(accepted)") << change;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  }
  EXPECT_THAT(UsageErrorOf({"hardlinkfs", "flag", "+nonsense", "f"}), HasSubstr("immutable, append, nodump, noatime, sync, iunlink"));
}

TEST(CommandLine, FsckIsCalledAsFsckCallsIt) {
  const auto command = As<FsckCommand>({"/sbin/fsck.hardlinkfs", "-a", "-T", "-C", "5", "/d"});
  EXPECT_EQ(command.mode, RepairMode::kSafe);
  EXPECT_EQ(command.progress, 5);
  EXPECT_EQ(command.directory, "/d");
  EXPECT_EQ(As<FsckCommand>({"fsck.hardlinkfs", "-fy", "-C", "/d"}).progress, 0);
  EXPECT_EQ(As<FsckCommand>({"fsck.hardlinkfs", "-fyC3", "/d"}).progress, 3);
  EXPECT_FALSE(As<FsckCommand>({"fsck.hardlinkfs", "-p", "/d"}).progress.has_value());
  const auto tool = As<FsckCommand>({"hardlinkfs", "fsck", "-nv", "-o", "store=/s", "/d"});
  EXPECT_EQ(tool.mode, RepairMode::kNothing);
  EXPECT_TRUE(tool.verbose);
  EXPECT_EQ(tool.options, "store=/s");
  EXPECT_THAT(As<PrintCommand>({"fsck.hardlinkfs", "-V"}).text, HasSubstr("hardlinkfs"));
}

TEST(CommandLine, FsckHasItsOwnStatusForUsage) {
  for (const std::vector<const char*>& words : std::vector<std::vector<const char*>>{{"fsck.hardlinkfs"},
                                                                                     {"fsck.hardlinkfs", "-n", "-y", "/d"},
                                                                                     {"fsck.hardlinkfs", "-p", "-n", "/d"},
                                                                                     {"hardlinkfs", "fsck", "--no"}}) {
    EXPECT_EQ(As<UsageError>(words).status, 16) << words.back();
  }
  EXPECT_EQ(As<UsageError>({"hardlinkfs", "mount"}).status, 1);
}

TEST(CommandLine, RebuildTakesADirectory) {
  const auto command = As<RebuildCommand>({"hardlinkfs", "rebuild", "-y", "--force", "-o", "uid=1", "/d"});
  EXPECT_TRUE(command.yes);
  EXPECT_TRUE(command.force);
  EXPECT_EQ(command.options, "uid=1");
  EXPECT_EQ(command.directory, "/d");
}

TEST(CommandLine, ExplainTakesAnOperationAndItsPaths) {
  const auto link = As<ExplainCommand>({"hardlinkfs", "explain", "link", "/a", "/b", "--as", "1000:users", "--json"});
  EXPECT_EQ(link.operation, ExplainedOperation::kLink);
  EXPECT_EQ(link.old_path, "/a");
  EXPECT_EQ(link.new_path, "/b");
  EXPECT_EQ(link.as, "1000:users");
  EXPECT_TRUE(link.json);
  EXPECT_EQ(As<ExplainCommand>({"hardlinkfs", "explain", "--as", "x", "rename", "/a", "/b"}).operation, ExplainedOperation::kRename);
  EXPECT_EQ(As<ExplainCommand>({"hardlinkfs", "explain", "unlink", "--", "-a"}).old_path, "-a");
  EXPECT_EQ(As<ExplainCommand>({"hardlinkfs", "explain", "write", "/a"}).operation, ExplainedOperation::kWrite);
}

TEST(CommandLine, ExplainHasItsOwnStatusForUsage) {
  const std::vector<std::vector<const char*>> wrong = {{"hardlinkfs", "explain"},
                                                       {"hardlinkfs", "explain", "frob", "/a"},
                                                       {"hardlinkfs", "explain", "link", "/a"},
                                                       {"hardlinkfs", "explain", "unlink", "/a", "/b"},
                                                       {"hardlinkfs", "explain", "link", "/a", "/b", "--as"},
                                                       {"hardlinkfs", "explain", "link", "/a", "/b", "unlink", "/c"}};
  for (const auto& words : wrong) {
    const Command command = Parse(words);
    ASSERT_TRUE(std::holds_alternative<UsageError>(command));
    EXPECT_EQ(std::get<UsageError>(command).status, 2);
    EXPECT_EQ(std::get<UsageError>(command).line.find('\n'), std::string::npos);
  }
  EXPECT_THAT(UsageErrorOf({"hardlinkfs", "explain"}), HasSubstr("link, unlink, rename or write"));
  EXPECT_THAT(UsageErrorOf({"hardlinkfs", "explain", "frob", "/a"}), HasSubstr("frob"));
  EXPECT_THAT(As<PrintCommand>({"hardlinkfs", "explain", "--help"}).text, HasSubstr("Exit status: 0"));
}

}  // namespace
}  // namespace hardlinkfs
