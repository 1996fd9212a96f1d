// A catalog that is damaged or gone: S-CATALOG-* of docs/semantics.md.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

namespace fs = std::filesystem;

using testing::HasSubstr;

class Fallback : public UnmountedTest {
 protected:
  std::string Catalog() const { return bare().Path(".hardlinkfs/catalog"); }
  std::string Snapshot(const std::string& name) const { return bare().Path(".hardlinkfs/snapshots/" + name); }

  // "a" and "d/link" are one file of others, in the snapshot that the unmount takes.
  void MakeSnapshot() {
    Mount();
    ASSERT_EQ(top().Write("a", "old content"), 0);
    ASSERT_EQ(top().Chmod("a", 0664), 0);
    ASSERT_EQ(top().Chown("a", 1234, 1234), 0);
    ASSERT_EQ(top().Mkdir("d", 0755), 0);
    ASSERT_EQ(top().Link("a", "d/link"), 0);
    ASSERT_EQ(top().Symlink("a", "symlink"), 0);
    Unmount();
    ASSERT_TRUE(fs::exists(Snapshot("0")));
  }
  void Damage(const std::string& path) {
    const auto size = fs::file_size(path);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.write(std::string(size, '\x5a').data(), static_cast<std::streamsize>(size));
  }
  // RETURNS: how many there were.
  int DamageAll(const std::string& with) {
    int damaged = 0;
    for (const auto& entry : fs::directory_iterator(Catalog())) {
      if (entry.path().filename().string().find(with) == std::string::npos) continue;
      Damage(entry.path());
      ++damaged;
    }
    return damaged;
  }
  void ExpectFallback(const std::string& options = "") {
    const CommandResult mounted = volume().TryMount(options);
    ASSERT_EQ(mounted.status, 0) << mounted.err;
    // One line, besides that about a server that was killed.
    std::string said = mounted.err;
    if (const size_t killed = said.find("whose server had died\n"); killed != std::string::npos) said.erase(0, said.find('\n') + 1);
    EXPECT_THAT(said, HasSubstr("the catalog was damaged; going on from its snapshot"));
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
    EXPECT_THAT(volume().Log(), HasSubstr("going on from the snapshot of the catalog"));
    const CommandResult status = RunCommand({Command(), "status", top().path()});
    EXPECT_THAT(status.out, HasSubstr("goes on from its snapshot of "));
  }
  void ExpectOldTree() {
    EXPECT_THAT(top().Tree(), testing::UnorderedElementsAre("a", "d/", "d/link", "symlink"));
    EXPECT_EQ(top().Read("d/link"), "old content");
    EXPECT_EQ(top().Nlink("a"), 2U);
    EXPECT_EQ(top().Status("a").mode & 07777, 0664U);
    EXPECT_EQ(top().Status("a").uid, 1234U);
    EXPECT_EQ(top().Readlink("symlink"), "a");
  }
};
INSTANTIATE_TEST_SUITE_P(, Fallback, testing::ValuesIn(TestBackings()), NameOf);

// S-CATALOG-1
TEST_P(Fallback, AnyDamageThatKeepsTheCatalogFromBeingOpenedIsOvercome) {
  const std::vector<std::string> damages{"CURRENT.", "MANIFEST-"};
  for (const std::string& damage : damages) {
    SCOPED_TRACE(damage);
    MakeSnapshot();
    ASSERT_GT(DamageAll(damage), 0);
    ExpectFallback();
    ExpectOldTree();
    ASSERT_EQ(top().Write("new", "new"), 0);
    Remount();
    EXPECT_EQ(top().Read("new"), "new");
    Unmount();
    fs::remove_all(bare().Path(".hardlinkfs"));
    for (const char* const left : {"a", "d", "new"}) fs::remove_all(bare().Path(left));
  }
}

// S-CATALOG-1
TEST_P(Fallback, AnEmptyOrHalfCatalogIsOvercome) {
  MakeSnapshot();
  for (const auto& entry : fs::directory_iterator(Catalog())) {
    if (entry.path().filename().string().starts_with("MANIFEST-")) fs::remove(entry.path());
  }
  ExpectFallback();
  ExpectOldTree();
  Unmount();
  for (const auto& entry : fs::directory_iterator(Catalog())) fs::remove_all(entry.path());
  ExpectFallback();
  ExpectOldTree();
}

// S-CATALOG-1
TEST_P(Fallback, ADamagedTableIsFoundAfterACrash) {
  MakeSnapshot();
  Mount();  // writes the log out to a table
  volume().KillServer();
  ASSERT_GT(DamageAll(".sst"), 0);
  ExpectFallback();
  ExpectOldTree();
  EXPECT_TRUE(fs::exists(Catalog() + "/CURRENT.0")) << "the damaged one is kept";
}

