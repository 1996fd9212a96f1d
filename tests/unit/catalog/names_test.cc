// Names and their slots: collisions, tombstones, the order of listing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "store/catalog/catalog.h"
#include "store/catalog/keys.h"
#include "store/engine/memory_engine.h"

namespace hardlinkfs {
namespace {

constexpr InodeId kDirectory{20};

uint64_t AllCollide(std::string_view, uint64_t) { return 0; }
uint64_t LargestHash(std::string_view, uint64_t) { return ~uint64_t{0}; }
// Four chains for all names.
uint64_t FourChains(std::string_view name, uint64_t seed) { return (HashName(name, seed) & 3) << 32; }

Name N(const std::string& bytes) { return *Name::From(bytes); }

class Names : public testing::Test {
 protected:
  explicit Names(NameHash hash = HashName) : catalog_(engine_, hash) {}

  Status Add(const std::string& name, InodeId inode = InodeId{100}) {
    Transaction transaction(catalog_);
    const Status status = transaction.AddName(kDirectory, N(name), inode, FileType::kRegular);
    return status.ok() ? transaction.Commit() : status;
  }
  Status Remove(const std::string& name) {
    Transaction transaction(catalog_);
    const Status status = transaction.RemoveName(kDirectory, N(name));
    return status.ok() ? transaction.Commit() : status;
  }
  int Find(const std::string& name) const { return catalog_.FindName(kDirectory, N(name)).code(); }
  std::set<std::string> List() const {
    std::set<std::string> names;
    const auto rows = catalog_.ListNames(kDirectory, Slot{}, 1000);
    EXPECT_TRUE(rows.ok());
    if (!rows.ok()) return names;
    for (const NameRow& row : *rows) EXPECT_TRUE(names.insert(row.record.name).second) << "listed twice: " << row.record.name;
    return names;
  }
  // As a broken disk does.
  void Damage(const std::string& name) {
    const auto row = catalog_.FindName(kDirectory, N(name));
    ASSERT_TRUE(row.ok());
    const std::string key = keys::NameAt(kDirectory, row->slot);
    Batch batch;
    batch.Put(key, (*engine_.Get(key))->substr(1));
    ASSERT_TRUE(engine_.Commit(batch).ok());
  }
  // RETURNS: all rows of the name tables, tombstones too.
  size_t RowsStored() const {
    size_t rows = 0;
    for (const char* table : {"N", "L"}) {
      for (const auto cursor = engine_.Scan(table, ""); cursor->Valid(); cursor->Next()) ++rows;
    }
    return rows;
  }

