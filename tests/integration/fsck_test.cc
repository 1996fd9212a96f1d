// fsck.hardlinkfs and rebuild on real volumes: S-FSCK-* and S-REBUILD-* of docs/semantics.md. What is repaired and how is tested in
// tests/unit/volume.
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "gmock/gmock.h"
#include "store/base/unique_fd.h"
#include "tests/integration/catalog_surgery.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::StartsWith;

std::string FsckName() { return fs::path(Command()).parent_path() / "fsck.hardlinkfs"; }

class Fsck : public MountTest {
 protected:
  // A file of two names, a private one, a directory; unmounted.
  void Prepare() {
    ASSERT_EQ(top().Write("file", "file", 0644), 0);
    ASSERT_EQ(top().Link("file", "link"), 0);
    ASSERT_EQ(top().Mkdir("d"), 0);
    ASSERT_EQ(top().Write("d/inside", "inside", 0600), 0);
    ASSERT_EQ(top().Symlink("target", "symlink"), 0);
    ino_ = top().Ino("file");
    Unmount();
  }
  CommandResult Check(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), FsckName());
    arguments.push_back(volume().source());
    return RunCommand(arguments);
  }
  // Every file of the private area with its bytes.
  std::map<std::string, std::string> Private() const {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(volume_path() + "/.hardlinkfs")) {
      std::ostringstream bytes;
      if (entry.is_regular_file()) bytes << std::ifstream(entry.path(), std::ios::binary).rdbuf();
      all[entry.path()] = bytes.str();
    }
    return all;
  }
  std::string volume_path() const { return bare().path(); }

  uint64_t ino_ = 0;
};
INSTANTIATE_TEST_SUITE_P(, Fsck, testing::ValuesIn(TestBackings()), NameOf);

// Runs fsck on a terminal, types `answer` at the first question (or sends SIGINT there, if it is nullptr). RETURNS: its status and what it
// showed.
std::pair<int, std::string> OnATerminal(const std::string& source, const char* answer) {
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, nullptr);
  if (child == 0) {
    execl(FsckName().c_str(), "fsck.hardlinkfs", source.c_str(), nullptr);
    _exit(127);
  }
  const UniqueFd owned(terminal);
  std::string shown;
  bool answered = false;
  for (char part[512];;) {
    const ssize_t got = read(terminal, part, sizeof part);
    if (got <= 0) break;  // EIO when the other side is closed
    shown.append(part, static_cast<size_t>(got));
    if (answered || shown.find("<y>? ") == shown.npos) continue;
    answered = true;
    if (answer == nullptr) {
      kill(child, SIGINT);
    } else if (write(terminal, answer, strlen(answer)) < 0) {
      break;
    }
  }
  int status = 0;
  waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, shown};
}

// S-FSCK-4
TEST_P(Fsck, OfACleanVolumeSaysSoAtOnce) {
  Prepare();
  const auto before = Private();
  for (const char* mode : {"-n", "-p", "-a", "-y"}) {
    const CommandResult result = Check({mode});
    EXPECT_EQ(result.status, 0) << mode;
    EXPECT_EQ(result.out, volume_path() + ": clean, 5 inodes\n") << mode;
  }
  EXPECT_EQ(Private(), before);
  const CommandResult forced = Check({"-f", "-y"});
  EXPECT_EQ(forced.status, 0);
  EXPECT_THAT(forced.out, AllOf(HasSubstr("Pass 1: Checking records\n"), HasSubstr("Pass 5: Checking homes\n"),
                                HasSubstr("5 inodes (2 directories), 5 names")));
}

// S-FSCK-1, S-FSCK-5
TEST_P(Fsck, FindsAndRepairsDamage) {
  Prepare();
  ASSERT_EQ(SetStoredNlink(volume().source(), ino_, 7), 0);
  ASSERT_EQ(DamageStoredRecord(volume().source(), ino_ + 1), 0);
  const auto before = Private();
  const CommandResult looked = Check({"-n", "-f"});
  EXPECT_EQ(looked.status, 4);
  EXPECT_THAT(looked.out, AllOf(HasSubstr("has the link count 7, should be 2. Correct it? no"), HasSubstr("still has errors")));
  EXPECT_EQ(Private(), before) << "-n changed something";

  const CommandResult preened = Check({"-p", "-f"});
  EXPECT_EQ(preened.status, 1 | 4);
  EXPECT_THAT(preened.out, AllOf(HasSubstr("REPAIRED"), HasSubstr("UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.")));

  const CommandResult repaired = Check({"-y"});
  EXPECT_EQ(repaired.status, 1);
  EXPECT_THAT(repaired.out, AllOf(HasSubstr("is damaged. Make it anew? yes"), HasSubstr("VOLUME WAS MODIFIED")));
  EXPECT_EQ(Check({"-f", "-n"}).status, 0);
  EXPECT_EQ(Check({"-n"}).out, volume_path() + ": clean, 5 inodes\n");

  Mount();
  EXPECT_EQ(top().Read("link"), "file");
  EXPECT_EQ(top().Nlink("file"), 2U);
  EXPECT_EQ(top().Read("d/inside"), "inside");
  EXPECT_EQ(top().Readlink("symlink"), "target");
}

