// Names: link, rename and unlink are one commit and no step on the backing, and fail as their man pages say.
#include <cerrno>

#include "tests/unit/volume/volume_fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;

class NamesTest : public VolumeTest {
 protected:
  // What an operation costs: the calls that change the backing, and commits.
  template <typename Operation>
  void ExpectOneCommitAndNoStep(const Operation& operation) {
    // All is prepared now, so that the operation is all that is counted.
    Names();
    backing().ForgetCalls();
    const uint64_t commits = volume().commits();
    operation();
    EXPECT_EQ(backing().changes(), 0U);
    EXPECT_EQ(backing().calls(BackingCall::kSyncFile) + backing().calls(BackingCall::kSyncDirectory), 0U);
    EXPECT_EQ(volume().commits() - commits, 1U);
    ExpectSound();
  }
};

TEST_F(NamesTest, LinkMakesNoStepOnTheBackingAndOneCommit) {
  File("a", "1");
  ExpectOneCommitAndNoStep([this] { EXPECT_EQ(Link("a", "b"), 0); });
  EXPECT_EQ(Find("a"), Find("b"));
  EXPECT_EQ(Record("a").nlink, 2U);
}

TEST_F(NamesTest, UnlinkOfOneOfTwoMakesNoStepOnTheBackingAndOneCommit) {
  File("a", "1");
  Link("a", "b");
  ExpectOneCommitAndNoStep([this] { EXPECT_EQ(Remove("a"), 0); });
  EXPECT_THAT(Names(), ElementsAre("b=1"));
}

TEST_F(NamesTest, UnlinkOfTheLastMakesNoStepOnTheBackingAndOneCommit) {
  File("a", "1");
  ExpectOneCommitAndNoStep([this] { EXPECT_EQ(Remove("a"), 0); });
}

TEST_F(NamesTest, RenameMakesNoStepOnTheBackingAndOneCommit) {
  Directory("d");
  File("a", "1");
  ExpectOneCommitAndNoStep([this] { EXPECT_EQ(Rename("a", "d/b"), 0); });
  EXPECT_THAT(Names(), ElementsAre("d/", "d/b=1"));
}

TEST_F(NamesTest, RenameOverAFileMakesNoStepOnTheBackingAndOneCommit) {
  File("a", "1");
  File("b", "2");
  ExpectOneCommitAndNoStep([this] { EXPECT_EQ(Rename("a", "b"), 0); });
  EXPECT_THAT(Names(), ElementsAre("b=1"));
}

TEST_F(NamesTest, RenameOfADirectoryMakesNoStepOnTheBackingAndOneCommit) {
  Directory("d");
  Directory("e");
  File("d/a", "1");
  ExpectOneCommitAndNoStep([this] { EXPECT_EQ(Rename("d", "e/d"), 0); });
  EXPECT_THAT(Names(), ElementsAre("e/", "e/d/", "e/d/a=1"));
}

TEST_F(NamesTest, ExchangeMakesNoStepOnTheBackingAndOneCommit) {
  Directory("d");
  File("a", "1");
  ExpectOneCommitAndNoStep([this] { EXPECT_EQ(Rename("a", "d", Replace::kExchange), 0); });
  EXPECT_THAT(Names(), ElementsAre("a/", "d=1"));
}

TEST_F(NamesTest, RenameOntoAnotherNameOfTheSameFileDoesNothing) {
  File("a", "1");
  Link("a", "b");
  const uint64_t commits = volume().commits();
  EXPECT_EQ(Rename("a", "b"), 0);
  EXPECT_EQ(volume().commits(), commits);
  EXPECT_THAT(Names(), ElementsAre("a=1", "b=1"));
}

TEST_F(NamesTest, LinkOfADirectoryIsEPERM) {
  Directory("d");
  EXPECT_EQ(Link("d", "e"), EPERM);
}

