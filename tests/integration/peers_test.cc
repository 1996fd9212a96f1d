// Bugs of others that must not come back here, each under the number or the issue by which it is known: S-PEER-1 of docs/semantics.md. P1
// to P13 are those of posixovl.
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "gmock/gmock.h"
#include "tests/integration/catalog_surgery.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Peers : public MountTest {
 protected:
  // How often the loop device of the backing was told to flush; nullopt when it lies on none.
  std::optional<uint64_t> Flushes() const {
    std::string device = RunCommand({"findmnt", "-nro", "SOURCE", "--target", bare().path()}).out;
    device.erase(device.find_last_not_of(" \n") + 1);
    if (!device.starts_with("/dev/loop")) return std::nullopt;
    std::ifstream in("/sys/block/" + device.substr(5) + "/stat");
    constexpr int kFlushField = 16;  // Documentation/block/stat.rst
    uint64_t value = 0;
    for (int i = 0; i < kFlushField; ++i) in >> value;
    return in ? std::optional(value) : std::nullopt;
  }
};
INSTANTIATE_TEST_SUITE_P(, Peers, testing::ValuesIn(BackingsAndMirrors()), NameOf);

// A mirror keeps no records.
class PeersOfACatalog : public Peers {};
INSTANTIATE_TEST_SUITE_P(, PeersOfACatalog, testing::ValuesIn(TestBackings()), NameOf);

// S-PEER-1: `mv new y` over one name of a linked file kept the old contents and lost the new.
TEST_P(Peers, P1_RenameOverALinkedNameReplacesThatNameOnly) {
  ASSERT_EQ(top().Write("x", "old"), 0);
  ASSERT_EQ(top().Link("x", "y"), 0);
  ASSERT_EQ(top().Link("x", "z"), 0);
  ASSERT_EQ(top().Write("new", "new"), 0);
  for (const char* const target : {"x", "y"}) {
    ASSERT_EQ(top().Write("new", std::string("new ") + target), 0);
    ASSERT_EQ(top().Rename("new", target), 0);
  }
  const auto expect = [&] {
    EXPECT_EQ(top().Read("x"), "new x");
    EXPECT_EQ(top().Read("y"), "new y");
    EXPECT_EQ(top().Read("z"), "old");
    EXPECT_EQ(top().Nlink("z"), 1U);
    EXPECT_THAT(top().Names(), ElementsAre("x", "y", "z"));
  };
  expect();
  Remount();
  expect();
}

// S-PEER-1: 441 of 600 link() calls failed with ENOENT, 112 of which had made the name.
TEST_P(Peers, P2_ConcurrentLinksAllTellTheTruth) {
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Mkdir("d"), 0);
  constexpr int kProcesses = 6;
  constexpr int kLinks = 100;
  const auto link_many = [&](int process) {
    for (int i = 0; i < kLinks; ++i) {
      const std::string name = (i % 2 == 0 ? "d/" : "") + std::to_string(process) + "." + std::to_string(i);
      if (!(top().Link("a", name) == 0) || !top().Exists(name)) return 1;
    }
    return 0;
  };
  EXPECT_EQ(InChildren(kProcesses, link_many), 0);
  EXPECT_EQ(top().Nlink("a"), uint32_t{kProcesses * kLinks + 1});
  EXPECT_EQ(top().Names().size() + top().Names("d").size(), size_t{kProcesses * kLinks + 2});
  const auto unlink_many = [&](int process) {
    for (int i = 0; i < kLinks; ++i) {
      const std::string name = (i % 2 == 0 ? "d/" : "") + std::to_string(process) + "." + std::to_string(i);
      if (!(top().Unlink(name) == 0)) return 1;
    }
    return 0;
  };
  EXPECT_EQ(InChildren(kProcesses, unlink_many), 0);
  EXPECT_EQ(top().Nlink("a"), 1U);
  EXPECT_EQ(top().Read("a"), "text");
}