// S-FSCK-5
TEST_P(Fsck, ChangesNothingAfterAKillEither) {
  ASSERT_EQ(top().Write("file", "file"), 0);
  ASSERT_EQ(top().Link("file", "link"), 0);
  ASSERT_EQ(top().Rename("file", "renamed"), 0);
  volume().KillServer();
  umount2(volume().mountpoint().c_str(), MNT_DETACH);
  const auto before = Private();
  const CommandResult looked = Check({"-n", "-v"});
  EXPECT_EQ(looked.status, 0) << looked.out;
  EXPECT_THAT(looked.out, HasSubstr("was not unmounted cleanly; checked without recovery"));
  EXPECT_EQ(Private(), before);
  const CommandResult repaired = Check({"-p"});
  EXPECT_EQ(repaired.status, 0) << repaired.out;
  EXPECT_THAT(repaired.out, HasSubstr("was not unmounted cleanly, recovering"));
  EXPECT_THAT(Check({"-n"}).out, HasSubstr(": clean, 2 inodes"));
  EXPECT_THAT(bare().Names(), Contains(testing::AnyOf("link", "renamed")));
  Mount();
  EXPECT_EQ(top().Read("renamed"), "file");
  EXPECT_EQ(top().Nlink("link"), 2U);
}

// S-FSCK-6
TEST_P(Fsck, OfAMountedVolumeIsRefused) {
  ASSERT_EQ(top().Write("file", "file"), 0);
  for (const char* mode : {"-n", "-y"}) {
    const CommandResult result = Check({mode});
    EXPECT_EQ(result.status, 8) << mode;
    EXPECT_THAT(result.err, HasSubstr("is mounted on " + volume().mountpoint())) << mode;
  }
  const CommandResult above = RunCommand({FsckName(), "-n", volume().mountpoint()});
  EXPECT_EQ(above.status, 8);
  EXPECT_EQ(top().Read("file"), "file");
}

// S-FSCK-7
TEST_P(Fsck, AsksOnATerminalOnly) {
  Prepare();
  const CommandResult blind = Check({});
  EXPECT_EQ(blind.status, 8);
  EXPECT_THAT(blind.err, HasSubstr("need terminal for interactive repairs"));

  ASSERT_EQ(SetStoredNlink(volume().source(), ino_, 7), 0);
  ASSERT_EQ(DamageStoredRecord(volume().source(), ino_ + 1), 0);  // so that there is no clean end to be believed
  ASSERT_EQ(MarkStoredUnclean(volume().source()), 0);
  EXPECT_EQ(OnATerminal(volume().source(), "n\nn\n").first, 4);
  const auto [interrupted, shown] = OnATerminal(volume().source(), nullptr);
  EXPECT_EQ(interrupted & 32, 32) << shown;
  EXPECT_EQ(OnATerminal(volume().source(), "a\n").first, 1);
  EXPECT_EQ(Check({"-f", "-n"}).status, 0);
}