TEST_F(NamesTest, LinkOntoANameIsEEXIST) {
  File("a");
  File("b");
  EXPECT_EQ(Link("a", "b"), EEXIST);
}

TEST_F(NamesTest, LinkOfAnUnlinkedFileIsENOENT) {
  const InodeId inode = File("a");
  Remove("a");
  const auto held = volume().locks().Exclusive(std::array{inode, kRootInode});
  EXPECT_EQ(volume().Link({}, inode, kRootInode, N("b")).code(), ENOENT);
}

TEST_F(NamesTest, RemovalOfADirectoryWithNamesIsENOTEMPTY) {
  Directory("d");
  Symlink("d/s");
  EXPECT_EQ(Remove("d"), ENOTEMPTY);
  Remove("d/s");
  EXPECT_EQ(Remove("d"), 0);
}

TEST_F(NamesTest, RemovedDirectoryTakesNoNames) {
  const InodeId directory = Directory("d");
  const InodeId file = File("a");
  Remove("d");
  const auto held = volume().locks().Exclusive(std::array{directory, file});
  EXPECT_EQ(volume().Create(directory, N("x"), {.type = FileType::kRegular}).code(), ENOENT);
  EXPECT_EQ(volume().Link({}, file, directory, N("x")).code(), ENOENT);
}

TEST_F(NamesTest, RenameNoReplaceOntoANameIsEEXIST) {
  File("a");
  File("b");
  EXPECT_EQ(Rename("a", "b", Replace::kRefused), EEXIST);
}

TEST_F(NamesTest, ExchangeWithNothingIsENOENT) {
  File("a");
  EXPECT_EQ(Rename("a", "b", Replace::kExchange), ENOENT);
}

TEST_F(NamesTest, RenameBetweenFileAndDirectoryIsENOTDIROrEISDIR) {
  File("a");
  Directory("d");
  EXPECT_EQ(Rename("d", "a"), ENOTDIR);
  EXPECT_EQ(Rename("a", "d"), EISDIR);
}

TEST_F(NamesTest, RenameOverAFullDirectoryIsENOTEMPTY) {
  Directory("d");
  Directory("e");
  File("e/x");
  EXPECT_EQ(Rename("d", "e"), ENOTEMPTY);
}

TEST_F(NamesTest, UnlinkOfANameThatShowsSomethingElseByNowIsESTALE) {
  const InodeId old = File("a");
  Remove("a");
  File("a");
  const auto held = volume().locks().Exclusive(std::array{old, kRootInode});
  EXPECT_EQ(volume().Unlink({}, kRootInode, N("a"), old, Use::kIdle).code(), ESTALE);
}

TEST_F(NamesTest, FailedCommitLeavesNothing) {
  Directory("d");
  File("a", "1");
  File("b", "2");
  Link("a", "c");
  const Lines before = Names();
  const auto expect_nothing = [&](const std::function<int()>& operation) {
    engine().FailCommits(EIO, 1);
    EXPECT_EQ(operation(), EIO);
    EXPECT_EQ(Names(), before);
    ExpectSound();
  };
  expect_nothing([this] { return Link("a", "d/x"); });
  expect_nothing([this] { return Remove("c"); });
  expect_nothing([this] { return Remove("b"); });
  expect_nothing([this] { return Remove("d"); });
  expect_nothing([this] { return Rename("a", "d/x"); });
  expect_nothing([this] { return Rename("a", "b"); });
  expect_nothing([this] { return Rename("d", "b", Replace::kExchange); });
  expect_nothing([this] { return TryFile("d/new"); });
  expect_nothing([this] { return Create("new", {.type = FileType::kDirectory}).code(); });
  expect_nothing([this] { return Create("new", {.type = FileType::kSymlink, .target = "x"}).code(); });
  expect_nothing([this] { return volume().CreateUnnamed(kRootInode, {.type = FileType::kRegular}).code(); });
  Reopen();
  EXPECT_EQ(Names(), before);
}

}  // namespace
}  // namespace hardlinkfs
