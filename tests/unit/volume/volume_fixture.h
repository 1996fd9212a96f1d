// VolumeTest: a volume on a backing in memory, with short words for what tests do above it and, between sessions, below it.
#ifndef HARDLINKFS_TESTS_UNIT_VOLUME_VOLUME_FIXTURE_H_
#define HARDLINKFS_TESTS_UNIT_VOLUME_VOLUME_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "tests/model/invariants.h"
#include "tests/model/machine.h"

namespace hardlinkfs {

using Lines = std::vector<std::string>;

inline Name N(const std::string& name) { return *Name::From(name); }

inline MachineOptions OnExfat() {
  MachineOptions options;
  options.backing.capabilities = ExfatCapabilities();
  return options;
}

inline MachineOptions OnFat() {
  MachineOptions options = OnExfat();
  options.backing.capabilities.time_granularity = std::chrono::seconds(2);
  return options;
}

// As tests see a volume that is open; REQUIRES of the volume about locks are met here.
class VolumeTest : public testing::Test {
 protected:
  explicit VolumeTest(const MachineOptions& options = OnExfat()) : machine_(options) {}

  void SetUp() override { ASSERT_EQ(machine_.Open().code(), 0); }

  CatalogVolume& volume() { return machine_.volume(); }
  MemoryBacking& backing() { return machine_.backing(); }
  MemoryEngine& engine() { return machine_.engine(); }

  // --- Sessions. What has to hold after a clean end is checked.
  void Close() {
    ASSERT_EQ(machine_.Stop().code(), 0);
    EXPECT_THAT(BrokenInvariants(machine_, Moment::kStopped), testing::IsEmpty());
    machine_.Kill();
    machine_.clock().Advance(std::chrono::seconds(10));
  }
  void Open() { ASSERT_EQ(machine_.Open().code(), 0); }
  void Reopen() {
    Close();
    Open();
  }
  void KillAndOpen() {
    machine_.Kill();
    machine_.clock().Advance(std::chrono::seconds(10));
    Open();
  }
  void ExpectSound() { EXPECT_THAT(BrokenInvariants(machine_, Moment::kRunning), testing::IsEmpty()); }

  // --- Above. `at` is a path of names with '/' between; "" is the root.
  InodeId Find(const std::string& at) {
    InodeId inode = kRootInode;
    for (const std::string& part : Split(at)) {
      if (Status prepared = volume().PrepareDirectory(inode); !prepared.ok()) return InodeId{};
      const auto row = volume().Find(inode, N(part));
      if (!row.ok() || !volume().Prepare(row->record.inode).ok()) return InodeId{};
      inode = row->record.inode;
    }
    return inode;
  }
  InodeRecord Record(const std::string& at) { return *volume().Read(Find(at)); }

