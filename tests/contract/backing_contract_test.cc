// What every Backing promises, run on MemoryBacking with two manners, on PosixBacking over a temporary directory, and over every directory
// in HARDLINKFS_TEST_BACKINGS (separated by colons), where a harness has mounted an exFAT, say.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "store/backing/posix_backing.h"
#include "store/backing/probe.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/memory_backing.h"

namespace hardlinkfs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// A backing to test, and what goes with it.
class Ground {
 public:
  virtual ~Ground() = default;
  virtual Backing& backing() = 0;
  virtual const Capabilities& capabilities() const = 0;
  // The same tree as another program sees it; empty for a fake.
  virtual std::filesystem::path path() const { return {}; }
  // RETURNS: whether it could be made.
  virtual bool AddSymlink(const std::string& name, const std::string& target) = 0;
};

class MemoryGround final : public Ground {
 public:
  explicit MemoryGround(MemoryBackingOptions options) : capabilities_(options.capabilities), backing_(std::move(options), clock_) {}
  Backing& backing() override { return backing_; }
  const Capabilities& capabilities() const override { return capabilities_; }
  bool AddSymlink(const std::string& name, const std::string& target) override {
    return backing_.AddSymlink(backing_.root(), BackingName(name), target).ok();
  }

 private:
  ManualClock clock_;
  Capabilities capabilities_;
  MemoryBacking backing_;
};

