// That a change of the MANIFEST survives whatever became of one slot, and that damage is told from a power cut.
#include "store/engine/manifest_files.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <cerrno>
#include <string>

#include "store/engine/lenient_directories.h"
#include "store/engine/manifest_slot.h"
#include "tests/fakes/disk_engine.h"

namespace hardlinkfs {
namespace {

TEST(ManifestSlotTest, IsReadBackAndNothingElseIs) {
  const ManifestSlot slot{7, "MANIFEST-000012", 3456};
  const std::string text = FormatManifestSlot(slot);
  ASSERT_EQ(text.size(), kManifestSlotBytes);
  EXPECT_EQ(ParseManifestSlot(text), slot);
  for (size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_FALSE(ParseManifestSlot(damaged).has_value()) << i;
    EXPECT_FALSE(ParseManifestSlot(text.substr(0, i)).has_value()) << i;
  }
  EXPECT_FALSE(ParseManifestSlot(std::string(kManifestSlotBytes, '\0')).has_value());
}

class ManifestFilesTest : public testing::Test {
 protected:
  FakeDisk& disk() { return engine_.disk(); }
  static std::string At(std::string_view name) { return DiskEngine::path() + "/" + std::string(name); }
  std::string Manifest() { return ParseManifestSlot(disk().Read(At(kManifestSlotNames[Newest()])))->manifest; }
  size_t Newest() {
    const auto first = ParseManifestSlot(disk().Read(At(kManifestSlotNames[0])));
    const auto second = ParseManifestSlot(disk().Read(At(kManifestSlotNames[1])));
    return second->sequence > first->sequence ? 1 : 0;
  }
  // Fills tables, so that the MANIFEST grows.
  void Work() {
    ASSERT_TRUE(engine_.Open().ok());
    for (int i = 0; i < 200; ++i) {
      Batch batch;
      batch.Put("key " + std::to_string(i), std::string(1000, 'v'));
      ASSERT_TRUE(engine_.Commit(batch).ok());
    }
    ASSERT_TRUE(engine_.Sync().ok());
    engine_.Close();
  }
  void ExpectAll() {
    const Status opened = engine_.Open();
    ASSERT_TRUE(opened.ok()) << opened.error().what;
    for (int i = 0; i < 200; ++i) EXPECT_TRUE(engine_.Get("key " + std::to_string(i))->has_value()) << i;
    engine_.Close();
  }

  DiskEngine engine_{DiskManner::kFat};
};

TEST_F(ManifestFilesTest, ThereIsNoCURRENT) {
  Work();
  EXPECT_FALSE(disk().Exists(At("CURRENT")));
  EXPECT_TRUE(disk().Exists(At("CURRENT.0")));
  EXPECT_TRUE(disk().Exists(At("CURRENT.1")));
}

TEST_F(ManifestFilesTest, OneDamagedSlotCostsNothing) {
  for (const bool newest : {true, false}) {
    for (const char* damage : {"", "garbage"}) {
      Work();
      const size_t slot = newest ? Newest() : 1 - Newest();
      disk().Write(At(kManifestSlotNames.at(slot)), damage);
      ExpectAll();
      ExpectAll();  // written anew meanwhile
      EXPECT_TRUE(ParseManifestSlot(disk().Read(At(kManifestSlotNames.at(slot)))).has_value());
    }
  }
}

TEST_F(ManifestFilesTest, TwoDamagedSlotsAreNoDatabase) {
  Work();
  for (const std::string_view slot : kManifestSlotNames) disk().Write(At(slot), "garbage");
  EXPECT_EQ(engine_.Open().code(), ENOENT);
}

TEST_F(ManifestFilesTest, WhatAManifestHasBeyondItsSyncedLengthIsIgnored) {
  Work();
  disk().Write(At(Manifest()), disk().Read(At(Manifest())) + std::string(600, 'g'));
  ExpectAll();
}

TEST_F(ManifestFilesTest, AManifestThatLostItsEndIsEUCLEAN) {
  Work();
  const std::string whole = disk().Read(At(Manifest()));
  disk().Write(At(Manifest()), whole.substr(0, whole.size() - 1));
  EXPECT_EQ(engine_.Open().code(), EUCLEAN);
}

TEST_F(ManifestFilesTest, AMissingOrDamagedManifestIsEUCLEAN) {
  Work();
  const std::string manifest = Manifest();
  std::string damaged = disk().Read(At(manifest));
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  disk().Write(At(manifest), damaged);
  EXPECT_EQ(engine_.Open().code(), EUCLEAN);
  ASSERT_TRUE(disk().env()->GetFileSystem()->DeleteFile(At(manifest), rocksdb::IOOptions(), nullptr).ok());
  EXPECT_EQ(engine_.Open().code(), EUCLEAN);
}

TEST_F(ManifestFilesTest, ADatabaseWithRocksdbsOwnCURRENTOpensAndIsTakenOver) {
  {
    rocksdb::Options options;
    options.env = disk().env();
    options.create_if_missing = true;
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(options, DiskEngine::path(), &db).ok());
    const std::unique_ptr<rocksdb::DB> owned(db);
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), "key " + std::to_string(i), "v").ok());
  }
  ASSERT_TRUE(disk().Exists(At("CURRENT")));
  ExpectAll();
  EXPECT_FALSE(disk().Exists(At("CURRENT")));
  ExpectAll();
}

// /proc refuses fsync of a directory as some network filesystems do.
TEST(LenientDirectoriesTest, AreNotStoppedByABackingThatDoesNotKnowFsyncOfThem) {
  std::unique_ptr<rocksdb::FSDirectory> directory;
  ASSERT_TRUE(MakeLenientDirectories()->NewDirectory("/proc/self", rocksdb::IOOptions(), &directory, nullptr).ok());
  EXPECT_TRUE(directory->Fsync(rocksdb::IOOptions(), nullptr).ok());
  EXPECT_FALSE(MakeLenientDirectories()->NewDirectory("/proc/none", rocksdb::IOOptions(), &directory, nullptr).ok());
}

}  // namespace
}  // namespace hardlinkfs
