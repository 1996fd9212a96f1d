// VfsTest: a Vfs on a machine, with a test in the place of the kernel.
#ifndef HARDLINKFS_TESTS_UNIT_VFS_VFS_FIXTURE_H_
#define HARDLINKFS_TESTS_UNIT_VFS_VFS_FIXTURE_H_

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "tests/model/invariants.h"
#include "tests/model/machine.h"

namespace hardlinkfs {

class VfsTest : public testing::Test {
 protected:
  static MachineOptions OnExfat() {
    MachineOptions options;
    options.backing.capabilities = ExfatCapabilities();
    return options;
  }
  explicit VfsTest(const MachineOptions& options = OnExfat()) : machine_(options) {}

  void SetUp() override {
    ASSERT_EQ(machine_.Open().code(), 0);
    ASSERT_EQ(vfs().OpenDirectory(kRootInode).code(), 0);
  }
  void TearDown() override { EXPECT_THAT(BrokenInvariants(machine_, Moment::kRunning), testing::IsEmpty()); }

  Vfs& vfs() { return machine_.vfs(); }
  CatalogVolume& volume() { return machine_.volume(); }
  ManualClock& clock() { return machine_.clock(); }

  void Remount() {
    ASSERT_EQ(machine_.Close().code(), 0);
    ASSERT_EQ(machine_.Open().code(), 0);
  }

  // Each counts a lookup, as it does for the kernel.
  InodeId File(const std::string& name, InodeId directory = kRootInode, uint32_t mode = 0644) {
    const auto made = vfs().MakeNode(root_, directory, name, {.type = FileType::kRegular, .mode = mode});
    EXPECT_EQ(made.code(), 0) << name;
    return made.ok() ? made->inode : InodeId{};
  }
  InodeId Directory(const std::string& name, InodeId directory = kRootInode, uint32_t mode = 0755) {
    const auto made = vfs().MakeNode(root_, directory, name, {.type = FileType::kDirectory, .mode = mode});
    EXPECT_EQ(made.code(), 0) << name;
    return made.ok() ? made->inode : InodeId{};
  }
  Attributes Look(InodeId inode) {
    const auto attributes = vfs().GetAttributes(inode);
    EXPECT_EQ(attributes.code(), 0);
    return attributes.ok() ? *attributes : Attributes{};
  }
  std::string Content(InodeId inode) {
    std::string bytes(1000, '\0');
    const auto got = vfs().Read(inode, bytes, 0);
    return got.ok() ? bytes.substr(0, *got) : "error " + std::to_string(got.code());
  }
  int Write(InodeId inode, const std::string& bytes, uint64_t offset = 0) { return vfs().Write(inode, bytes, offset, false).code(); }
  int Rename(const std::string& from, const std::string& to, RenameMode mode = RenameMode::kReplace) {
    return vfs().Rename(root_, kRootInode, from, kRootInode, to, mode).code();
  }
  std::vector<std::string> List(InodeId directory) {
    std::vector<std::string> names;
    DirectoryStream stream;
    EXPECT_EQ(vfs()
                  .ReadDirectory(directory, stream, 0, ListingMode::kNames,
                                 [&](const DirectoryEntry& entry) {
                                   names.emplace_back(entry.name);
                                   return true;
                                 })
                  .code(),
              0);
    std::sort(names.begin(), names.end());
    return names;
  }
  // RETURNS: whether the inode is still there after everything that can be reclaimed was.
  bool OutlivesReclaim(InodeId inode) {
    while (*volume().ReclaimSome(100) > 0) {
    }
    return volume().Read(inode).ok();
  }

  const Caller root_{};
  Machine machine_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_UNIT_VFS_VFS_FIXTURE_H_
