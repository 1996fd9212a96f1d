// ScrubTest: a volume with one of everything, closed, whose rows can be damaged before it is checked and repaired.
#ifndef HARDLINKFS_TESTS_UNIT_VOLUME_SCRUB_FIXTURE_H_
#define HARDLINKFS_TESTS_UNIT_VOLUME_SCRUB_FIXTURE_H_

#include <string>

#include "store/catalog/keys.h"
#include "tests/unit/volume/volume_fixture.h"

namespace hardlinkfs {

class ScrubTest : public VolumeTest {
 protected:
  explicit ScrubTest(const MachineOptions& options = OnExfat()) : VolumeTest(options) {}

  void SetUp() override {
    VolumeTest::SetUp();
    directory_ = Directory("d");
    below_ = Directory("d/e");
    file_ = File("d/file", "file");
    linked_ = File("two", "two");
    ASSERT_EQ(Link("two", "d/also"), 0);
    symlink_ = Symlink("sym");
    deep_ = File("d/e/deep", "deep");
    whole_ = Names();
    Close();
  }

  Slot SlotOf(InodeId inode, InodeId directory) {
    for (const auto cursor = engine().Scan(keys::LinkPrefix(inode), ""); cursor->Valid(); cursor->Next()) {
      if (keys::DirectoryOfLink(cursor->key()) == directory) return keys::SlotOf(cursor->key());
    }
    ADD_FAILURE() << "no such name";
    return Slot{};
  }
  std::string NameKey(InodeId inode, InodeId directory) { return keys::NameAt(directory, SlotOf(inode, directory)); }

  // --- Damage.
  void Flip(const std::string& key) {
    auto value = engine().Get(key);
    ASSERT_TRUE(value.ok() && value->has_value());
    std::string damaged = **value;
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
    Put(key, damaged);
  }
  void Put(const std::string& key, const std::string& value) {
    Batch batch;
    batch.Put(key, value);
    ASSERT_TRUE(engine().Commit(batch).ok());
  }
  void Delete(const std::string& key) {
    ASSERT_TRUE(engine().Get(key).ok() && engine().Get(key)->has_value()) << "nothing to delete";
    Batch batch;
    batch.Delete(key);
    ASSERT_TRUE(engine().Commit(batch).ok());
  }
  InodeRecord Stored(InodeId inode) {
    const std::string key = keys::Inode(inode);
    return *DecodeInodeRecord(key, **engine().Get(key));
  }
  template <typename Change>
  void Edit(InodeId inode, const Change& change) {
    InodeRecord record = Stored(inode);
    change(record);
    Put(keys::Inode(inode), Encode(keys::Inode(inode), record));
  }
  template <typename Change>
  void EditMeta(const Change& change) {
    MetaRecord meta = *DecodeMetaRecord("M", **engine().Get("M"));
    change(meta);
    Put("M", Encode("M", meta));
  }
  std::string Bytes() {
    std::string all;
    for (const auto cursor = engine().Scan("", ""); cursor->Valid(); cursor->Next()) {
      all.append(cursor->key()).append("=").append(cursor->value()).append("\n");
    }
    return all;
  }

  // --- Check and repair. RETURNS: what was found. A check changes nothing, and a check after the repair finds nothing.
  Lines Repair() {
    const std::string before = Bytes();
    const Lines bare = Bare();
    const Lines found = machine_.Fsck();
    EXPECT_EQ(Bytes(), before) << "a check changed something";
    EXPECT_EQ(Bare(), bare);
    ScrubLog log(Answer::kRepair);
    const Result<ScrubSummary> summary = machine_.Scrub(log);
    EXPECT_EQ(summary.code(), 0);
    if (summary.ok()) {
      EXPECT_EQ(summary->left, 0U);
      EXPECT_GE(summary->repaired, found.empty() ? 0U : 1U);
    }
    EXPECT_THAT(machine_.Fsck(), testing::IsEmpty()) << "after the repair";
    return found;
  }
  // The volume as it is after a repair and a session, which may move things and takes over what has no record.
  Lines After() {
    machine_.clock().Advance(std::chrono::seconds(10));
    Open();
    const Lines names = Names();
    Close();
    EXPECT_THAT(machine_.Fsck(), testing::IsEmpty()) << "after a session";
    return names;
  }

  InodeId directory_{}, below_{}, file_{}, linked_{}, symlink_{}, deep_{};
  Lines whole_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_UNIT_VOLUME_SCRUB_FIXTURE_H_
