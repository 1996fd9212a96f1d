// Listing: every name that was there all the time is shown once, whatever comes and goes; offsets survive a remount.
#include <set>

#include "store/catalog/keys.h"
#include "tests/unit/vfs/vfs_fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;

class DirectoryTest : public VfsTest {
 protected:
  void SetUp() override {
    VfsTest::SetUp();
    directory_ = Directory("d");
  }
  // Lists `at_once` entries from `offset` on. RETURNS: where to go on; 0 at the end.
  uint64_t ListSome(uint64_t offset, size_t at_once, std::multiset<std::string>& names, ListingMode mode = ListingMode::kNames) {
    bool more = false;
    EXPECT_TRUE(vfs()
                    .ReadDirectory(directory_, stream_, offset, mode,
                                   [&](const DirectoryEntry& entry) {
                                     if (at_once-- == 0) {
                                       more = true;
                                       return false;
                                     }
                                     names.emplace(entry.name);
                                     offset = entry.next_offset;
                                     return true;
                                   })
                    .ok());
    return more ? offset : 0;
  }

  // As a broken disk does.
  void Damage(const std::string& key) {
    Batch batch;
    batch.Put(key, (*machine_.engine().Get(key))->substr(1));
    ASSERT_TRUE(machine_.engine().Commit(batch).ok());
    damaged_ = true;
  }
  void TearDown() override {
    if (!damaged_) VfsTest::TearDown();
  }

  InodeId directory_{};
  DirectoryStream stream_;
  bool damaged_ = false;
};

TEST_F(DirectoryTest, DotAndDotDotComeFirst) {
  File("a", directory_);
  std::vector<std::pair<std::string, InodeId>> shown;
  ASSERT_TRUE(vfs()
                  .ReadDirectory(directory_, stream_, 0, ListingMode::kNames,
                                 [&](const DirectoryEntry& entry) {
                                   shown.emplace_back(entry.name, InodeId{entry.number});
                                   return true;
                                 })
                  .ok());
  ASSERT_EQ(shown.size(), 3U);
  EXPECT_EQ(shown[0], (std::pair<std::string, InodeId>(".", directory_)));
  EXPECT_EQ(shown[1], (std::pair<std::string, InodeId>("..", kRootInode)));
}

TEST_F(DirectoryTest, PiecesOfAnySizeShowEveryNameOnce) {
  for (int i = 0; i < 300; ++i) File(std::to_string(i), directory_);
  for (const size_t piece : {1U, 2U, 7U, 128U, 1000U}) {
    for (const ListingMode mode : {ListingMode::kNames, ListingMode::kNamesAndAttributes}) {
      std::multiset<std::string> names;
      uint64_t offset = 0;
      do {
        offset = ListSome(offset, piece, names, mode);
      } while (offset != 0);
      EXPECT_EQ(names.size(), 302U);
      EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), 302U);
    }
  }
}

TEST_F(DirectoryTest, AfterARemountEveryNameHasAttributes) {
  for (int i = 0; i < 300; ++i) File(std::to_string(i), directory_);
  for (const size_t piece : {1U, 7U, 200U, 1000U}) {
    Remount();  // nothing has been looked at in the new session
    size_t names = 0;
    uint64_t offset = 0;
    for (bool more = true; more;) {
      more = false;
      size_t left = piece;
      const auto take = [&](const DirectoryEntry& entry) {
        more = left-- == 0;
        if (more) return false;
        offset = entry.next_offset;
        if (entry.name[0] == '.') return true;
        ++names;
        EXPECT_TRUE(entry.attributes.has_value()) << entry.name;
        return true;
      };
      ASSERT_TRUE(vfs().ReadDirectory(directory_, stream_, offset, ListingMode::kNamesAndAttributes, take).ok());
    }
    EXPECT_EQ(names, 300U);
  }
}

TEST_F(DirectoryTest, RemovalDuringAListingSkipsNothing) {
  std::set<std::string> expected;
  for (int i = 0; i < 200; ++i) File(std::to_string(i), directory_);
  std::multiset<std::string> names;
  uint64_t offset = ListSome(0, 50, names);
  // As rm -r does it: what was listed goes.
  for (const std::string& name : names) {
    if (name[0] == '.') continue;
    ASSERT_EQ(vfs().Unlink(root_, directory_, name).code(), 0);
  }
  while (offset != 0) offset = ListSome(offset, 50, names);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(names.count(std::to_string(i)), 1U);
}

