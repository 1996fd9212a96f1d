// The conversation of fsck and rebuild, in-process, on a volume in a temporary directory.
#include "mount-helpers/fsck_command.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "mount-helpers/rebuild_command.h"
#include "store/catalog/keys.h"
#include "store/engine/rocksdb_engine.h"
#include "store/volume/open_volume.h"
#include "tests/unit/backing/temporary_directory.h"

namespace hardlinkfs {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class FakeConsole final : public Console {
 public:
  void Print(const std::string& text) override { shown += text; }
  void Complain(const std::string& line) override { complaints += line + "\n"; }
  bool IsInteractive() const override { return interactive; }
  std::optional<std::string> ReadLine() override {
    if (answers.empty()) return std::nullopt;
    const std::string answer = answers.front();
    answers.pop_front();
    return answer;
  }
  bool Interrupted() const override { return interrupted; }
  void WriteTo(int descriptor, const std::string& line) override { lines[descriptor] += line; }

  std::string shown, complaints;
  std::map<int, std::string> lines;
  std::deque<std::string> answers;
  bool interactive = true;
  bool interrupted = false;
};

class FsckCommandTest : public testing::Test {
 protected:
  void SetUp() override {
    const SystemClock clock;
    auto opened = OpenVolume(Root(), {}, clock);
    ASSERT_TRUE(opened.ok());
    CatalogVolume& volume = (*opened)->volume();
    {
      const auto held = volume.locks().Exclusive(kRootInode);
      const auto made = volume.Create(kRootInode, *Name::From("file"), {.type = FileType::kRegular, .mode = 0644});
      ASSERT_TRUE(made.ok());
      file_ = made->attributes.inode;
    }
    ASSERT_TRUE(volume.Close().ok());
  }
  UniqueFd Root() const { return UniqueFd(open(directory_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); }

  template <typename Change>
  void EditRecord(const Change& change) {
    const auto engine = OpenRocksdbEngine(directory_.path() / ".hardlinkfs/catalog", {.mode = RocksdbMode::kMustExist});
    ASSERT_TRUE(engine.ok());
    Batch batch;
    const std::string key = keys::Inode(file_);
    std::string value = **(*engine)->Get(key);
    change(key, value);
    batch.Put(key, value);
    ASSERT_TRUE((*engine)->Commit(batch).ok() && (*engine)->Sync().ok());
  }
  void SetWrongCount() {
    EditRecord([](const std::string& key, std::string& value) {
      InodeRecord record = *DecodeInodeRecord(key, value);
      record.nlink = 7;
      value = Encode(key, record);
    });
  }
  void DamageRecord() {
    EditRecord([](const std::string&, std::string& value) { value[value.size() / 2] ^= 1; });
  }
  int Run(FsckCommand command) {
    command.directory = directory_.path();
    command.force = true;
    console_ = {};
    console_.answers = answers_;
    console_.interactive = interactive_;
    console_.interrupted = interrupted_;
    return RunFsck(command, console_);
  }

  TemporaryDirectory directory_;
  InodeId file_{};
  FakeConsole console_;
  std::deque<std::string> answers_;
  bool interactive_ = true;
  bool interrupted_ = false;
};

TEST_F(FsckCommandTest, CleanIsZeroWithPassesAndCounts) {
  EXPECT_EQ(Run({}), 0);
  EXPECT_THAT(console_.shown, AllOf(HasSubstr("Pass 1: Checking records\n"), HasSubstr("2 inodes (1 directory), 1 name\n")));
}

// S-FSCK-7
TEST_F(FsckCommandTest, AnswersDecide) {
  SetWrongCount();
  answers_ = {"what?", "n"};
  EXPECT_EQ(Run({}), 4);
  EXPECT_THAT(console_.shown, AllOf(HasSubstr("should be 1. Correct it<y>? "), HasSubstr("y is yes"), HasSubstr("still has errors")));
  answers_ = {};  // the end of the input is a no
  EXPECT_EQ(Run({}), 4);
  answers_ = {""};
  EXPECT_EQ(Run({}), 1);
  EXPECT_EQ(Run({}), 0);
}

TEST_F(FsckCommandTest, PreenRepairsOnlyWhatIsSafe) {
  SetWrongCount();
  EXPECT_EQ(Run({.mode = RepairMode::kSafe}), 1);
  DamageRecord();
  EXPECT_EQ(Run({.mode = RepairMode::kSafe}), 4);
  EXPECT_THAT(console_.shown, HasSubstr("RUN fsck MANUALLY"));
  EXPECT_EQ(Run({.mode = RepairMode::kEverything}), 1);
  EXPECT_EQ(Run({.mode = RepairMode::kNothing}), 0);
}

TEST_F(FsckCommandTest, WithoutATerminalItRefusesToGuess) {
  interactive_ = false;
  EXPECT_EQ(Run({}), 8);
  EXPECT_THAT(console_.complaints, HasSubstr("need terminal"));
}

TEST_F(FsckCommandTest, AnInterruptEndsIt) {
  SetWrongCount();
  interrupted_ = true;
  EXPECT_EQ(Run({.mode = RepairMode::kEverything}) & 32, 32);
}

TEST_F(FsckCommandTest, ProgressIsABarOrLines) {
  EXPECT_EQ(Run({.progress = 0}), 0);
  EXPECT_THAT(console_.shown, HasSubstr("|=========="));
  EXPECT_EQ(Run({.progress = 9}), 0);
  EXPECT_THAT(console_.lines[9], HasSubstr("5 "));
  EXPECT_THAT(console_.shown, Not(HasSubstr("|")));
}

TEST_F(FsckCommandTest, ANewerOrAnotherVolumeIsAnOperationalError) {
  directory_.Write(".hardlinkfs/volume", "format_version = 2\n");
  EXPECT_EQ(Run({.mode = RepairMode::kEverything}), 8);
}

TEST_F(FsckCommandTest, RebuildAsksBeforeItForgets) {
  RebuildCommand command{.directory = directory_.path(), .force = true};
  FakeConsole console;
  console.answers = {""};
  EXPECT_EQ(RunRebuild(command, console), 1);
  EXPECT_FALSE(std::filesystem::exists(directory_.path() / ".hardlinkfs/catalog.damaged"));
  console.answers = {"y"};
  EXPECT_EQ(RunRebuild(command, console), 0) << console.complaints;
  EXPECT_THAT(console.shown, HasSubstr("inodes: 2, directories: 1"));
  EXPECT_TRUE(std::filesystem::exists(directory_.path() / ".hardlinkfs/catalog.damaged"));
  EXPECT_EQ(Run({}), 0) << console_.shown;
}

}  // namespace
}  // namespace hardlinkfs
