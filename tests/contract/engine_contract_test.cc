// What every Engine promises (store/engine/engine.h), run on each implementation.
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "store/engine/engine.h"
#include "store/engine/memory_engine.h"
#include "store/engine/rocksdb_engine.h"

namespace hardlinkfs {
namespace {

namespace fs = std::filesystem;

// An engine and the way to close it properly and open it again.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual Engine& engine() = 0;
  virtual void Reopen() = 0;
};

class MemorySubject final : public Subject {
 public:
  Engine& engine() override { return engine_; }
  void Reopen() override {}  // its data is the process's

 private:
  MemoryEngine engine_;
};

class RocksdbSubject final : public Subject {
 public:
  RocksdbSubject() {
    std::string pattern = (fs::temp_directory_path() / "engine_contract.XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
    Open();
  }
  ~RocksdbSubject() override {
    engine_.reset();
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Engine& engine() override { return *engine_; }
  void Reopen() override {
    engine_.reset();
    Open();
  }

 private:
  void Open() {
    Result<std::unique_ptr<Engine>> engine = OpenRocksdbEngine(path_ / "catalog", {});
    if (!engine.ok()) FAIL() << engine.error().what << ": " << engine.code();
    engine_ = *std::move(engine);
  }
  fs::path path_;
  std::unique_ptr<Engine> engine_;
};

using Rows = std::vector<std::pair<std::string, std::string>>;
using Factory = std::function<std::unique_ptr<Subject>()>;

struct Implementation {
  std::string name;
  Factory make;
};

class EngineContract : public testing::TestWithParam<Implementation> {
 protected:
  Engine& engine() { return subject_->engine(); }
  void Reopen() { subject_->Reopen(); }

  void Put(const std::string& key, const std::string& value) {
    Batch batch;
    batch.Put(key, value);
    ASSERT_TRUE(engine().Commit(batch).ok());
  }
  void Delete(const std::string& key) {
    Batch batch;
    batch.Delete(key);
    ASSERT_TRUE(engine().Commit(batch).ok());
  }
  std::optional<std::string> Get(const std::string& key) {
    const auto value = engine().Get(key);
    EXPECT_TRUE(value.ok());
    return value.ok() ? *value : std::nullopt;
  }
  static Rows Read(Cursor& cursor) {
    Rows rows;
    for (; cursor.Valid(); cursor.Next()) rows.emplace_back(cursor.key(), cursor.value());
    EXPECT_TRUE(cursor.status().ok());
    return rows;
  }
  Rows Scan(const std::string& prefix, const std::string& from = "") { return Read(*engine().Scan(prefix, from)); }

 private:
  std::unique_ptr<Subject> subject_ = GetParam().make();
};

TEST_P(EngineContract, AbsentKeyIsNoError) {
  EXPECT_EQ(Get("absent"), std::nullopt);
  Delete("absent");
  EXPECT_EQ(Get("absent"), std::nullopt);
  EXPECT_EQ(Scan(""), Rows{});
}

TEST_P(EngineContract, LastCommitOfAKeyCounts) {
  Put("a", "1");
  Put("a", "2");
  EXPECT_EQ(Get("a"), "2");
  Delete("a");
  EXPECT_EQ(Get("a"), std::nullopt);
}

TEST_P(EngineContract, LaterEditOfABatchCounts) {
  Batch batch;
  batch.Put("a", "1");
  batch.Delete("a");
  batch.Delete("b");
  batch.Put("b", "2");
  ASSERT_TRUE(engine().Commit(batch).ok());
  EXPECT_EQ(Scan(""), (Rows{{"b", "2"}}));
}

TEST_P(EngineContract, EmptyBatchAndEmptyValueAreAllowed) {
  ASSERT_TRUE(engine().Commit(Batch()).ok());
  Put("a", "");
  EXPECT_EQ(Get("a"), "");
  EXPECT_EQ(Scan("a"), (Rows{{"a", ""}}));
}

TEST_P(EngineContract, KeysAreOrderedAsUnsignedBytes) {
  const std::vector<std::string> ordered{
      std::string("\0", 1), std::string("\0\0", 2), "a", std::string("a\0", 2), "ab", "b", "\x7f", "\x80", "\xff", "\xff\xff"};
  for (auto key = ordered.rbegin(); key != ordered.rend(); ++key) Put(*key, "v");
  std::vector<std::string> scanned;
  for (const auto& [key, value] : Scan("")) scanned.push_back(key);
  EXPECT_EQ(scanned, ordered);
}

TEST_P(EngineContract, ScanKeepsToItsPrefix) {
  for (const char* key : {"a", "b", "ba", "bb", "c", "\xfe\xff", "\xff", "\xff\xff\xff"}) Put(key, "v");
  EXPECT_EQ(Scan("b"), (Rows{{"b", "v"}, {"ba", "v"}, {"bb", "v"}}));
  EXPECT_EQ(Scan("\xff"), (Rows{{"\xff", "v"}, {"\xff\xff\xff", "v"}}));
  EXPECT_EQ(Scan("\xfe\xff"), (Rows{{"\xfe\xff", "v"}}));
  EXPECT_EQ(Scan("bc"), Rows{});
}

TEST_P(EngineContract, ScanBeginsAtFrom) {
  for (const char* key : {"a", "b", "ba", "bb", "c"}) Put(key, "v");
  EXPECT_EQ(Scan("b", "ba"), (Rows{{"ba", "v"}, {"bb", "v"}}));
  EXPECT_EQ(Scan("b", "baa"), (Rows{{"bb", "v"}}));
  EXPECT_EQ(Scan("b", "a"), (Rows{{"b", "v"}, {"ba", "v"}, {"bb", "v"}})) << "a start before the prefix does not widen it";
  EXPECT_EQ(Scan("b", "c"), Rows{});
}

TEST_P(EngineContract, CursorIsASnapshot) {
  for (const char* key : {"a", "b", "c"}) Put(key, "old");
  const std::unique_ptr<Cursor> cursor = engine().Scan("", "");
  Put("b", "new");
  Delete("c");
  Put("d", "new");
  ASSERT_TRUE(engine().Sync().ok());
  EXPECT_EQ(Read(*cursor), (Rows{{"a", "old"}, {"b", "old"}, {"c", "old"}}));
  EXPECT_EQ(Scan(""), (Rows{{"a", "old"}, {"b", "new"}, {"d", "new"}}));
}

TEST_P(EngineContract, CommitsSurviveReopeningWithAndWithoutSync) {
  Put("synced", "1");
  ASSERT_TRUE(engine().Sync().ok());
  Put("not synced", std::string(100'000, 'x'));
  Delete("synced");
  Reopen();
  EXPECT_EQ(Scan(""), (Rows{{"not synced", std::string(100'000, 'x')}}));
}

TEST_P(EngineContract, ReaderNeverSeesHalfABatch) {
  Put("a", "0");
  Put("b", "0");
  std::jthread writer([this](const std::stop_token& stop) {
    for (int i = 1; i < 2000 && !stop.stop_requested(); ++i) {
      Batch batch;
      batch.Put("a", std::to_string(i));
      batch.Put("b", std::to_string(i));
      EXPECT_TRUE(engine().Commit(batch).ok());
    }
  });
  for (int i = 0; i < 500; ++i) {
    const Rows rows = Scan("");
    ASSERT_EQ(rows.size(), 2U);
    ASSERT_EQ(rows[0].second, rows[1].second);
  }
}

TEST_P(EngineContract, AgreesWithAMapOverManyEdits) {
  constexpr unsigned kSeed = 20240917;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937 random(kSeed);
  std::map<std::string, std::string> model;
  for (int round = 0; round < 2000; ++round) {
    Batch batch;
    for (unsigned edits = random() % 4; edits > 0; --edits) {
      std::string key{static_cast<char>(random() % 5 * 60), static_cast<char>(random() % 7)};
      if (random() % 3 == 0) {
        batch.Delete(key);
        model.erase(key);
      } else {
        std::string value(random() % 40, static_cast<char>(random() % 256));
        batch.Put(key, value);
        model[key] = value;
      }
    }
    ASSERT_TRUE(engine().Commit(batch).ok());
    if (random() % 100 == 0) {
      ASSERT_TRUE(engine().Sync().ok());
    }
    if (random() % 500 == 0) Reopen();
  }
  EXPECT_EQ(Scan(""), Rows(model.begin(), model.end()));
}

INSTANTIATE_TEST_SUITE_P(Engines, EngineContract,
                         testing::Values(Implementation{"Memory", [] { return std::make_unique<MemorySubject>(); }},
                                         Implementation{"Rocksdb", [] { return std::make_unique<RocksdbSubject>(); }}),
                         [](const auto& implementation) { return implementation.param.name; });

}  // namespace
}  // namespace hardlinkfs