// S-CATALOG-2
TEST_P(Fallback, WhatWasChangedSinceGetsNoPermissionsOfBefore) {
  MakeSnapshot();
  Mount("snapshot=off");
  ASSERT_EQ(top().Write("later", "later"), 0);
  const uint64_t highest = top().Ino("later");
  // "a" was everybody's. By now a secret has that name, and lies in its place.
  ASSERT_EQ(top().Unlink("a"), 0);
  ASSERT_EQ(top().Write("secret", "a secret of some length", 0600), 0);
  ASSERT_EQ(top().Rename("secret", "a"), 0);
  ASSERT_EQ(top().Rename("later", "d/later"), 0);
  Unmount();
  ASSERT_EQ(bare().Read("a"), "a secret of some length");
  ASSERT_GT(DamageAll("MANIFEST-"), 0);
  ExpectFallback();
  for (const std::string& path : top().Tree()) {
    if (S_ISLNK(top().Status(path).mode) || path.ends_with("/") || top().Read(path) != "a secret of some length") continue;
    EXPECT_EQ(top().Status(path).mode & 07777, 0600U) << path;
    EXPECT_EQ(top().Status(path).uid, getuid()) << path;
  }
  EXPECT_EQ(top().Read("a"), "a secret of some length");
  EXPECT_EQ(top().Read("d/later"), "later") << "found again";
  // Where the backing keeps modes it has the true one.
  const bool keeps_modes = (bare().Status("d/later").mode & 07777) == 0644;
  EXPECT_EQ(top().Status("d/later").mode & 07777, keeps_modes ? 0644U : 0600U);
  ASSERT_EQ(top().Write("newest", "x"), 0);
  EXPECT_GT(top().Ino("newest"), highest) << "a number was used again";
  Unmount();
  // Nothing that was there before is gone from the backing.
  std::vector<std::string> contents;
  for (const std::string& path : bare().Tree()) {
    if (!path.ends_with("/") && !path.starts_with(".hardlinkfs")) contents.push_back(bare().Read(path));
  }
  EXPECT_THAT(contents, testing::IsSupersetOf({std::string("old content"), std::string("a secret of some length"), std::string("later")}));
}

// S-CATALOG-1
TEST_P(Fallback, TheOlderSnapshotIsUsedWhenTheNewerIsDamagedAndNoneWhenBothAre) {
  MakeSnapshot();
  Mount("snapshot=1");
  ASSERT_EQ(top().Write("b", "b"), 0);
  ASSERT_TRUE(Eventually([this] { return fs::exists(Snapshot("1")) && fs::file_size(Snapshot("1")) > 0; }));
  Unmount();
  ASSERT_TRUE(fs::exists(Snapshot("0")) && fs::exists(Snapshot("1")));
  const bool newer_is_0 = fs::last_write_time(Snapshot("0")) > fs::last_write_time(Snapshot("1"));
  const std::string newer = Snapshot(newer_is_0 ? "0" : "1");
  const std::string older = Snapshot(newer_is_0 ? "1" : "0");
  ASSERT_GT(DamageAll("CURRENT."), 0);
  fs::resize_file(newer, fs::file_size(newer) / 2);
  const auto copy = older + ".copy";
  fs::copy_file(older, copy);
  fs::resize_file(older, fs::file_size(older) - 1);
  const CommandResult refused = volume().TryMount();
  ExpectRefused(refused, kMountFailed);
  EXPECT_THAT(refused.err, HasSubstr("hardlinkfs rebuild"));
  fs::rename(copy, older);
  ExpectFallback("snapshot=off");
  EXPECT_EQ(top().Read("d/link"), "old content");
}

// S-CATALOG-3, S-MOUNT-7
TEST_P(Fallback, AWrongOrMissingStoreIsNoDamage) {
  const std::string store = Outside("store");
  Mount("store=" + store);
  ASSERT_EQ(top().Write("a", "x"), 0);
  Unmount();
  EXPECT_TRUE(fs::exists(store + "/snapshots/0")) << "where the catalog is";
  EXPECT_FALSE(fs::exists(bare().Path(".hardlinkfs/snapshots")));
  ExpectRefused(volume().TryMount(), kMountFailed);
  ExpectRefused(volume().TryMount("store=" + Outside("none")), kMountFailed);
  fs::create_directory(Outside("empty"));
  ExpectRefused(volume().TryMount("store=" + Outside("empty")), kMountFailed);
  EXPECT_TRUE(fs::is_empty(Outside("empty")));

  // Another volume's store, damaged, with snapshots of that one.
  ScratchDirectory other_source(GetParam().directory);
  ScratchDirectory other_mountpoint(Outside("."));
  {
    MountedVolume other(other_source.path(), other_mountpoint.path());
    other.Mount("store=" + Outside("other"));
    other.Unmount();
  }
  for (const auto& entry : fs::directory_iterator(Outside("other"))) {
    if (entry.path().filename().string().starts_with("CURRENT.")) Damage(entry.path());
  }
  ExpectRefused(volume().TryMount("store=" + Outside("other")), kMountFailed);
  EXPECT_FALSE(fs::exists(Outside("other") + "/restored-1"));

  // Its own, damaged.
  for (const auto& entry : fs::directory_iterator(store)) {
    if (entry.path().filename().string().starts_with("CURRENT.")) Damage(entry.path());
  }
  ExpectFallback("store=" + store);
  EXPECT_EQ(top().Read("a"), "x");
}

// S-CATALOG-4
TEST_P(Fallback, SnapshotsAreTakenWhileMountedOnlyWhenSomethingChanged) {
  Mount("snapshot=1");
  ASSERT_EQ(top().Write("a", "x"), 0);
  ASSERT_TRUE(Eventually([this] { return fs::exists(Snapshot("0")) && fs::file_size(Snapshot("0")) > 0; }));
  Unmount();
}

// S-CATALOG-4
TEST_P(Fallback, SnapshotsCanBeSwitchedOff) {
  Mount("snapshot=off");
  ASSERT_EQ(top().Write("a", "x"), 0);
  Unmount();
  EXPECT_FALSE(fs::exists(bare().Path(".hardlinkfs/snapshots")));
}

}  // namespace
}  // namespace hardlinkfs