// A fresh folder below `base`, removed at the end.
class PosixGround final : public Ground {
 public:
  explicit PosixGround(const std::string& base) : path_(base + "/contract-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) std::abort();
    UniqueFd root(open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const auto found = Probe(root.get());
    if (!found.ok()) std::abort();
    capabilities_ = *found;
    backing_ = MakePosixBacking(std::move(root), capabilities_);
  }
  ~PosixGround() override {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Backing& backing() override { return *backing_; }
  const Capabilities& capabilities() const override { return capabilities_; }
  std::filesystem::path path() const override { return path_; }
  bool AddSymlink(const std::string& name, const std::string& target) override {
    return symlink(target.c_str(), (path_ + "/" + name).c_str()) == 0;
  }

 private:
  std::string path_;
  Capabilities capabilities_;
  std::unique_ptr<Backing> backing_;
};

struct Implementation {
  std::string name;
  std::function<std::unique_ptr<Ground>()> make;
};

std::vector<Implementation> Implementations() {
  std::vector<Implementation> all;
  all.push_back({"Memory", [] { return std::make_unique<MemoryGround>(MemoryBackingOptions{}); }});
  all.push_back({"MemoryLikeExfat", [] {
                   MemoryBackingOptions options;
                   options.capabilities = ExfatCapabilities();
                   return std::make_unique<MemoryGround>(options);
                 }});
  all.push_back({"MemoryLikeVfat", [] {
                   MemoryBackingOptions options;
                   options.capabilities = ExfatCapabilities();
                   options.capabilities.trailing_dots_and_spaces = false;
                   options.changes_case_in_one_step = false;
                   options.max_file_bytes = 0xFFFFFFFF;
                   return std::make_unique<MemoryGround>(options);
                 }});
  const char* temporary = std::getenv("TMPDIR");
  all.push_back({"Posix", [=] { return std::make_unique<PosixGround>(temporary != nullptr ? temporary : "/tmp"); }});
  if (access("/dev/shm", W_OK) == 0) all.push_back({"PosixTmpfs", [] { return std::make_unique<PosixGround>("/dev/shm"); }});
  const char* more = std::getenv("HARDLINKFS_TEST_BACKINGS");
  std::string list = more != nullptr ? more : "";
  for (size_t count = 0; !list.empty(); ++count) {
    const size_t end = std::min(list.find(':'), list.size());
    const std::string base = list.substr(0, end);
    list.erase(0, end + 1);
    if (!base.empty()) all.push_back({"Given" + std::to_string(count), [=] { return std::make_unique<PosixGround>(base); }});
  }
  return all;
}

class BackingContract : public ::testing::TestWithParam<Implementation> {
 protected:
  BackingContract() : ground_(GetParam().make()) {}

  Backing& backing() { return ground_->backing(); }
  const Capabilities& can() const { return ground_->capabilities(); }
  BackingDirectoryRef root() { return backing().root(); }

  std::unique_ptr<BackingFile> Create(const BackingDirectoryRef& in, const std::string& name, const std::string& content = "") {
    auto file = backing().CreateFile(in, BackingName(name), 0644);
    EXPECT_EQ(file.code(), 0) << name;
    if (!file.ok()) return nullptr;
    EXPECT_EQ((*file)->Write(content, 0).code(), 0);
    return std::move(*file);
  }

  BackingDirectoryRef MakeDirectory(const BackingDirectoryRef& in, const std::string& name) {
    EXPECT_EQ(backing().MakeDirectory(in, BackingName(name), 0755).code(), 0) << name;
    auto opened = backing().OpenDirectory(in, BackingName(name));
    EXPECT_EQ(opened.code(), 0) << name;
    return opened.ok() ? *opened : nullptr;
  }

  std::string Content(const BackingDirectoryRef& in, const std::string& name) {
    auto file = backing().OpenFile(in, BackingName(name));
    return file.ok() ? Content(**file) : "cannot open";
  }

  static std::string Content(BackingFile& file) {
    std::string content(100, '\0');
    const auto got = file.Read(content, 0);
    EXPECT_EQ(got.code(), 0);
    content.resize(got.ok() ? *got : 0);
    return content;
  }

  std::vector<std::string> Names(const BackingDirectoryRef& directory) {
    std::vector<std::string> names;
    const Status listed = backing().List(directory, [&](const BackingEntry& entry) {
      names.push_back(entry.name.bytes());
      return true;
    });
    EXPECT_EQ(listed.code(), 0);
    return names;
  }

  int Rename(const std::string& from, const std::string& to) {
    return backing().Rename(root(), BackingName(from), root(), BackingName(to)).code();
  }

 private:
  std::unique_ptr<Ground> ground_;

 protected:
  Ground& ground() { return *ground_; }
};

INSTANTIATE_TEST_SUITE_P(All, BackingContract, ::testing::ValuesIn(Implementations()),
                         [](const auto& tested) { return tested.param.name; });

TEST_P(BackingContract, ACreatedFileIsEmptyAndIsListed) {
  Create(root(), "new");
  const auto stat = backing().Stat(root(), BackingName("new"));
  ASSERT_EQ(stat.code(), 0);
  EXPECT_EQ(stat->type, FileType::kRegular);
  EXPECT_EQ(stat->size, 0U);
  EXPECT_THAT(Names(root()), ElementsAre("new"));
}

TEST_P(BackingContract, CreateNeverOpensWhatWasThere) {
  Create(root(), "taken", "content");
  EXPECT_EQ(backing().CreateFile(root(), BackingName("taken"), 0644).code(), EEXIST);
  EXPECT_EQ(backing().MakeDirectory(root(), BackingName("taken"), 0755).code(), EEXIST);
  EXPECT_EQ(Content(root(), "taken"), "content");
}

TEST_P(BackingContract, WhatIsWrittenIsReadBackByAnotherOpen) {
  Create(root(), "file", "some content");
  auto file = backing().OpenFile(root(), BackingName("file"));
  ASSERT_EQ(file.code(), 0);
  EXPECT_TRUE((*file)->MakeWritable().ok());
  EXPECT_EQ(Content(**file), "some content");
  EXPECT_EQ((*file)->Write(std::string_view("XX"), 5).code(), 0);
  EXPECT_EQ(Content(root(), "file"), "some XXntent");
}

TEST_P(BackingContract, ReadingBeyondTheEndGivesNothing) {
  const auto file = Create(root(), "file", "1234");
  std::string buffer(8, 'x');
  EXPECT_EQ(*file->Read(buffer, 4), 0U);
  EXPECT_EQ(*file->Read(buffer, 2), 2U);
}

TEST_P(BackingContract, TruncateCutsAndGrowsWithZeros) {
  const auto file = Create(root(), "file", "123456");
  EXPECT_EQ(file->Truncate(3).code(), 0);
  EXPECT_EQ(file->Truncate(5).code(), 0);
  EXPECT_EQ(Content(*file), std::string("123\0\0", 5));
  EXPECT_EQ(file->Stat()->size, 5U);
}

TEST_P(BackingContract, WritingBeyondTheEndLeavesZerosBetween) {
  const auto file = Create(root(), "file", "12");
  EXPECT_EQ(file->Write(std::string_view("9"), 8).code(), 0);
  EXPECT_EQ(Content(*file), std::string("12\0\0\0\0\0\0009", 9));
}

TEST_P(BackingContract, OpenOfAnythingButARegularFileIsRefused) {
  MakeDirectory(root(), "directory");
  EXPECT_EQ(backing().OpenFile(root(), BackingName("directory")).code(), EINVAL);
  EXPECT_EQ(backing().OpenFile(root(), BackingName("absent")).code(), ENOENT);
  if (!ground().AddSymlink("link", "directory")) GTEST_SKIP() << "no symlinks here";
  EXPECT_EQ(backing().OpenFile(root(), BackingName("link")).code(), EINVAL);
}

TEST_P(BackingContract, OpenOfAFifoDoesNotBlock) {
  if (ground().path().empty() || mkfifo((ground().path() / "fifo").c_str(), 0600) != 0) GTEST_SKIP() << "no fifos here";
  EXPECT_EQ(backing().OpenFile(root(), BackingName("fifo")).code(), EINVAL);
  EXPECT_EQ(backing().Stat(root(), BackingName("fifo"))->type, FileType::kFifo);
}

TEST_P(BackingContract, SymlinksAreNeverFollowed) {
  MakeDirectory(root(), "directory");
  if (!ground().AddSymlink("link", "directory")) GTEST_SKIP() << "no symlinks here";
  EXPECT_EQ(backing().OpenDirectory(root(), BackingName("link")).code(), ENOTDIR);
  EXPECT_EQ(backing().Stat(root(), BackingName("link"))->type, FileType::kSymlink);
  EXPECT_EQ(*backing().ReadLink(root(), BackingName("link")), "directory");
  EXPECT_EQ(backing().SetMode(root(), BackingName("link"), 0600).code(), EOPNOTSUPP);
  EXPECT_EQ(backing().SetTimes(root(), BackingName("link"), Timestamp{1, 0}, Timestamp{1, 0}).code(), 0);
  EXPECT_NE(backing().Stat(root(), BackingName("directory"))->mtime.seconds, 1);
  EXPECT_EQ(backing().ListXattrs(root(), BackingName("link")).code(), 0);
  EXPECT_EQ(backing().RemoveFile(root(), BackingName("link")).code(), 0);
  EXPECT_THAT(Names(root()), ElementsAre("directory"));
}

TEST_P(BackingContract, NothingButOneComponentIsAName) {
  const auto directory = MakeDirectory(root(), "directory");
  Create(root(), "outside");
  for (const std::string name : {"..", ".", "../outside", "/etc", "directory/x", ""}) {
    EXPECT_NE(backing().Stat(directory, BackingName(name)).code(), 0) << name;
    EXPECT_NE(backing().OpenDirectory(directory, BackingName(name)).code(), 0) << name;
    EXPECT_NE(backing().CreateFile(directory, BackingName(name), 0644).code(), 0) << name;
    EXPECT_NE(backing().Rename(root(), BackingName("outside"), directory, BackingName(name)).code(), 0) << name;
    EXPECT_NE(backing().RemoveFile(directory, BackingName(name)).code(), 0) << name;
  }
  EXPECT_THAT(Names(root()), UnorderedElementsAre("directory", "outside"));
}

TEST_P(BackingContract, DirectoriesNestAndStayValidWhenRenamed) {
  const auto outer = MakeDirectory(root(), "outer");
  const auto inner = MakeDirectory(outer, "inner");
  EXPECT_EQ(Rename("outer", "moved"), 0);
  Create(inner, "file", "x");
  EXPECT_THAT(Names(inner), ElementsAre("file"));
  EXPECT_EQ(backing().StatDirectory(inner)->type, FileType::kDirectory);
}

TEST_P(BackingContract, OpenDirectoryOfAFileIsEnotdir) {
  Create(root(), "file");
  EXPECT_EQ(backing().OpenDirectory(root(), BackingName("file")).code(), ENOTDIR);
  EXPECT_EQ(backing().OpenDirectory(root(), BackingName("absent")).code(), ENOENT);
}

TEST_P(BackingContract, AListingShowsEveryEntryOnceAndStopsWhenTold) {
  std::set<std::string> expected;
  for (int i = 0; i < 300; ++i) {
    const std::string name = "entry-" + std::to_string(i);
    Create(root(), name);
    expected.insert(name);
  }
  const auto names = Names(root());
  EXPECT_EQ(names.size(), 300U);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()), expected);
  int seen = 0;
  EXPECT_EQ(backing().List(root(), [&](const BackingEntry&) { return ++seen < 7; }).code(), 0);
  EXPECT_EQ(seen, 7);
}

