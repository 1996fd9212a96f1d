// A successor counts when it is complete, and not a step earlier; what it succeeds is kept.
#include "store/engine/successor.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "store/engine/rocksdb_engine.h"

namespace hardlinkfs {
namespace {

namespace fs = std::filesystem;

class SuccessorTest : public testing::Test {
 protected:
  SuccessorTest() {
    std::string pattern = (fs::temp_directory_path() / "successor.XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    path_ = (root_ / "catalog").string();
  }
  ~SuccessorTest() override {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  static void Put(const std::string& path, const std::string& value) {
    const auto engine = OpenRocksdbEngine(path, {});
    ASSERT_TRUE(engine.ok());
    Batch batch;
    batch.Put("key", value);
    ASSERT_TRUE((*engine)->Commit(batch).ok());
    ASSERT_TRUE((*engine)->Sync().ok());
  }
  static std::string Value(const std::string& path) {
    const auto engine = OpenRocksdbEngine(path, {.mode = RocksdbMode::kMustExist});
    return engine.ok() ? (*engine)->Get("key")->value_or("none") : "error " + std::to_string(engine.code());
  }
  std::string Succeed(const std::string& value) {
    const std::string folder = *BeginSuccessor(path_);
    Put(folder, value);
    EXPECT_TRUE(CompleteSuccessor(path_, folder, "note " + value).ok());
    return folder;
  }

  fs::path root_;
  std::string path_;
};

TEST_F(SuccessorTest, CountsWhenItIsComplete) {
  Put(path_, "old");
  EXPECT_EQ(DatabaseInForce(path_), path_);
  EXPECT_FALSE(SuccessorNote(path_).has_value());
  const std::string folder = *BeginSuccessor(path_);
  Put(folder, "new");
  EXPECT_EQ(Value(path_), "old");
  ASSERT_TRUE(CompleteSuccessor(path_, folder, "note").ok());
  EXPECT_EQ(Value(path_), "new");
  EXPECT_EQ(SuccessorNote(path_), "note");
  EXPECT_TRUE(RocksdbEngineExists(path_));
}

TEST_F(SuccessorTest, WhoseCompletionWasTornDoesNot) {
  Put(path_, "old");
  const std::string folder = *BeginSuccessor(path_);
  Put(folder, "new");
  ASSERT_TRUE(CompleteSuccessor(path_, folder, "note").ok());
  for (const char* text : {"", "note", "note\nchecksum = 0000000000000000\n"}) {
    std::ofstream(folder + "/complete", std::ios::trunc) << text;
    EXPECT_EQ(Value(path_), "old") << text;
  }
}

TEST_F(SuccessorTest, AnAttemptThatWasCutShortIsBegunAnew) {
  Put(path_, "old");
  const std::string first = *BeginSuccessor(path_);
  Put(first, "half");
  const std::string second = *BeginSuccessor(path_);
  EXPECT_EQ(first, second);
  EXPECT_TRUE(fs::is_empty(second));
  EXPECT_EQ(Value(path_), "old");
}

TEST_F(SuccessorTest, TheOneBeforeIsKeptAndNoOther) {
  Put(path_, "0");
  const std::string one = Succeed("1");
  EXPECT_TRUE(fs::exists(path_ + "/CURRENT.0"));
  const std::string two = Succeed("2");
  EXPECT_FALSE(fs::exists(path_ + "/CURRENT.0"));
  EXPECT_TRUE(fs::exists(one));
  const std::string three = Succeed("3");
  EXPECT_FALSE(fs::exists(one));
  EXPECT_TRUE(fs::exists(two));
  EXPECT_EQ(Value(path_), "3");
}

TEST_F(SuccessorTest, WorksWhereTheDirectoryIsMissingOrEmpty) {
  Succeed("1");
  EXPECT_EQ(Value(path_), "1");
}

}  // namespace
}  // namespace hardlinkfs