// S-PEER-1: juicefs#3689: the count was wrong after 1000 links at once, from as many files and directories as processes.
TEST_P(Peers, AThousandLinksAtOnceAreCounted) {
  constexpr int kProcesses = 10;
  constexpr int kLinks = 100;
  ASSERT_EQ(top().Write("a", ""), 0);
  for (int process = 0; process < kProcesses; ++process) ASSERT_EQ(top().Mkdir(std::to_string(process)), 0);
  const auto link_many = [&](int process) {
    const Folder own = top().Sub(std::to_string(process));
    for (int i = 0; i < kLinks; ++i) {
      // From the newest name that this process knows, as `cp -l` from a copy of a copy.
      const std::string from = i == 0 ? top().Path("a") : own.Path(std::to_string(i - 1));
      if (link(from.c_str(), own.Path(std::to_string(i)).c_str()) != 0) return 1;
    }
    return 0;
  };
  EXPECT_EQ(InChildren(kProcesses, link_many), 0);
  EXPECT_EQ(top().Nlink("a"), uint32_t{kProcesses * kLinks + 1});
  EXPECT_EQ(top().Nlink("9/99"), uint32_t{kProcesses * kLinks + 1});
  Remount();
  EXPECT_EQ(top().Nlink("0/0"), uint32_t{kProcesses * kLinks + 1});
}

// S-PEER-1: fuse-overlayfs#435: the count was that of the names looked at so far.
TEST_P(Peers, NamesThatNobodyLookedAtCount) {
  for (const char* const directory : {"d", "d/e"}) ASSERT_EQ(top().Mkdir(directory), 0);
  ASSERT_EQ(top().Write("a", "text"), 0);
  for (const char* const name : {"b", "d/c", "d/e/f"}) ASSERT_EQ(top().Link("a", name), 0);
  Remount();
  EXPECT_EQ(top().Nlink("a"), 4U);
  ASSERT_EQ(top().Unlink("a"), 0);
  Remount();
  const UniqueFd open = top().Open("b", O_RDONLY);
  EXPECT_EQ(StatOf(open.get()).nlink, 3U);
  volume().KillServer();
  Mount();
  EXPECT_EQ(top().Nlink("d/e/f"), 3U);
}

// S-PEER-1: of one name, only one link may win.
TEST_P(Peers, P2_ConcurrentLinksToOneNameHaveOneWinner) {
  for (int process = 0; process < 4; ++process) ASSERT_EQ(top().Write(std::to_string(process), ""), 0);
  ASSERT_EQ(top().Mkdir("d"), 0);
  const auto race = [&](int process) {
    for (int i = 0; i < 50; ++i) {
      const Errno error = top().Link(std::to_string(process), "d/" + std::to_string(i));
      if (error.code != 0 && error.code != EEXIST) return 1;
    }
    return 0;
  };
  EXPECT_EQ(InChildren(4, race), 0);
  uint32_t links = 0;
  for (int process = 0; process < 4; ++process) links += top().Nlink(std::to_string(process)) - 1;
  EXPECT_EQ(links, 50U);
}

// S-PEER-1: removexattr acted on the file of the host with the same absolute path.
TEST_P(Peers, P3_NothingLeavesTheBacking) {
  const std::string host = Outside("host");
  ASSERT_EQ(Folder(Outside(".")).Write("host", "host"), 0);
  if (setxattr(host.c_str(), "user.x", "host", 4, 0) != 0) GTEST_SKIP() << "no user xattrs outside: " << Ended(-1);
  ASSERT_EQ(RunCommand({"mkdir", "-p", top().path() + Outside("")}).status, 0);
  ASSERT_EQ(top().Write(host, "mounted"), 0);
  ASSERT_EQ(top().SetXattr(host, "user.x", "mounted"), 0);
  ASSERT_EQ(top().RemoveXattr(host, "user.x"), 0);
  ASSERT_EQ(top().Chmod(host, 0600), 0);
  ASSERT_EQ(top().Unlink(host), 0);
  char value[8] = {};
  EXPECT_EQ(getxattr(host.c_str(), "user.x", value, sizeof value), 4);
  EXPECT_EQ(Folder("/").Read(host), "host");
}

// S-PEER-1: symlinks on the way must not lead the server out of its backing.
TEST_P(Peers, P3_ASymlinkPlantedOnTheBackingLeadsNowhere) {
  if (on_fat()) GTEST_SKIP() << "exFAT has no symlinks";
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("d/f", "mine"), 0);
  Unmount();
  ASSERT_EQ(RunCommand({"mkdir", Outside("trap")}).status, 0);
  ASSERT_EQ(Folder(Outside("trap")).Write("f", "host"), 0);
  ASSERT_EQ(RunCommand({"rm", "-r", bare().Path("d")}).status, 0);
  ASSERT_EQ(bare().Symlink(Outside("trap"), "d"), 0);
  Mount();
  EXPECT_EQ(top().Readlink("d"), Outside("trap"));
  ASSERT_EQ(top().Unlink("d"), 0);
  Unmount();
  EXPECT_EQ(Folder(Outside("trap")).Read("f"), "host");
}