TEST_P(BackingContract, RenameMovesTheContentBetweenDirectories) {
  const auto directory = MakeDirectory(root(), "directory");
  Create(root(), "file", "moved");
  EXPECT_EQ(backing().Rename(root(), BackingName("file"), directory, BackingName("other")).code(), 0);
  EXPECT_EQ(Content(directory, "other"), "moved");
  EXPECT_THAT(Names(root()), ElementsAre("directory"));
}

TEST_P(BackingContract, RenameNeverReplaces) {
  Create(root(), "from", "1");
  Create(root(), "to", "2");
  MakeDirectory(root(), "directory");
  EXPECT_EQ(Rename("from", "to"), EEXIST);
  EXPECT_EQ(Rename("from", "directory"), EEXIST);
  EXPECT_EQ(Rename("directory", "to"), EEXIST);
  EXPECT_EQ(Rename("absent", "new"), ENOENT);
  EXPECT_EQ(Content(root(), "from"), "1");
  EXPECT_EQ(Content(root(), "to"), "2");
}

TEST_P(BackingContract, RenameOfEmptyFilesNeverReplacesEither) {
  // Where all empty files share one inode number, they look like one file.
  Create(root(), "from");
  Create(root(), "to");
  EXPECT_EQ(Rename("from", "to"), EEXIST);
  EXPECT_THAT(Names(root()), UnorderedElementsAre("from", "to"));
}