  MemoryEngine engine_;
  Catalog catalog_;
};

class CollidingNames : public Names {
 protected:
  CollidingNames() : Names(AllCollide) {}
};

TEST_F(Names, AddedNameIsFoundAndListed) {
  ASSERT_TRUE(Add("a", InodeId{5}).ok());
  const auto row = catalog_.FindName(kDirectory, N("a"));
  ASSERT_TRUE(row.ok());
  EXPECT_EQ(row->record, (NameRecord{InodeId{5}, FileType::kRegular, "a"}));
  EXPECT_EQ(row->directory, kDirectory);
  EXPECT_EQ(List(), std::set<std::string>{"a"});
  EXPECT_EQ(catalog_.FindName(InodeId{21}, N("a")).code(), ENOENT) << "of another directory";
}

TEST_F(Names, RemovedNameIsNotListed) {
  ASSERT_TRUE(Add("a").ok());
  ASSERT_TRUE(Remove("a").ok());
  EXPECT_EQ(Find("a"), ENOENT);
  EXPECT_EQ(List(), std::set<std::string>{});
  EXPECT_EQ(RowsStored(), 0U);
}

TEST_F(Names, TakenNameIsEEXISTAndAbsentOneENOENT) {
  EXPECT_EQ(Remove("a").code(), ENOENT);
  ASSERT_TRUE(Add("a").ok());
  EXPECT_EQ(Add("a").code(), EEXIST);
}

TEST_F(Names, TransactionSeesItsOwnEdits) {
  ASSERT_TRUE(Add("a", InodeId{5}).ok());
  ASSERT_TRUE(Add("b", InodeId{6}).ok());
  Transaction rename(catalog_);  // a over b
  ASSERT_TRUE(rename.RemoveName(kDirectory, N("a")).ok());
  EXPECT_EQ(rename.RemoveName(kDirectory, N("a")).code(), ENOENT);
  EXPECT_EQ(rename.AddName(kDirectory, N("b"), InodeId{5}, FileType::kRegular).code(), EEXIST);
  ASSERT_TRUE(rename.RemoveName(kDirectory, N("b")).ok());
  ASSERT_TRUE(rename.AddName(kDirectory, N("b"), InodeId{5}, FileType::kRegular).ok());
  EXPECT_EQ(List(), (std::set<std::string>{"a", "b"})) << "nothing is visible before the commit";
  ASSERT_TRUE(rename.Commit().ok());
  EXPECT_EQ(List(), std::set<std::string>{"b"});
  EXPECT_EQ(catalog_.FindName(kDirectory, N("b"))->record.inode, InodeId{5});
  EXPECT_EQ(RowsStored(), 2U);
}

TEST_F(Names, OfAnInodeAreListedInTheOrderOfDirectories) {
  Transaction transaction(catalog_);
  for (const uint64_t directory : {300U, 20U, 1U})
    ASSERT_TRUE(transaction.AddName(InodeId{directory}, N("x"), InodeId{5}, FileType::kRegular).ok());
  ASSERT_TRUE(transaction.AddName(InodeId{1}, N("other"), InodeId{6}, FileType::kRegular).ok());
  ASSERT_TRUE(transaction.Commit().ok());
  const auto rows = catalog_.NamesOf(InodeId{5}, 10);
  ASSERT_TRUE(rows.ok());
  ASSERT_EQ(rows->size(), 3U);
  EXPECT_EQ((*rows)[0].directory, InodeId{1});
  EXPECT_EQ((*rows)[2].directory, InodeId{300});
  EXPECT_EQ((*rows)[2].record.name, "x");
  EXPECT_EQ(catalog_.NamesOf(InodeId{5}, 2)->size(), 2U);
}

TEST_F(Names, OfAnInodeCanBeContinuedAfterAnyOfThem) {
  Transaction transaction(catalog_);
  for (uint64_t directory = 20; directory < 25; ++directory) {
    for (const char* name : {"x", "y", "z"})
      ASSERT_TRUE(transaction.AddName(InodeId{directory}, N(name), InodeId{5}, FileType::kRegular).ok());
  }
  ASSERT_TRUE(transaction.AddName(InodeId{20}, N("other"), InodeId{6}, FileType::kRegular).ok());
  ASSERT_TRUE(transaction.Commit().ok());
  const auto all = catalog_.NamesOf(InodeId{5}, 100);
  ASSERT_EQ(all->size(), 15U);
  for (size_t i = 0; i < all->size(); ++i) {
    const auto rest = catalog_.NamesOf(InodeId{5}, 100, (*all)[i].directory, (*all)[i].slot);
    ASSERT_EQ(rest->size(), all->size() - i - 1);
    if (rest->empty()) continue;
    EXPECT_EQ(rest->front().record.name, (*all)[i + 1].record.name);
  }
  EXPECT_TRUE(catalog_.NamesOf(InodeId{5}, 100, InodeId{UINT64_MAX}, Slot{UINT64_MAX})->empty());
}

TEST_F(Names, ListingCanBeContinuedAfterAnySlot) {
  std::set<std::string> expected;
  for (int i = 0; i < 50; ++i) {
    expected.insert("name" + std::to_string(i));
    ASSERT_TRUE(Add("name" + std::to_string(i)).ok());
  }
  std::set<std::string> listed;
  Slot after{};
  while (true) {
    const auto rows = catalog_.ListNames(kDirectory, after, 7);
    ASSERT_TRUE(rows.ok());
    if (rows->empty()) break;
    for (const NameRow& row : *rows) {
      EXPECT_GT(row.slot, after);
      EXPECT_GE(Raw(row.slot), 16U);
      EXPECT_LT(Raw(row.slot), uint64_t{1} << 63);
      after = row.slot;
      EXPECT_TRUE(listed.insert(row.record.name).second);
    }
  }
  EXPECT_EQ(listed, expected);
}

TEST_F(Names, DamagedRowCostsOnlyItself) {
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(Add(name).ok());
  Damage("b");
  EXPECT_EQ(List(), (std::set<std::string>{"a", "c"}));
  EXPECT_EQ(Find("a"), 0);
  EXPECT_EQ(Find("b"), EUCLEAN);
  EXPECT_TRUE(*catalog_.HasNames(kDirectory));
  EXPECT_EQ(Add("b").code(), EUCLEAN);
  EXPECT_EQ(Remove("b").code(), EUCLEAN);
  ASSERT_TRUE(Remove("a").ok());
  ASSERT_TRUE(Remove("c").ok());
  EXPECT_EQ(catalog_.HasNames(kDirectory).code(), EUCLEAN) << "not to be called empty";
}

TEST_F(Names, OfAnInodeAreThoseThatCanBeRead) {
  for (const char* name : {"a", "b"}) ASSERT_TRUE(Add(name, InodeId{5}).ok());
  Damage("a");
  const auto rows = catalog_.NamesOf(InodeId{5}, 10);
  ASSERT_TRUE(rows.ok());
  ASSERT_EQ(rows->size(), 1U);
  EXPECT_EQ(rows->front().record.name, "b");
}

TEST_F(Names, SeedDecidesTheSlot) {
  MetaRecord meta;
  meta.hash_seed = 42;
  Transaction transaction(catalog_);
  transaction.PutMeta(meta);
  ASSERT_TRUE(transaction.Commit().ok());
  ASSERT_TRUE(catalog_.ReadMeta().ok());
  ASSERT_TRUE(Add("a").ok());
  Catalog unseeded(engine_);
  EXPECT_EQ(unseeded.FindName(kDirectory, N("a")).code(), ENOENT);
  unseeded.UseHashSeed(42);
  EXPECT_TRUE(unseeded.FindName(kDirectory, N("a")).ok());
}

// A changed value would make every name of an existing volume vanish.
TEST(NameHash, IsThatOfTheFormat) {
  EXPECT_EQ(HashName("", 0), 0x2d06800538d394c2U);
  EXPECT_NE(HashName("a", 1), HashName("a", 2));
}

TEST(Slots, StayWithinAReaddirOffset) {
  for (const NameHash hash : {AllCollide, LargestHash}) {
    MemoryEngine engine;
    Catalog catalog(engine, hash);
    Transaction transaction(catalog);
    for (unsigned i = 0; i < kChainLength; ++i) {
      ASSERT_TRUE(transaction.AddName(kDirectory, N(std::to_string(i)), InodeId{100}, FileType::kRegular).ok());
    }
    ASSERT_TRUE(transaction.Commit().ok());
    const auto rows = catalog.ListNames(kDirectory, Slot{}, 10);
    ASSERT_TRUE(rows.ok());
    ASSERT_EQ(rows->size(), kChainLength);
    EXPECT_GE(Raw(rows->front().slot), 16U);
    EXPECT_LT(Raw(rows->back().slot), uint64_t{1} << 63);
  }
}

TEST_F(CollidingNames, AreToldApart) {
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(Add(name).ok());
  EXPECT_EQ(Add("b").code(), EEXIST);
  EXPECT_EQ(Find("d"), ENOENT);
  EXPECT_EQ(List(), (std::set<std::string>{"a", "b", "c"}));
}

TEST_F(CollidingNames, AreFoundAfterRemovalOfAnEarlierOne) {
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(Add(name).ok());
  ASSERT_TRUE(Remove("a").ok());
  EXPECT_EQ(Find("a"), ENOENT);
  EXPECT_EQ(Find("b"), 0);
  EXPECT_EQ(Find("c"), 0);
  EXPECT_EQ(Add("c").code(), EEXIST) << "a free place before it must not hide it";
  EXPECT_EQ(List(), (std::set<std::string>{"b", "c"}));
}

TEST_F(CollidingNames, TombstonesAreReusedAndVanish) {
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(Add(name).ok());
  const Slot first = catalog_.FindName(kDirectory, N("a"))->slot;
  ASSERT_TRUE(Remove("a").ok());
  EXPECT_EQ(RowsStored(), 5U) << "two names of two rows, and a tombstone";
  ASSERT_TRUE(Add("d").ok());
  EXPECT_EQ(catalog_.FindName(kDirectory, N("d"))->slot, first);
  ASSERT_TRUE(Remove("d").ok());
  ASSERT_TRUE(Remove("b").ok());
  ASSERT_TRUE(Remove("c").ok());
  EXPECT_EQ(RowsStored(), 0U);
  EXPECT_FALSE(*catalog_.HasNames(kDirectory));
}

TEST_F(CollidingNames, TombstonesAreNotNames) {
  ASSERT_TRUE(Add("a").ok());
  ASSERT_TRUE(Add("b").ok());
  ASSERT_TRUE(Remove("a").ok());
  EXPECT_TRUE(*catalog_.HasNames(kDirectory));
  EXPECT_EQ(catalog_.ListNames(kDirectory, Slot{}, 1)->at(0).record.name, "b");
}

TEST_F(CollidingNames, MoreThanEightAreENOSPC) {
  for (unsigned i = 0; i < kChainLength; ++i) ASSERT_TRUE(Add(std::to_string(i)).ok());
  EXPECT_EQ(Add("ninth").code(), ENOSPC);
  ASSERT_TRUE(Remove("3").ok());
  EXPECT_TRUE(Add("ninth").ok());
  EXPECT_EQ(Find("7"), 0);
}

TEST(NamesModel, AgreesWithAMapOverRandomEdits) {
  constexpr unsigned kSeed = 1234567;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937 random(kSeed);
  MemoryEngine engine;
  Catalog catalog(engine, FourChains);
  std::map<std::string, InodeId> model;
  for (int round = 0; round < 5000; ++round) {
    Transaction transaction(catalog);
    std::map<std::string, InodeId> next = model;
    for (unsigned edits = 1 + random() % 4; edits > 0; --edits) {
      const std::string name = "n" + std::to_string(random() % 40);
      const InodeId inode{100 + random() % 10};
      if (random() % 2 == 0) {
        const int code = transaction.AddName(kDirectory, N(name), inode, FileType::kRegular).code();
        if (code == ENOSPC) continue;
        ASSERT_EQ(code, next.contains(name) ? EEXIST : 0);
        next.insert({name, inode});
      } else {
        ASSERT_EQ(transaction.RemoveName(kDirectory, N(name)).code(), next.contains(name) ? 0 : ENOENT);
        next.erase(name);
      }
    }
    if (random() % 4 == 0) continue;  // given up: must leave no trace
    ASSERT_TRUE(transaction.Commit().ok());
    model = next;
    std::map<std::string, InodeId> listed;
    const auto rows = catalog.ListNames(kDirectory, Slot{}, 1000);
    ASSERT_TRUE(rows.ok());
    for (const NameRow& row : *rows) ASSERT_TRUE(listed.insert({row.record.name, row.record.inode}).second);
    ASSERT_EQ(listed, model);
    for (int i = 0; i < 40; ++i) {
      const std::string name = "n" + std::to_string(i);
      ASSERT_EQ(catalog.FindName(kDirectory, N(name)).code(), model.contains(name) ? 0 : ENOENT);
    }
    const InodeId inode{100 + random() % 10};
    const auto of_inode = std::count_if(model.begin(), model.end(), [inode](const auto& entry) { return entry.second == inode; });
    ASSERT_EQ(static_cast<long>(catalog.NamesOf(inode, 1000)->size()), of_inode);
  }
  Transaction clear(catalog);
  for (const auto& [name, inode] : model) ASSERT_TRUE(clear.RemoveName(kDirectory, N(name)).ok());
  ASSERT_TRUE(clear.Commit().ok());
  EXPECT_FALSE(engine.Scan("", "")->Valid()) << "tombstones vanish with the last name of their chain";
}

TEST(NamesInOneChain, AreClearedBySlotLikeByName) {
  MemoryEngine engine;
  Catalog catalog(engine, AllCollide);
  for (const char* name : {"a", "b", "c"}) {
    Transaction transaction(catalog);
    ASSERT_TRUE(transaction.AddName(kDirectory, N(name), InodeId{100}, FileType::kRegular).ok());
    ASSERT_TRUE(transaction.Commit().ok());
  }
  const Slot first = catalog.FindName(kDirectory, N("a"))->slot;
  const auto clear = [&](uint64_t position) {
    Transaction transaction(catalog);
    EXPECT_TRUE(transaction.ClearRow(kDirectory, Slot{Raw(first) + position}).ok());
    EXPECT_TRUE(transaction.Commit().ok());
  };
  const auto is_there = [&](uint64_t position) { return engine.Get(keys::NameAt(kDirectory, Slot{Raw(first) + position}))->has_value(); };
  EXPECT_TRUE(catalog.MayLieAt(N("a"), Slot{Raw(first) + 7}));
  EXPECT_FALSE(catalog.MayLieAt(N("a"), Slot{Raw(first) + 8}));
  clear(1);
  EXPECT_TRUE(is_there(1)) << "a tombstone keeps the chain together";
  EXPECT_TRUE(catalog.FindName(kDirectory, N("c")).ok());
  clear(2);
  EXPECT_FALSE(is_there(1) || is_there(2));
  EXPECT_TRUE(catalog.FindName(kDirectory, N("a")).ok());
  clear(5);
  EXPECT_FALSE(is_there(5));
}

}  // namespace
}  // namespace hardlinkfs
