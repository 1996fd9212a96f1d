// That a snapshot is read back as it was, and that nothing else passes for one.
#include "store/engine/snapshot_file.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <string>

#include "store/base/unique_fd.h"
#include "store/engine/memory_engine.h"

namespace hardlinkfs {
namespace {

using SnapshotRows = std::map<std::string, std::string>;

class SnapshotFileTest : public testing::Test {
 protected:
  SnapshotFileTest() : file_(memfd_create("snapshot", MFD_CLOEXEC)) {}

  void Fill(size_t rows) {
    Batch batch;
    for (size_t i = 0; i < rows; ++i) {
      const std::string key = "key " + std::to_string(i);
      rows_[key] = std::string(i % 700, static_cast<char>('a' + i % 26));
      batch.Put(key, rows_[key]);
    }
    ASSERT_TRUE(engine_.Commit(batch).ok());
  }
  Result<uint64_t> Write(uint64_t sequence = 3) {
    EXPECT_EQ(ftruncate(file_.get(), 0), 0);
    EXPECT_EQ(lseek(file_.get(), 0, SEEK_SET), 0);
    const auto rows = engine_.Scan("", "");
    return WriteSnapshot(
        file_.get(), {volume_, sequence, 1234567}, *rows, [](uint64_t) { return Status(); }, [] { return Status(); });
  }
  Result<SnapshotRows> Read() {
    SnapshotRows found;
    const Status read = ReadSnapshot(file_.get(), [&](std::string_view key, std::string_view value) -> Status {
      found[std::string(key)] = value;
      return {};
    });
    if (!read.ok()) return read.error();
    return found;
  }
  std::string Bytes() {
    std::string bytes(static_cast<size_t>(lseek(file_.get(), 0, SEEK_END)), '\0');
    EXPECT_EQ(pread(file_.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    return bytes;
  }
  void SetBytes(const std::string& bytes) {
    EXPECT_EQ(ftruncate(file_.get(), 0), 0);
    EXPECT_EQ(pwrite(file_.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }

  const UniqueFd file_;
  const std::string volume_ = "8c1e2f0a-0000-4000-8000-123456789abc";
  MemoryEngine engine_;
  SnapshotRows rows_;
};

TEST_F(SnapshotFileTest, IsReadBackAsItWas) {
  for (const size_t rows : {0U, 1U, 5000U}) {
    Fill(rows);
    ASSERT_TRUE(Write().ok());
    EXPECT_EQ(*Read(), rows_);
    const auto head = ReadSnapshotHead(file_.get());
    ASSERT_TRUE(head.ok());
    EXPECT_EQ(head->volume, volume_);
    EXPECT_EQ(head->sequence, 3U);
    EXPECT_EQ(head->taken, 1234567);
  }
}

TEST_F(SnapshotFileTest, CutOffAnywhereIsNone) {
  Fill(20);
  ASSERT_TRUE(Write().ok());
  const std::string whole = Bytes();
  for (size_t length = 0; length < whole.size(); ++length) {
    SetBytes(whole.substr(0, length));
    EXPECT_EQ(ReadSnapshotHead(file_.get()).code(), EUCLEAN) << length;
    EXPECT_EQ(Read().code(), EUCLEAN) << length;
  }
}

TEST_F(SnapshotFileTest, AnyDamagedByteIsFound) {
  Fill(20);
  ASSERT_TRUE(Write().ok());
  const std::string whole = Bytes();
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    SetBytes(damaged);
    EXPECT_FALSE(Read().ok()) << at;
  }
}

TEST_F(SnapshotFileTest, APieceOfAnOlderOneIsFound) {
  Fill(5000);
  ASSERT_TRUE(Write(3).ok());
  const std::string older = Bytes();
  ASSERT_TRUE(Write(4).ok());
  std::string mixed = Bytes();
  ASSERT_EQ(mixed.size(), older.size());
  // Written over, but not all of it got to the disk.
  mixed.replace(4096, 4096, older, 4096, 4096);
  mixed.replace(84, 40, older, 84, 40);
  SetBytes(mixed);
  EXPECT_EQ(Read().code(), EUCLEAN);
}

TEST_F(SnapshotFileTest, DoesNotCountBeforeWhatItHoldsIsDurable) {
  Fill(20);
  const auto rows = engine_.Scan("", "");
  const auto failed = WriteSnapshot(
      file_.get(), {volume_, 1, 0}, *rows, [](uint64_t) { return Status(); },
      [] {
        return Status(Error{EIO, "told to fail"});
      });
  EXPECT_EQ(failed.code(), EIO);
  EXPECT_EQ(ReadSnapshotHead(file_.get()).code(), EUCLEAN);
}

TEST_F(SnapshotFileTest, CanBeGivenUpAtAnyPiece) {
  Fill(5000);
  const auto rows = engine_.Scan("", "");
  const auto failed = WriteSnapshot(
      file_.get(), {volume_, 1, 0}, *rows,
      [](uint64_t) {
        return Status(Error{ENOSPC, "told to fail"});
      },
      [] { return Status(); });
  EXPECT_EQ(failed.code(), ENOSPC);
  EXPECT_EQ(ReadSnapshotHead(file_.get()).code(), EUCLEAN);
}

TEST_F(SnapshotFileTest, OfANewerVersionIsENOTSUP) {
  ASSERT_TRUE(Write().ok());
  std::string bytes = Bytes();
  bytes[20] = 2;
  SetBytes(bytes);
  EXPECT_EQ(ReadSnapshotHead(file_.get()).code(), ENOTSUP);
}

}  // namespace
}  // namespace hardlinkfs