TEST_P(BackingContract, RenameToItselfChangesNothing) {
  Create(root(), "file", "1");
  EXPECT_EQ(Rename("file", "file"), 0);
  EXPECT_THAT(Names(root()), ElementsAre("file"));
}

TEST_P(BackingContract, AChangeOfCaseIsDoneInOneStepOrRefused) {
  Create(root(), "name", "content");
  const int code = Rename("name", "NAME");
  EXPECT_TRUE(code == 0 || code == EEXIST) << code;
  EXPECT_THAT(Names(root()), ElementsAre(code == 0 ? "NAME" : "name"));
  EXPECT_EQ(Content(root(), code == 0 ? "NAME" : "name"), "content");
}

TEST_P(BackingContract, ARenameOntoAnotherCaseOfAnotherFileIsRefused) {
  Create(root(), "from");
  Create(root(), "Name");
  const int code = Rename("from", "nAME");
  EXPECT_EQ(code, can().case_sensitive ? 0 : EEXIST);
  EXPECT_EQ(Names(root()).size(), 2U);
}

TEST_P(BackingContract, AnOpenFileOutlivesRenameAndRemoval) {
  const auto file = Create(root(), "file", "kept");
  EXPECT_EQ(Rename("file", "renamed"), 0);
  EXPECT_EQ(Content(*file), "kept");
  EXPECT_EQ(backing().RemoveFile(root(), BackingName("renamed")).code(), 0);
  EXPECT_EQ(Content(*file), "kept");
  EXPECT_EQ(file->Write(std::string_view("K"), 0).code(), 0);
  EXPECT_EQ(Content(*file), "Kept");
  // Not that nothing is listed: NFS and FUSE backings keep an open file under a hidden name of their own (.nfs…, .fuse_hidden…).
  EXPECT_EQ(backing().Stat(root(), BackingName("renamed")).code(), ENOENT);
}

TEST_P(BackingContract, RemovalsTellFilesFromDirectories) {
  const auto directory = MakeDirectory(root(), "directory");
  Create(root(), "file");
  Create(directory, "inside");
  EXPECT_EQ(backing().RemoveDirectory(root(), BackingName("directory")).code(), ENOTEMPTY);
  EXPECT_EQ(backing().RemoveDirectory(root(), BackingName("file")).code(), ENOTDIR);
  EXPECT_EQ(backing().RemoveFile(root(), BackingName("directory")).code(), EISDIR);
  EXPECT_EQ(backing().RemoveFile(directory, BackingName("inside")).code(), 0);
  EXPECT_EQ(backing().RemoveDirectory(root(), BackingName("directory")).code(), 0);
  EXPECT_EQ(backing().RemoveFile(root(), BackingName("absent")).code(), ENOENT);
}

