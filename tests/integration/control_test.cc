// What is asked of a mount's server: S-SYNC-4 and S-STATUS-* of docs/semantics.md.
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

class Control : public MountTest {
 protected:
  static CommandResult Status(const std::string& path) { return RunCommand({Command(), "status", path}); }
  static Json StatusOf(const std::string& path) {
    const CommandResult result = RunCommand({Command(), "status", "--json", path});
    EXPECT_EQ(result.status, 0) << result.err;
    return Json::parse(result.out, nullptr, false);
  }
};
INSTANTIATE_TEST_SUITE_P(, Control, testing::ValuesIn(TestBackings()), NameOf);

// S-SYNC-4
TEST_P(Control, SyncMakesDurableWhatWasDoneAnywhere) {
  Remount("commit=300");
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("d/a", "text"), 0);
  ASSERT_EQ(top().Link("d/a", "b"), 0);
  ASSERT_EQ(top().Chmod("b", 0640), 0);
  ASSERT_EQ(top().SetXattr("b", "user.x", "1"), 0);
  const UniqueFd open = top().Open("open", O_CREAT | O_RDWR);
  ASSERT_EQ(WriteAll(open.get(), "still open"), 0);
  const CommandResult synced = RunCommand({Command(), "sync", top().path()});
  ASSERT_EQ(synced.status, 0) << synced.err;
  EXPECT_EQ(synced.out + synced.err, "");
  EXPECT_EQ(StatusOf(top().path())["unsynced"], false);
  ASSERT_EQ(top().Rename("b", "too late"), 0);
  LosePower();
  Mount();
  EXPECT_EQ(top().Nlink("d/a"), 2U);
  EXPECT_EQ(top().Status("b").permissions(), 0640U);
  EXPECT_EQ(top().Xattr("b", "user.x"), "1");
  EXPECT_EQ(top().Read("b"), "text");
  EXPECT_EQ(top().Read("open"), "still open");
  EXPECT_FALSE(top().Exists("too late"));
}

// S-SYNC-4
TEST_P(Control, SyncCoversWhatWasStoredThroughMappings) {
  // So that the kernel keeps the pages, and they go with the server.
  Remount("commit=300,passthrough=off");
  constexpr char kText[] = "stored";
  const UniqueFd file = top().Open("a", O_CREAT | O_RDWR);
  ASSERT_EQ(WriteAll(file.get(), std::string(4096, '-')), 0);
  void* const page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  ASSERT_NE(page, MAP_FAILED);
  std::memcpy(page, kText, sizeof kText - 1);
  EXPECT_EQ(RunCommand({Command(), "sync", top().path()}).status, 0);
  std::memcpy(page, "late", 4);
  LosePower();
  munmap(page, 4096);
  Mount();
  EXPECT_EQ(top().Read("a").substr(0, sizeof kText), std::string(kText) + "-");
}

// S-SYNC-4
TEST_P(Control, SyncWorksOnAnythingInTheMount) {
  ASSERT_EQ(top().Write("a", "x"), 0);
  ASSERT_EQ(top().Mkdir("d"), 0);
  for (const char* const path : {"a", "d", "."}) EXPECT_EQ(RunCommand({Command(), "sync", top().Path(path)}).status, 0) << path;
  EXPECT_EQ(RunCommand({Command(), "sync", top().path()}, kAlice).status, 0);
}

// S-STATUS-1
TEST_P(Control, StatusTellsHowTheMountIs) {
  ASSERT_EQ(top().Write("a", "x"), 0);
  Json status = StatusOf(top().Path("a"));
  EXPECT_EQ(status["source"], volume().source());
  EXPECT_EQ(status["mountpoint"], volume().mountpoint());
  EXPECT_NE(status["filesystem"], "");
  EXPECT_EQ(status["state"], "read-write");
  EXPECT_TRUE(status["failure"].is_null());
  EXPECT_EQ(status["after_crash"], false);
  EXPECT_TRUE(status["restored_from"].is_null());
  EXPECT_EQ(status["inodes"], 2);
  EXPECT_EQ(status["unsynced"], true);
  EXPECT_EQ(status["reserve_whole"], true);
  EXPECT_TRUE(status["passthrough"].is_boolean());
  EXPECT_TRUE(status["io_uring"].is_boolean());
  EXPECT_EQ(status["server"], volume().server());

  const UniqueFd open = top().Open("a", O_RDONLY);
  ASSERT_EQ(top().Rename("a", "moved"), 0);
  EXPECT_EQ(StatusOf(top().path())["to_settle"], true);

  volume().KillServer();
  Mount("ro");
  status = StatusOf(top().path());
  EXPECT_EQ(status["after_crash"], true);
  EXPECT_EQ(status["state"], "read-only");
  Remount();
  EXPECT_EQ(StatusOf(top().path())["after_crash"], false);
}

// S-STATUS-1
TEST_P(Control, StatusIsTextForPeople) {
  const CommandResult status = Status(top().path());
  EXPECT_EQ(status.status, 0);
  EXPECT_THAT(status.out, HasSubstr(volume().source() + " on " + volume().mountpoint() + "\n"));
  EXPECT_THAT(status.out, HasSubstr("state         read-write\n"));
  EXPECT_EQ(status.err, "");
}

// S-STATUS-2
TEST_P(Control, WhatCannotBeAskedIsOneLine) {
  for (const char* const command : {"sync", "status"}) {
    SCOPED_TRACE(command);
    const CommandResult elsewhere = RunCommand({Command(), command, Outside("")});
    ExpectRefused(elsewhere, 2);
    EXPECT_THAT(elsewhere.err, HasSubstr("not in a mounted hardlinkfs"));
    ExpectRefused(RunCommand({Command(), command, Outside("absent")}), 2);
  }
  volume().KillServer();
  const CommandResult dead = Status(top().path());
  ExpectRefused(dead, 2);
  EXPECT_THAT(dead.err, HasSubstr("died"));
}

// S-STATUS-2
TEST_P(Control, OtherRequestsAreRefusedAsUnknown) {
  const UniqueFd root = top().Open(".", O_RDONLY | O_DIRECTORY);
  int number = 0;
  EXPECT_EQ(Ended(ioctl(root.get(), _IOR('z', 99, int), &number)), ENOTTY);
}

}  // namespace
}  // namespace hardlinkfs