TEST_F(DirectoryTest, AdditionDuringAListingRepeatsNothing) {
  for (int i = 0; i < 100; ++i) File(std::to_string(i), directory_);
  std::multiset<std::string> names;
  uint64_t offset = ListSome(0, 10, names);
  for (int i = 0; offset != 0; ++i) {
    File("new" + std::to_string(i), directory_);
    offset = ListSome(offset, 10, names);
  }
  for (int i = 0; i < 100; ++i) EXPECT_EQ(names.count(std::to_string(i)), 1U);
}

TEST_F(DirectoryTest, OffsetsSurviveARemount) {
  for (int i = 0; i < 100; ++i) File(std::to_string(i), directory_);
  std::multiset<std::string> names;
  uint64_t offset = 0;
  do {
    offset = ListSome(offset, 9, names);
    Remount();
  } while (offset != 0);
  EXPECT_EQ(names.size(), 102U);
}

TEST_F(DirectoryTest, TypesAreShownWithoutAttributes) {
  File("a", directory_);
  Directory("b", directory_);
  ASSERT_TRUE(vfs().MakeNode(root_, directory_, "c", {.type = FileType::kSymlink, .target = "x"}).ok());
  std::map<std::string, FileType> types;
  ASSERT_TRUE(vfs()
                  .ReadDirectory(directory_, stream_, 2, ListingMode::kNames,
                                 [&](const DirectoryEntry& entry) {
                                   EXPECT_FALSE(entry.attributes.has_value());
                                   types[std::string(entry.name)] = entry.type;
                                   return true;
                                 })
                  .ok());
  EXPECT_THAT(types,
              ElementsAre(std::pair("a", FileType::kRegular), std::pair("b", FileType::kDirectory), std::pair("c", FileType::kSymlink)));
}

TEST_F(DirectoryTest, OfAFileIsENOTDIR) { EXPECT_EQ(vfs().OpenDirectory(File("a")).code(), ENOTDIR); }

TEST_F(DirectoryTest, LinkWhoseContentVanishedIsNotListed) {
  const InodeId file = File("a");
  ASSERT_TRUE(vfs().Link(root_, file, directory_, "b").ok());
  ASSERT_EQ(machine_.Close().code(), 0);
  ASSERT_TRUE(machine_.backing().RemoveFile(machine_.backing().root(), BackingName("a")).ok());
  ASSERT_EQ(machine_.Open().code(), 0);
  EXPECT_THAT(List(directory_), ElementsAre(".", ".."));
}

TEST_F(DirectoryTest, DamagedNameCostsOnlyItself) {
  for (const char* name : {"a", "b", "c"}) File(name, directory_);
  const auto row = volume().Find(directory_, *Name::From("b"));
  ASSERT_TRUE(row.ok());
  Damage(keys::NameAt(directory_, row->slot));
  for (int session = 0; session < 2; ++session) {
    EXPECT_THAT(List(directory_), ElementsAre(".", "..", "a", "c"));
    EXPECT_EQ(vfs().Lookup(directory_, "b").code(), EUCLEAN);
    EXPECT_EQ(vfs().Lookup(directory_, "a").code(), 0);
    Remount();
  }
  ASSERT_EQ(vfs().Unlink(root_, directory_, "a").code(), 0);
  ASSERT_EQ(vfs().Unlink(root_, directory_, "c").code(), 0);
  EXPECT_EQ(vfs().RemoveDirectory(root_, kRootInode, "d").code(), EUCLEAN);
}

TEST_F(DirectoryTest, DamagedRowOfAHomeCostsNothing) {
  for (const char* name : {"a", "b", "c"}) File(name, directory_);
  Damage(keys::Home({directory_, BackingName("b")}));
  Remount();
  EXPECT_THAT(List(directory_), ElementsAre(".", "..", "a", "b", "c"));
  EXPECT_EQ(vfs().Lookup(directory_, "b").code(), 0);
}

TEST_F(DirectoryTest, UsageCountsInodes) {
  File("a", directory_);
  const auto usage = vfs().Statfs();
  ASSERT_TRUE(usage.ok());
  EXPECT_EQ(usage->inodes - usage->free_inodes, 3U);
  EXPECT_GT(usage->available_blocks, 0U);
}

}  // namespace
}  // namespace hardlinkfs
