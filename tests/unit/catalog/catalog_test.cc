// The tables other than names: what is put is read, what is deleted is not, and damage is EUCLEAN.
#include "store/catalog/catalog.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "store/engine/memory_engine.h"

namespace hardlinkfs {
namespace {

constexpr InodeId kInode{100};

class CatalogTest : public testing::Test {
 protected:
  template <typename Edits>
  void Commit(const Edits& edits) {
    Transaction transaction(catalog_);
    edits(transaction);
    ASSERT_TRUE(transaction.Commit().ok());
  }
  void Store(const std::string& key, const std::string& value) {
    Batch batch;
    batch.Put(key, value);
    ASSERT_TRUE(engine_.Commit(batch).ok());
  }

  MemoryEngine engine_;
  Catalog catalog_{engine_};
};

TEST_F(CatalogTest, NeverUsedHasNoMeta) { EXPECT_EQ(catalog_.ReadMeta().code(), ENOENT); }

TEST_F(CatalogTest, MetaIsRead) {
  MetaRecord meta;
  meta.uuid = "u";
  meta.session = 4;
  Commit([&](Transaction& t) { t.PutMeta(meta); });
  EXPECT_EQ(*catalog_.ReadMeta(), meta);
}

TEST_F(CatalogTest, InodeIsReadAndCounted) {
  InodeRecord record;
  record.type = FileType::kDirectory;
  record.nlink = 2;
  EXPECT_EQ(catalog_.ReadInode(kInode).code(), ENOENT);
  Commit([&](Transaction& t) { t.PutInode(kInode, record); });
  EXPECT_EQ(*catalog_.ReadInode(kInode), record);
  EXPECT_EQ(*catalog_.CountInodes(), 1U);
}

TEST_F(CatalogTest, DeletedInodeTakesItsOwnRowsAlong) {
  Commit([](Transaction& t) {
    t.PutInode(kInode, {});
    t.PutTarget(kInode, "target");
    t.PutOrphan(kInode);
    t.PutDetached(kInode);
    t.PutIntent({kInode, {}, {}});
    t.PutXattr(kInode, "user.a", "v");
  });
  EXPECT_EQ(*catalog_.ReadTarget(kInode), "target");
  EXPECT_EQ(catalog_.ListIntents()->size(), 1U);
  Commit([](Transaction& t) { t.DeleteInode(kInode); });
  EXPECT_EQ(catalog_.ReadInode(kInode).code(), ENOENT);
  EXPECT_EQ(catalog_.ReadTarget(kInode).code(), ENOENT);
  EXPECT_FALSE(*catalog_.IsOrphan(kInode));
  EXPECT_TRUE(catalog_.ListDetached(InodeId{}, 10)->empty());
  EXPECT_TRUE(catalog_.ListIntents()->empty());
  EXPECT_TRUE(catalog_.ReadXattr(kInode, "user.a").ok()) << "xattrs are deleted singly";
}

TEST_F(CatalogTest, HomesAreFoundAndListedInTheOrderOfNames) {
  Commit([](Transaction& t) {
    t.PutHome({InodeId{1}, BackingName("b")}, InodeId{102});
    t.PutHome({InodeId{1}, BackingName("a")}, InodeId{101});
    t.PutHome({InodeId{1}, BackingName("ab")}, InodeId{103});
    t.PutHome({InodeId{2}, BackingName("a")}, InodeId{104});
  });
  EXPECT_EQ(*catalog_.FindHome({InodeId{2}, BackingName("a")}), InodeId{104});
  EXPECT_EQ(catalog_.FindHome({InodeId{2}, BackingName("A")}).code(), ENOENT);
  using Homes = std::vector<std::pair<BackingName, InodeId>>;
  EXPECT_EQ(*catalog_.ListHomes(InodeId{1}, std::nullopt, 2), (Homes{{BackingName("a"), InodeId{101}}, {BackingName("ab"), InodeId{103}}}));
  EXPECT_EQ(*catalog_.ListHomes(InodeId{1}, BackingName("a"), 9),
            (Homes{{BackingName("ab"), InodeId{103}}, {BackingName("b"), InodeId{102}}}));
  EXPECT_TRUE(catalog_.ListHomes(InodeId{1}, BackingName("b"), 9)->empty());
  Commit([](Transaction& t) { t.DeleteHome({InodeId{1}, BackingName("a")}); });
  EXPECT_EQ(catalog_.FindHome({InodeId{1}, BackingName("a")}).code(), ENOENT);
}

TEST_F(CatalogTest, XattrsAreReadListedAndDeleted) {
  const std::string value("\0binary\xff", 8);
  EXPECT_EQ(catalog_.ReadXattr(kInode, "user.a").code(), ENODATA);
  Commit([&](Transaction& t) {
    t.PutXattr(kInode, "user.b", "");
    t.PutXattr(kInode, "user.a", value);
    t.PutXattr(InodeId{101}, "user.c", "other");
  });
  EXPECT_EQ(*catalog_.ReadXattr(kInode, "user.a"), value);
  EXPECT_EQ(*catalog_.ReadXattr(kInode, "user.b"), "");
  EXPECT_EQ(*catalog_.ListXattrs(kInode), (std::vector<std::string>{"user.a", "user.b"}));
  Commit([](Transaction& t) { t.DeleteXattr(kInode, "user.a"); });
  EXPECT_EQ(*catalog_.ListXattrs(kInode), (std::vector<std::string>{"user.b"}));
}

TEST_F(CatalogTest, OrphansAndDetachedAreListedAfterANumber) {
  Commit([](Transaction& t) {
    for (const uint64_t inode : {300U, 20U, 255U, 256U}) {
      t.PutOrphan(InodeId{inode});
      t.PutDetached(InodeId{inode});
    }
    t.DeleteDetached(InodeId{256});
  });
  EXPECT_EQ(*catalog_.ListOrphans(InodeId{}, 9), (std::vector<InodeId>{InodeId{20}, InodeId{255}, InodeId{256}, InodeId{300}}));
  EXPECT_EQ(*catalog_.ListOrphans(InodeId{20}, 2), (std::vector<InodeId>{InodeId{255}, InodeId{256}}));
  EXPECT_EQ(*catalog_.ListDetached(InodeId{255}, 9), (std::vector<InodeId>{InodeId{300}}));
  EXPECT_TRUE(*catalog_.IsOrphan(InodeId{20}));
  EXPECT_FALSE(*catalog_.IsOrphan(InodeId{21}));
}

TEST_F(CatalogTest, IntentsAreListed) {
  const IntentRecord intent{kInode, {InodeId{1}, BackingName("from")}, {InodeId{2}, BackingName("to")}};
  Commit([&](Transaction& t) { t.PutIntent(intent); });
  EXPECT_EQ(*catalog_.ListIntents(), std::vector<IntentRecord>{intent});
  Commit([](Transaction& t) { t.DeleteIntent(kInode); });
  EXPECT_TRUE(catalog_.ListIntents()->empty());
}

TEST_F(CatalogTest, RecordMovedToAnotherKeyIsEUCLEAN) {
  Commit([](Transaction& t) { t.PutInode(kInode, {}); });
  Store(keys::Inode(InodeId{101}), **engine_.Get(keys::Inode(kInode)));
  EXPECT_TRUE(catalog_.ReadInode(kInode).ok());
  EXPECT_EQ(catalog_.ReadInode(InodeId{101}).code(), EUCLEAN);
}

TEST_F(CatalogTest, DamageIsEUCLEANWhereItIsReadAndLeftOutOfLists) {
  const Name name = *Name::From("a");
  Commit([&](Transaction& t) { ASSERT_TRUE(t.AddName(InodeId{1}, name, kInode, FileType::kRegular).ok()); });
  Store(keys::NameAt(InodeId{1}, catalog_.FindName(InodeId{1}, name)->slot), "damaged");
  EXPECT_EQ(catalog_.FindName(InodeId{1}, name).code(), EUCLEAN);
  EXPECT_TRUE(catalog_.ListNames(InodeId{1}, Slot{}, 9)->empty());
  EXPECT_TRUE(catalog_.NamesOf(kInode, 9)->empty());
  EXPECT_EQ(catalog_.HasNames(InodeId{1}).code(), EUCLEAN);
  Transaction transaction(catalog_);
  EXPECT_EQ(transaction.RemoveName(InodeId{1}, name).code(), EUCLEAN);
  EXPECT_EQ(transaction.AddName(InodeId{1}, name, kInode, FileType::kRegular).code(), EUCLEAN);
  EXPECT_TRUE(transaction.empty());
}

TEST_F(CatalogTest, DamagedHomeIsLeftOutOfAList) {
  for (const char* name : {"a", "b", "c"}) {
    Commit([&](Transaction& t) { t.PutHome({InodeId{1}, BackingName(name)}, kInode); });
  }
  Store(keys::Home({InodeId{1}, BackingName("b")}), "damaged");
  EXPECT_EQ(catalog_.FindHome({InodeId{1}, BackingName("b")}).code(), EUCLEAN);
  const auto homes = catalog_.ListHomes(InodeId{1}, std::nullopt, 9);
  ASSERT_EQ(homes->size(), 2U);
  EXPECT_EQ(homes->back().first, BackingName("c"));
}

TEST_F(CatalogTest, KeysOfAWrongLengthAreNoRows) {
  for (const char* key : {"O", "O123456789", "D\x7f", "N12345678xyz", "L12345678"}) Store(key, "");
  EXPECT_EQ(catalog_.ListOrphans(InodeId{}, 9).code(), EUCLEAN);
  EXPECT_EQ(catalog_.ListDetached(InodeId{}, 9).code(), EUCLEAN);
  const InodeId inode{0x3132333435363738};
  EXPECT_TRUE(catalog_.ListNames(inode, Slot{}, 9)->empty());
  EXPECT_TRUE(catalog_.NamesOf(inode, 9)->empty());
}

TEST_F(CatalogTest, EmptyTransactionCommitsNothing) {
  engine_.FailCommits(EIO, 1);
  EXPECT_TRUE(Transaction(catalog_).Commit().ok());
}

TEST_F(CatalogTest, FailedCommitLeavesNothing) {
  engine_.FailCommits(ENOSPC, 1);
  Transaction transaction(catalog_);
  transaction.PutInode(kInode, {});
  EXPECT_EQ(transaction.Commit().code(), ENOSPC);
  EXPECT_EQ(catalog_.ReadInode(kInode).code(), ENOENT);
}

}  // namespace
}  // namespace hardlinkfs
