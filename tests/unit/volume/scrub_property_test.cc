// Any damage of any rows of any volume: the repair ends, a second check finds nothing, no content is lost, nothing becomes readable, and
// the volume works.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/model/dice.h"
#include "tests/unit/volume/scrub_fixture.h"

namespace hardlinkfs {
namespace {

constexpr uint64_t kSeeds = 150;

// One volume, from its making to its end.
class Round final : public VolumeTest {
 public:
  Round(uint64_t seed, const MachineOptions& options) : VolumeTest(options), dice_(seed) {}
  void TestBody() override {}

  void Run() {
    SetUp();
    Populate();
    if (dice_.Below(2) == 0) {
      Close();
    } else {
      machine_.Kill();
    }
    ASSERT_EQ(machine_.Fsck(), Lines());
    const std::set<std::string> contents = Contents();
    Damage();
    const bool seen = !machine_.Fsck().empty();
    ScrubLog log(Answer::kRepair);
    const Result<ScrubSummary> summary = machine_.Scrub(log);
    ASSERT_EQ(summary.code(), 0) << summary.error().what;
    EXPECT_EQ(summary->left, 0U) << testing::PrintToString(log.Damage());
    ASSERT_THAT(machine_.Fsck(), testing::IsEmpty()) << "after the repair of " << testing::PrintToString(log.Damage());
    machine_.clock().Advance(std::chrono::seconds(10));
    Open();
    const Lines names = Names();
    for (const std::string& content : contents) {
      EXPECT_TRUE(std::ranges::any_of(names, [&](const std::string& line) { return line.ends_with("=" + content); }))
          << content << " is lost; found: " << testing::PrintToString(log.Damage()) << " shown: " << testing::PrintToString(names);
    }
    if (seen) ExpectPrivate();
    EXPECT_EQ(TryFile("after", "after"), 0);
    EXPECT_EQ(Link("after", "after too"), 0);
    EXPECT_EQ(Remove("after"), 0);
    EXPECT_EQ(Content("after too"), "after");
    Close();
    EXPECT_THAT(machine_.Fsck(), testing::IsEmpty()) << "after a session";
  }

 private:
  std::string SomeDirectory() { return directories_[dice_.Below(directories_.size())]; }
  std::string Fresh(const std::string& directory) { return directory + (directory.empty() ? "" : "/") + "n" + std::to_string(next_++); }

  void Populate() {
    directories_ = {""};
    for (int step = 0; step < 40; ++step) {
      const std::string at = Fresh(SomeDirectory());
      switch (dice_.Below(6)) {
        case 0:
          Directory(at);
          directories_.push_back(at);
          break;
        case 1:
          if (!files_.empty() && Link(files_[dice_.Below(files_.size())], at) == 0) files_.push_back(at);
          break;
        case 2:
          if (!files_.empty() && Rename(files_[dice_.Below(files_.size())], at) == 0) files_.push_back(at);
          break;
        case 3:
          Symlink(at);
          break;
        default:
          MakePrivate(at);
          files_.push_back(at);
          break;
      }
      if (dice_.Below(10) == 0) static_cast<void>(volume().SettleSome(10));
    }
  }
  void MakePrivate(const std::string& at) {
    const auto created = Create(at, {.type = FileType::kRegular, .mode = 0600});
    ASSERT_TRUE(created.ok());
    ASSERT_TRUE(created->content->Write("content " + at + ".", 0).ok());
    const auto held = volume().locks().Exclusive(created->attributes.inode);
    ASSERT_TRUE(volume().RefreshContent(created->attributes.inode, *created->content, {.last_write = machine_.clock().Now()}).ok());
  }

  // Of all regular files on the backing, also those in homes/. There are no orphans.
  std::set<std::string> Contents() {
    std::set<std::string> contents;
    for (const Lines& lines : {Bare(), InHomes()}) {
      for (const std::string& line : lines) {
        if (const size_t equals = line.find('='); equals != line.npos) contents.insert(line.substr(equals + 1));
      }
    }
    return contents;
  }

  void Damage() {
    std::vector<std::pair<std::string, std::string>> rows;
    for (const auto cursor = engine().Scan("", ""); cursor->Valid(); cursor->Next()) rows.emplace_back(cursor->key(), cursor->value());
    for (uint64_t count = 1 + dice_.Below(8); count > 0; --count) {
      auto [key, value] = rows[dice_.Below(rows.size())];
      const auto& other = rows[dice_.Below(rows.size())];
      Batch batch;
      switch (dice_.Below(5)) {
        case 0:
          batch.Delete(key);
          break;
        case 1:
          batch.Put(key, other.second);
          break;
        case 2:
          batch.Put(key, value.substr(0, value.size() / 2));
          break;
        case 3:
          if (!value.empty()) value[dice_.Below(value.size())] ^= static_cast<char>(1U << dice_.Below(8));
          batch.Put(key, value);
          break;
        default:
          // A record that verifies and is not true.
          if (key.front() == 'I') {
            InodeRecord record = *DecodeInodeRecord(key, value);
            record.nlink = static_cast<uint32_t>(dice_.Below(3));
            if (dice_.Below(2) == 0) record.parent = InodeId{16 + dice_.Below(20)};
            if (dice_.Below(4) == 0) record.home.reset();
            batch.Put(key, Encode(key, record));
          } else if (key.front() == 'N') {
            NameRecord record = *DecodeNameRecord(key, value);
            record.inode = InodeId{16 + dice_.Below(20)};
            batch.Put(key, Encode(key, record));
          } else {
            batch.Put(keys::Orphan(InodeId{16 + dice_.Below(20)}), "");
          }
      }
      ASSERT_TRUE(engine().Commit(batch).ok());
    }
  }

  void ExpectPrivate() {
    for (const auto cursor = engine().Scan(keys::kInodes, ""); cursor->Valid(); cursor->Next()) {
      const auto record = DecodeInodeRecord(cursor->key(), cursor->value());
      ASSERT_TRUE(record.ok());
      if (record->type != FileType::kRegular) continue;
      EXPECT_EQ(record->mode & 077U, 0U) << "inode " << Raw(keys::InodeOf(cursor->key()));
    }
  }

  Dice dice_;
  std::vector<std::string> directories_;
  std::vector<std::string> files_;
  int next_ = 0;
};

// S-FSCK-1, S-FSCK-3
TEST(ScrubProperty, AnyDamageIsRepairedWithoutALoss) {
  const uint64_t fresh = std::random_device()();
  for (uint64_t seed = 0; seed <= kSeeds; ++seed) {
    const uint64_t used = seed == kSeeds ? fresh : seed;
    SCOPED_TRACE("seed " + std::to_string(used));
    MachineOptions options = OnExfat();
    if (used % 3 == 0) options.backing.capabilities = FullCapabilities();
    Round(used, options).Run();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace hardlinkfs