// S-PEER-1: fsync was no operation at all.
TEST_P(Peers, P4_FsyncReachesTheDisk) {
  const UniqueFd file = top().Open("a", O_CREAT | O_WRONLY);
  const UniqueFd directory = top().Open(".", O_RDONLY | O_DIRECTORY);
  const std::optional<uint64_t> at_first = Flushes();
  ASSERT_EQ(WriteAll(file.get(), "text"), 0);
  ASSERT_EQ(Ended(fsync(file.get())), 0);
  const std::optional<uint64_t> after_file = Flushes();
  ASSERT_EQ(top().Write("b", "text"), 0);
  ASSERT_EQ(Ended(fsync(directory.get())), 0);
  const std::optional<uint64_t> after_directory = Flushes();
  if (!at_first.has_value()) return;  // elsewhere nothing can be counted
  EXPECT_GT(*after_file, *at_first);
  EXPECT_GT(*after_directory, *after_file);
}

// S-PEER-1: `p%(41)` was listed as `pA`.
TEST_P(Peers, P5_SpellingsAreNotMistakenForNames) {
  const std::vector<std::string> names{"%", "%%", "%(41)", "%25", "%2525", "%3F", "%41", "?", "p%(41)", "p%41", "pA"};
  for (const std::string& name : names) ASSERT_EQ(top().Write(name, name), 0);
  Remount();
  EXPECT_THAT(top().Names(), testing::UnorderedElementsAreArray(names));
  for (const std::string& name : names) EXPECT_EQ(top().Read(name), name);
}

// S-PEER-1: one name of 252 bytes made a directory unlistable.
TEST_P(Peers, P6_LongNamesDoNotHarmTheDirectory) {
  std::vector<std::string> names{"short"};
  for (size_t length = 245; length <= 255; ++length) {
    names.emplace_back(length, 'x');
    names.push_back(std::string(length - 1, ':') + "y");
  }
  for (const std::string& name : names) {
    ASSERT_EQ(top().Write(name, name), 0);
    ASSERT_EQ(top().Link(name, "link to " + std::to_string(name.size()) + name.substr(0, 1)), 0);
  }
  Remount();
  EXPECT_EQ(top().Names().size(), 2 * names.size());
  for (const std::string& name : names) EXPECT_EQ(top().Read(name), name);
}

// S-PEER-1: a corrupt record was deleted.
TEST_P(PeersOfACatalog, P7_ADamagedRecordIsReportedAndKept) {
  ASSERT_EQ(top().Write("bad", "text"), 0);
  ASSERT_EQ(top().Write("good", "good"), 0);
  const uint64_t ino = top().Ino("bad");
  Unmount();
  ASSERT_EQ(DamageStoredRecord(bare().path(), ino), 0);
  for (int round = 0; round < 2; ++round) {
    Mount();
    EXPECT_EQ(top().Status("bad").error, EUCLEAN);
    EXPECT_EQ(top().Opens("bad", O_RDONLY), EUCLEAN);
    EXPECT_THAT(volume().Log(), HasSubstr("damaged row left as it is: the record of inode " + std::to_string(ino)));
    EXPECT_EQ(top().Read("good"), "good");
    EXPECT_EQ(top().Write("new", "new"), 0);
    EXPECT_THAT(top().Names(), ElementsAre("bad", "good", "new"));
    Unmount();
    EXPECT_EQ(bare().Read("bad"), "text");
  }
}

// S-PEER-1
TEST_P(PeersOfACatalog, P7_ADamagedNameCostsOnlyItself) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  for (const char* const name : {"d/bad", "d/good", "d/other"}) ASSERT_EQ(top().Write(name, name), 0);
  ASSERT_EQ(top().Link("d/bad", "second"), 0);
  const uint64_t directory = top().Ino("d");
  Unmount();
  ASSERT_EQ(DamageStoredName(bare().path(), directory, "bad"), 0);
  for (int round = 0; round < 2; ++round) {
    Mount();
    EXPECT_THAT(top().Names("d"), ElementsAre("good", "other"));
    EXPECT_THAT(volume().Log(), HasSubstr("damaged row"));
    EXPECT_EQ(top().Status("d/bad").error, EUCLEAN);
    EXPECT_EQ(top().Write("d/bad", ""), EUCLEAN);
    EXPECT_EQ(top().Read("second"), "d/bad");
    EXPECT_EQ(top().Write("d/good", "written"), 0);
    EXPECT_EQ(top().Rmdir("d").code, ENOTEMPTY);
    Unmount();
    EXPECT_EQ(bare().Read("d/bad"), "d/bad");
  }
  Mount();
  ASSERT_EQ(top().Unlink("d/good"), 0);
  ASSERT_EQ(top().Unlink("d/other"), 0);
  EXPECT_EQ(top().Rmdir("d"), EUCLEAN);
}