  Result<CreatedInode> Create(const std::string& at, const NewInode& what) {
    const auto [parent, name] = ParentOf(at);
    static_cast<void>(volume().PrepareDirectory(parent));
    const auto held = volume().locks().Exclusive(parent);
    return volume().Create(parent, N(name), what);
  }
  int TryFile(const std::string& at, const std::string& content = "") {
    const auto created = Create(at, {.type = FileType::kRegular, .mode = 0644});
    if (!created.ok()) return created.code();
    if (!content.empty() && !created->content->Write(content, 0).ok()) return EIO;
    const auto held = volume().locks().Exclusive(created->attributes.inode);
    EXPECT_TRUE(volume().RefreshContent(created->attributes.inode, *created->content, {.last_write = machine_.clock().Now()}).ok());
    return 0;
  }
  InodeId File(const std::string& at, const std::string& content = "") {
    EXPECT_EQ(TryFile(at, content), 0) << at;
    return Find(at);
  }
  InodeId Directory(const std::string& at) {
    EXPECT_EQ(Create(at, {.type = FileType::kDirectory, .mode = 0755}).code(), 0) << at;
    return Find(at);
  }
  InodeId Symlink(const std::string& at) {
    EXPECT_EQ(Create(at, {.type = FileType::kSymlink, .mode = 0777, .target = "target"}).code(), 0) << at;
    return Find(at);
  }
  int Link(const std::string& at, const std::string& to) {
    const InodeId inode = Find(at);
    const auto [parent, name] = ParentOf(to);
    static_cast<void>(volume().PrepareDirectory(parent));
    const auto held = volume().locks().Exclusive(std::array{inode, parent});
    return volume().Link({}, inode, parent, N(name)).code();
  }
  // Also of directories. What lost its last name can be reclaimed at once.
  int Remove(const std::string& at) {
    const InodeId inode = Find(at);
    const auto [parent, name] = ParentOf(at);
    const bool is_directory = volume().Read(inode).ok() && volume().Read(inode)->type == FileType::kDirectory;
    if (is_directory) static_cast<void>(volume().PrepareDirectory(inode));
    const auto held = volume().locks().Exclusive(std::array{inode, parent});
    const auto lost =
        is_directory ? volume().RemoveDirectory({}, parent, N(name), inode) : volume().Unlink({}, parent, N(name), inode, Use::kIdle);
    if (lost.ok() && lost->nlink == 0) volume().Reclaim(lost->inode);
    return lost.code();
  }
  int Rename(const std::string& from, const std::string& to, Replace replace = Replace::kAllowed) {
    const auto [directory, name] = ParentOf(from);
    const auto [new_directory, new_name] = ParentOf(to);
    const InodeId target = Find(to);
    const RenameRequest request{.directory = directory,
                                .name = N(name),
                                .inode = Find(from),
                                .new_directory = new_directory,
                                .new_name = N(new_name),
                                .target = Raw(target) == 0 ? std::nullopt : std::optional(target),
                                .replace = replace};
    const auto held = volume().locks().Exclusive(std::array{directory, new_directory, request.inode, request.target.value_or(directory)});
    const auto lost = volume().Rename({}, request);
    if (lost.ok() && lost->has_value() && (*lost)->nlink == 0) volume().Reclaim((*lost)->inode);
    return lost.code();
  }
  std::string Content(const std::string& at) {
    const auto content = volume().OpenContent(Find(at));
    if (!content.ok()) return "error " + std::to_string(content.code());
    std::string bytes(1000, '\0');
    const auto got = (*content)->Read(bytes, 0);
    return got.ok() ? bytes.substr(0, *got) : "error " + std::to_string(got.code());
  }
  // Every name, sorted: "d/", "d/file=content", "link@".
  Lines Names() {
    Lines lines;
    NamesBelow(kRootInode, "", lines);
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  // --- Below: the bare backing, as another machine sees it. The same paths and lines.
  Lines Bare() {
    Lines lines;
    BareBelow(backing().root(), "", lines);
    std::sort(lines.begin(), lines.end());
    return lines;
  }
  Lines InHomes() {
    Lines lines;
    BareBelow(machine_.homes(), "", lines);
    return lines;
  }
  BackingDirectoryRef BareDirectory(const std::string& at) {
    BackingDirectoryRef directory = backing().root();
    for (const std::string& part : Split(at)) directory = *backing().OpenDirectory(directory, BackingName(part));
    return directory;
  }
  void BareFile(const std::string& at, const std::string& content) {
    const auto [directory, name] = BareParentOf(at);
    auto file = backing().CreateFile(directory, name, 0777);
    if (!file.ok()) file = backing().OpenFile(directory, name);
    ASSERT_TRUE(file.ok() && (*file)->Truncate(0).ok() && (*file)->Write(content, 0).ok()) << at;
  }
  void BareMakeDirectory(const std::string& at) {
    const auto [directory, name] = BareParentOf(at);
    ASSERT_TRUE(backing().MakeDirectory(directory, name, 0777).ok()) << at;
  }
  void BareMove(const std::string& from, const std::string& to) {
    const auto [directory, name] = BareParentOf(from);
    const auto [new_directory, new_name] = BareParentOf(to);
    ASSERT_TRUE(backing().Rename(directory, name, new_directory, new_name).ok()) << from;
  }
  // With everything below.
  void BareRemove(const std::string& at) {
    const auto [directory, name] = BareParentOf(at);
    const auto below = backing().OpenDirectory(directory, name);
    if (!below.ok()) {
      ASSERT_TRUE(backing().RemoveFile(directory, name).ok()) << at;
      return;
    }
    Lines inside;
    static_cast<void>(backing().List(*below, [&](const BackingEntry& entry) {
      inside.push_back(entry.name.bytes());
      return true;
    }));
    for (const std::string& entry : inside) BareRemove(at + "/" + entry);
    ASSERT_TRUE(backing().RemoveDirectory(directory, name).ok()) << at;
  }

  static Lines Split(const std::string& at) {
    Lines parts;
    for (size_t begin = 0; begin < at.size();) {
      const size_t end = std::min(at.find('/', begin), at.size());
      parts.push_back(at.substr(begin, end - begin));
      begin = end + 1;
    }
    return parts;
  }

  Machine machine_;

 private:
  std::pair<InodeId, std::string> ParentOf(const std::string& at) {
    const size_t slash = at.rfind('/');
    return slash == at.npos ? std::pair(kRootInode, at) : std::pair(Find(at.substr(0, slash)), at.substr(slash + 1));
  }
  std::pair<BackingDirectoryRef, BackingName> BareParentOf(const std::string& at) {
    const size_t slash = at.rfind('/');
    return slash == at.npos ? std::pair(backing().root(), BackingName(at))
                            : std::pair(BareDirectory(at.substr(0, slash)), BackingName(at.substr(slash + 1)));
  }
  void NamesBelow(InodeId directory, const std::string& path, Lines& lines) {
    EXPECT_EQ(volume().PrepareDirectory(directory).code(), 0) << path;
    auto rows = volume().catalog().ListNames(directory, Slot{0}, 10'000);
    ASSERT_TRUE(rows.ok());
    // What vanished goes when it is looked at, and what took its place comes then.
    for (const NameRow& row : *rows) static_cast<void>(volume().Prepare(row.record.inode));
    rows = volume().catalog().ListNames(directory, Slot{0}, 10'000);
    ASSERT_TRUE(rows.ok());
    for (const NameRow& row : *rows) {
      const std::string at = path + row.record.name;
      if (volume().Prepare(row.record.inode).code() == ENOENT) continue;
      if (row.record.type == FileType::kDirectory) {
        lines.push_back(at + "/");
        NamesBelow(row.record.inode, at + "/", lines);
      } else if (row.record.type == FileType::kRegular) {
        lines.push_back(at + "=" + Content(at));
      } else {
        lines.push_back(at + "@");
      }
    }
  }
  void BareBelow(const BackingDirectoryRef& directory, const std::string& path, Lines& lines) {
    std::vector<BackingEntry> entries;
    static_cast<void>(backing().List(directory, [&](const BackingEntry& entry) {
      entries.push_back(entry);
      return true;
    }));
    for (const BackingEntry& entry : entries) {
      const std::string at = path + entry.name.bytes();
      if (at == kPrivateAreaName) continue;
      if (entry.type == FileType::kDirectory) {
        lines.push_back(at + "/");
        BareBelow(*backing().OpenDirectory(directory, entry.name), at + "/", lines);
        continue;
      }
      const auto file = backing().OpenFile(directory, entry.name);
      if (!file.ok()) {
        lines.push_back(at + "@");
        continue;
      }
      std::string bytes(1000, '\0');
      const size_t got = *(*file)->Read(bytes, 0);
      lines.push_back(at + "=" + bytes.substr(0, got));
    }
  }
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_UNIT_VOLUME_VOLUME_FIXTURE_H_