// S-FSCK-4
TEST_P(Fsck, TellsProgressAndUsage) {
  Prepare();
  const std::string lines = Outside("progress");
  const CommandResult progress = RunCommand({"sh", "-c", "exec \"$0\" -f -y -C 7 \"$1\" 7>\"$2\"", FsckName(), volume().source(), lines});
  EXPECT_EQ(progress.status, 0) << progress.err;
  std::ifstream file(lines);
  std::string line;
  std::vector<std::string> all;
  while (std::getline(file, line)) all.push_back(line);
  ASSERT_FALSE(all.empty());
  EXPECT_THAT(all, testing::Each(MatchesRegex("[1-5] [0-9]+ [0-9]+ " + volume_path())));
  EXPECT_THAT(all.back(), StartsWith("5 "));

  EXPECT_EQ(RunCommand({FsckName()}).status, 16);
  EXPECT_EQ(Check({"-n", "-y"}).status, 16);
  EXPECT_EQ(Check({"--nonsense"}).status, 16);
  EXPECT_EQ(RunCommand({FsckName(), "-n", Outside("nothing")}).status, 8);
  EXPECT_EQ(RunCommand({Command(), "fsck", "-n", volume().source()}).status, 0);
  const std::string empty = Outside("empty");
  ASSERT_EQ(mkdir(empty.c_str(), 0755), 0);
  const CommandResult none = RunCommand({FsckName(), "-y", empty});
  EXPECT_EQ(none.status, 8);
  EXPECT_THAT(none.err, HasSubstr("there is no volume here"));
  EXPECT_TRUE(fs::is_empty(empty)) << "fsck made a volume";
  // A server that was making it has died, and none of it is anybody's yet.
  ASSERT_EQ(mkdir((empty + "/.hardlinkfs").c_str(), 0700), 0);
  const CommandResult begun = RunCommand({FsckName(), "-y", empty});
  EXPECT_EQ(begun.status, 0);
  EXPECT_THAT(begun.out, HasSubstr("nothing to check"));
}

class Rebuild : public Fsck {
 protected:
  CommandResult Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {Command(), "rebuild"});
    arguments.push_back(volume().source());
    return RunCommand(arguments);
  }
};
INSTANTIATE_TEST_SUITE_P(, Rebuild, testing::ValuesIn(TestBackings()), NameOf);

// S-REBUILD-1, S-REBUILD-2, S-REBUILD-3
TEST_P(Rebuild, FindsEveryContentAgain) {
  ASSERT_EQ(top().Write("a:b", "odd name", 0644), 0);
  Prepare();
  const fs::path hidden = volume_path() + "/.hardlinkfs";
  std::ofstream(hidden / "homes" / "00000000000000ff") << "without a name";
  fs::remove_all(hidden / "catalog");
  EXPECT_NE(volume().TryMount().status, 0);
  ASSERT_EQ(Run({}).status, 2) << "without a terminal and -y";
  const CommandResult made = Run({"-y"});
  ASSERT_EQ(made.status, 0) << made.err;
  Mount("umask=0");
  for (const char* name : {"d/inside", "a:b", bare().Exists("file") ? "file" : "link"}) {
    const Stat stat = top().Status(name);
    EXPECT_EQ(stat.error, 0) << name;
    EXPECT_EQ(stat.permissions(), 0600U) << name;
    EXPECT_GT(stat.ino, ino_ + 1000) << name;
  }
  EXPECT_EQ(top().Read("a:b"), "odd name");
  EXPECT_EQ(top().Read("d/inside"), "inside");
  EXPECT_EQ(top().Status("d").permissions(), 0700U);
  EXPECT_EQ(top().Read("lost+found/homes-00000000000000ff"), "without a name");
  Unmount();
  EXPECT_EQ(Check({"-f", "-n"}).status, 0);
}

// S-REBUILD-2, S-REBUILD-4
TEST_P(Rebuild, OfAWholeCatalogOrAMountedVolumeIsRefused) {
  Prepare();
  const auto before = Private();
  const CommandResult whole = Run({"-y"});
  EXPECT_EQ(whole.status, 2);
  EXPECT_THAT(whole.err, HasSubstr("the catalog is whole"));
  EXPECT_EQ(Private(), before);
  Mount();
  EXPECT_EQ(Run({"-y", "--force"}).status, 2);
  Unmount();
  ASSERT_EQ(Run({"-y", "--force", "-o", "uid=1234,umask=022"}).status, 0);
  EXPECT_TRUE(fs::exists(volume_path() + "/.hardlinkfs/catalog.damaged/CURRENT.0"));
  Mount();
  EXPECT_EQ(top().Status("d/inside").uid, 1234U);
  EXPECT_EQ(top().Status("d/inside").permissions(), 0755U);
}

// S-REBUILD-1
TEST_P(Rebuild, WorksWithoutTheVolumeFile) {
  Prepare();
  std::ofstream(volume_path() + "/.hardlinkfs/volume") << "garbage";
  fs::remove_all(volume_path() + "/.hardlinkfs/catalog");
  EXPECT_NE(volume().TryMount().status, 0);
  ASSERT_EQ(Run({"-y"}).status, 0);
  EXPECT_TRUE(fs::exists(volume_path() + "/.hardlinkfs/volume.damaged"));
  Mount();
  EXPECT_EQ(top().Read("d/inside"), "inside");
}

}  // namespace
}  // namespace hardlinkfs