// S-PEER-1: it fell back on its own links only where the backing said EPERM.
TEST_P(Peers, P8_LinksAreFoundOutByTrying) {
  Unmount();
  const std::string table = RunCommand({Command(), "probe", bare().path()}).out;
  const size_t row = table.find("hard links");
  ASSERT_NE(row, std::string::npos) << table;
  const std::string line = table.substr(row, table.find('\n', row) - row);
  EXPECT_THAT(line, HasSubstr(on_fat() ? "| no " : "| yes"));
  Mount();
  ASSERT_EQ(top().Write("a", ""), 0);
  EXPECT_EQ(top().Link("a", "b"), 0);
}

// S-PEER-1: two names of a file did not share page cache and attributes.
TEST_P(Peers, P13_NamesShareOneCache) {
  ASSERT_EQ(top().Write("a", std::string(8192, '.')), 0);
  ASSERT_EQ(top().Link("a", "b"), 0);
  const UniqueFd first = top().Open("a", O_RDWR);
  const UniqueFd second = top().Open("b", O_RDWR);
  auto* const one = static_cast<char*>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, first.get(), 0));
  auto* const two = static_cast<char*>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, second.get(), 0));
  ASSERT_NE(one, MAP_FAILED);
  ASSERT_NE(two, MAP_FAILED);
  one[5000] = 'x';
  EXPECT_EQ(two[5000], 'x');
  munmap(one, 8192);
  munmap(two, 8192);
  ASSERT_EQ(pwrite(second.get(), "written", 7, 0), 7);
  char text[7] = {};
  ASSERT_EQ(pread(first.get(), text, 7, 0), 7);
  EXPECT_EQ(std::string(text, 7), "written");
  ASSERT_EQ(Ended(ftruncate(first.get(), 3)), 0);
  EXPECT_EQ(top().Status("b").size, 3U);
  ASSERT_EQ(top().Chmod("b", 0751), 0);
  EXPECT_EQ(StatOf(first.get()).permissions(), 0751U);
}

// S-PEER-1: juicefs#7502, ZeroFS#278: the file was gone.
TEST_P(Peers, RenameOntoAnotherNameOfTheSameFileKeepsBoth) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Link("a", "d/b"), 0);
  ASSERT_EQ(top().Rename("a", "d/b"), 0);
  EXPECT_EQ(top().Read("a"), "text");
  EXPECT_EQ(top().Read("d/b"), "text");
  EXPECT_EQ(top().Nlink("a"), 2U);
}

// S-PEER-1: fuse-mt#23: with a count of 0 in its cache the kernel refuses to link by itself.
TEST_P(Peers, AFileThatLostANameCanBeLinkedAgain) {
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(top().Write("a", "text"), 0);
    ASSERT_EQ(top().Link("a", "b"), 0);
    ASSERT_EQ(top().Unlink("a"), 0);
    ASSERT_EQ(top().Link("b", "a"), 0);
    EXPECT_EQ(top().Nlink("a"), 2U);
    ASSERT_EQ(top().Unlink("b"), 0);
    ASSERT_EQ(top().Unlink("a"), 0);
  }
}

// S-PEER-1: gocryptfs#585: on one exFAT all empty files were inode 1.
TEST_P(Peers, EmptyFilesAreDifferentFiles) {
  Unmount();
  for (int i = 0; i < 20; ++i) ASSERT_EQ(bare().Write(std::to_string(i), ""), 0);
  Mount();
  std::set<uint64_t> numbers;
  for (int i = 0; i < 20; ++i) numbers.insert(top().Ino(std::to_string(i)));
  EXPECT_EQ(numbers.size(), 20U);
  ASSERT_EQ(top().Append("3", "text"), 0);
  EXPECT_EQ(top().Read("4"), "");
}

}  // namespace
}  // namespace hardlinkfs
