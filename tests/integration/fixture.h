// MountTest: a fresh hardlinkfs, mounted by the real command over a fresh directory of a backing. The suites run on each backing there is:
// exFAT and others that HARDLINKFS_TEST_BACKINGS names (tests/run makes one), ext4 (or whatever TMPDIR lies on), and tmpfs.
#ifndef HARDLINKFS_TESTS_INTEGRATION_FIXTURE_H_
#define HARDLINKFS_TESTS_INTEGRATION_FIXTURE_H_

#include <gtest/gtest.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/integration/folder.h"
#include "tests/integration/process.h"

namespace hardlinkfs {

inline constexpr char kCatalogRegime[] = "names=catalog";
inline constexpr char kMirrorRegime[] = "names=backing";

// A place for volumes. Its name is part of the tests' names.
struct TestBacking {
  std::string name;
  std::string directory;
  std::string regime = kCatalogRegime;  // mount options

  bool is_mirror() const { return regime == kMirrorRegime; }
};
void PrintTo(const TestBacking& backing, std::ostream* out);

std::vector<TestBacking> TestBackings();
// Each of them with names=catalog, and with names=backing where it has hard links; and with names=backing those that
// HARDLINKFS_TEST_MIRRORS names (tests/run makes btrfs and xfs).
std::vector<TestBacking> BackingsAndMirrors();
// Those of them with names=backing.
std::vector<TestBacking> Mirrors();
std::string NameOf(const testing::TestParamInfo<TestBacking>& info);

std::string TemporaryDirectory();

// RETURNS: the `hardlinkfs` command that is tested.
std::string Command();

// Exit statuses of mount(8).
inline constexpr int kUsage = 1;
inline constexpr int kMountFailed = 32;

// A refusal is one line on stderr, with the name of the program before it.
void ExpectRefused(const CommandResult& result, int status);

// A directory that goes with its owner, and whatever is mounted in it.
class ScratchDirectory {
 public:
  explicit ScratchDirectory(const std::string& parent);
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// One volume and its mount. All expectations inside are gtest's.
class MountedVolume {
 public:
  // Both directories exist. Mounts nothing yet. `regime` comes before all mount options.
  MountedVolume(std::string source, std::string mountpoint, std::string regime = kCatalogRegime);
  // Unmounts; a server that does not end is killed.
  ~MountedVolume();
  MountedVolume(const MountedVolume&) = delete;
  MountedVolume& operator=(const MountedVolume&) = delete;

  void Mount(const std::string& options = "", const std::optional<User>& user = std::nullopt);
  // Tries to. The server is ours to unmount if it worked.
  CommandResult TryMount(const std::string& options = "", const std::optional<User>& user = std::nullopt);
  // umount(2), and waits for the server to end, which must be with success.
  void Unmount();
  void Remount(const std::string& options = "");
  // kill -9, and waits for the end. The dead mount stays where it is.
  void KillServer();
  void Signal(int signal);
  // RETURNS: its exit status, 128 + signal when it was killed; -1 when there is none.
  int WaitForServer();

  bool mounted() const { return server_ > 0; }
  pid_t server() const { return server_; }
  const std::string& source() const { return source_; }
  const std::string& mountpoint() const { return mountpoint_; }
  // What the server has logged in this mount.
  std::string Log() const;

 private:
  std::string source_;
  std::string mountpoint_;
  std::string log_;
  std::string regime_;
  pid_t server_ = 0;
};

class MountTest : public testing::TestWithParam<TestBacking> {
 protected:
  MountTest();
  void SetUp() override { volume_.Mount(); }
  void TearDown() override;

  void Mount(const std::string& options = "") { volume_.Mount(options); }
  void Unmount() { volume_.Unmount(); }
  void Remount(const std::string& options = "") { volume_.Remount(options); }
  // What a power cut leaves of the catalog: what was synced. The contents stay.
  void LosePower();

  // The root as seen through the mount, and bare.
  const Folder& top() const { return top_; }
  const Folder& bare() const { return bare_; }
  MountedVolume& volume() { return volume_; }
  // A directory on the same filesystem as the mount point, outside of the mount.
  std::string Outside(std::string_view name) const { return elsewhere_.path() + "/" + std::string(name); }
  // exFAT or vfat: no owners, no modes, no holes.
  bool on_fat() const { return GetParam().name == "exfat" || GetParam().name == "vfat"; }
  // btrfs and xfs, whose limits are a mirror's limits too.
  bool on_btrfs() const { return GetParam().name == "btrfsMirror"; }
  bool on_xfs() const { return GetParam().name == "xfsMirror"; }
  // What nlink says of a directory in which `counted` are counted: btrfs does not count.
  uint32_t DirectoryNlink(uint32_t counted) const { return on_btrfs() ? 1 : counted; }

 private:
  ScratchDirectory elsewhere_;
  ScratchDirectory source_;
  MountedVolume volume_;
  Folder top_;
  Folder bare_;
};

// The same, with nothing mounted at first.
class UnmountedTest : public MountTest {
 protected:
  void SetUp() override {}
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_INTEGRATION_FIXTURE_H_