TEST_P(BackingContract, TimesAreKeptToTheGranularityFound) {
  const auto file = Create(root(), "file");
  const Timestamp time{1'600'000'000, 120'000'000};  // even, so that two seconds divide it
  EXPECT_EQ(backing().SetTimes(root(), BackingName("file"), std::nullopt, time).code(), 0);
  const Timestamp shown = backing().Stat(root(), BackingName("file"))->mtime;
  EXPECT_EQ(shown.seconds, time.seconds);
  if (can().time_granularity <= std::chrono::milliseconds(10)) {
    EXPECT_EQ(shown.nanoseconds, time.nanoseconds);
  }
  EXPECT_EQ(file->SetTimes(Timestamp{1'500'000'000, 0}, std::nullopt).code(), 0);
  EXPECT_EQ(file->Stat()->mtime, shown);
}

TEST_P(BackingContract, ModesAreKeptWhereTheBackingHasThem) {
  Create(root(), "file");
  EXPECT_EQ(backing().SetMode(root(), BackingName("file"), 0640).code(), 0);
  if (can().modes) {
    EXPECT_EQ(backing().Stat(root(), BackingName("file"))->mode, 0640U);
  }
  EXPECT_EQ(backing().SetMode(root(), BackingName("absent"), 0640).code(), ENOENT);
}

TEST_P(BackingContract, TheSameOwnerCanAlwaysBeSet) {
  Create(root(), "file");
  const auto stat = backing().Stat(root(), BackingName("file"));
  EXPECT_EQ(backing().SetOwner(root(), BackingName("file"), stat->uid, stat->gid).code(), 0);
}

TEST_P(BackingContract, XattrsAreEmptyWhereThereAreNone) {
  Create(root(), "file");
  const auto list = backing().ListXattrs(root(), BackingName("file"));
  ASSERT_EQ(list.code(), 0);
  EXPECT_THAT(*list, IsEmpty());
  EXPECT_NE(backing().GetXattr(root(), BackingName("file"), "user.absent").code(), 0);
}

TEST_P(BackingContract, SyncsAreAccepted) {
  const auto file = Create(root(), "file", "x");
  EXPECT_EQ(file->Sync().code(), 0);
  EXPECT_EQ(backing().SyncDirectory(root()).code(), 0);
}

TEST_P(BackingContract, SeekFindsDataAndTheHoleAtTheEnd) {
  const auto file = Create(root(), "file", "1234");
  EXPECT_EQ(*file->Seek(SeekTarget::kData, 1), 1U);
  EXPECT_EQ(*file->Seek(SeekTarget::kHole, 1), 4U);
  EXPECT_EQ(file->Seek(SeekTarget::kData, 4).code(), ENXIO);
  EXPECT_EQ(file->Seek(SeekTarget::kHole, 5).code(), ENXIO);
}

TEST_P(BackingContract, CopyToCopiesOrSaysThatItCannot) {
  const auto from = Create(root(), "from", "0123456789");
  const auto to = Create(root(), "to");
  const auto copied = from->CopyTo(2, *to, 0, 4);
  if (!copied.ok()) {
    EXPECT_EQ(copied.code(), EOPNOTSUPP);
    return;
  }
  EXPECT_EQ(*copied, 4U);
  EXPECT_EQ(Content(*to), "2345");
}

TEST_P(BackingContract, AllocateExtendsOrSaysThatItCannot) {
  const auto file = Create(root(), "file", "12");
  const int code = file->Allocate(AllocateMode::kExtend, 0, 5).code();
  EXPECT_TRUE(code == 0 || code == EOPNOTSUPP) << code;
  EXPECT_EQ(Content(*file), code == 0 ? std::string("12\0\0\0", 5) : "12");
}

TEST_P(BackingContract, SpaceIsTold) {
  const auto space = backing().Space();
  ASSERT_EQ(space.code(), 0);
  EXPECT_GT(space->total_bytes, 0U);
  EXPECT_GE(space->total_bytes, space->free_bytes);
  EXPECT_GE(space->free_bytes, space->available_bytes);
}

TEST_P(BackingContract, ALongestNameFits) {
  const std::string name(can().max_name_bytes, 'n');
  Create(root(), name);
  EXPECT_THAT(Names(root()), ElementsAre(name));
  EXPECT_EQ(backing().CreateFile(root(), BackingName(std::string(2000, 'n')), 0644).code(), ENAMETOOLONG);
}

}  // namespace
}  // namespace hardlinkfs
