// What MemoryBacking promises to tests beyond the contract of a Backing, which tests/contract holds it to.
#include "tests/fakes/memory_backing.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <random>
#include <string>

#include "tests/fakes/manual_clock.h"
#include "tests/fakes/sparse_bytes.h"

namespace hardlinkfs {
namespace {

class MemoryBackingTest : public ::testing::Test {
 protected:
  std::unique_ptr<MemoryBacking> Make(MemoryBackingOptions options) const { return std::make_unique<MemoryBacking>(options, clock_); }
  std::unique_ptr<MemoryBacking> MakeExfat() const {
    MemoryBackingOptions options;
    options.capabilities = ExfatCapabilities();
    return Make(options);
  }

  ManualClock clock_;
};

TEST_F(MemoryBackingTest, TheNthCallFailsOnceAndDoesNothing) {
  const auto backing = Make({});
  backing->FailNth(BackingCall::kMakeDirectory, 2, EIO);
  EXPECT_EQ(backing->MakeDirectory(backing->root(), BackingName("1"), 0755).code(), 0);
  EXPECT_EQ(backing->Stat(backing->root(), BackingName("1")).code(), 0);
  EXPECT_EQ(backing->MakeDirectory(backing->root(), BackingName("2"), 0755).code(), EIO);
  EXPECT_EQ(backing->Stat(backing->root(), BackingName("2")).code(), ENOENT);
  EXPECT_EQ(backing->MakeDirectory(backing->root(), BackingName("2"), 0755).code(), 0);
  backing->FailNth(std::nullopt, 1, EROFS);
  EXPECT_EQ(backing->Space().code(), EROFS);
  EXPECT_EQ(backing->Space().code(), 0);
}

TEST_F(MemoryBackingTest, AHookChoosesWhatFailsAndMayUseTheBacking) {
  const auto backing = Make({});
  backing->SetFaultHook([&](BackingCall call, const std::string& name) {
    if (call != BackingCall::kCreateFile || name != "bad") return 0;
    EXPECT_EQ(backing->MakeDirectory(backing->root(), BackingName("made by the hook"), 0755).code(), 0);
    return EDQUOT;
  });
  EXPECT_EQ(backing->CreateFile(backing->root(), BackingName("good"), 0644).code(), 0);
  EXPECT_EQ(backing->CreateFile(backing->root(), BackingName("bad"), 0644).code(), EDQUOT);
  EXPECT_EQ(backing->Stat(backing->root(), BackingName("made by the hook")).code(), 0);
}

TEST_F(MemoryBackingTest, ChangesAreCountedAndLookingIsNone) {
  const auto backing = Make({});
  const auto file = std::move(*backing->CreateFile(backing->root(), BackingName("f"), 0644));
  EXPECT_EQ(file->Write(std::string_view("x"), 0).code(), 0);
  EXPECT_EQ(backing->Stat(backing->root(), BackingName("f")).code(), 0);
  EXPECT_EQ(file->Sync().code(), 0);
  EXPECT_EQ(backing->changes(), 2U);
  EXPECT_EQ(backing->calls(BackingCall::kSyncFile), 1U);
  backing->ForgetCalls();
  EXPECT_EQ(backing->changes(), 0U);
}

TEST_F(MemoryBackingTest, AFullBackingTakesNothingUntilSomethingIsRemoved) {
  MemoryBackingOptions options;
  options.capacity_bytes = 4 * SparseBytes::kPageBytes;  // one is the root's
  const auto backing = Make(options);
  auto file = std::move(*backing->CreateFile(backing->root(), BackingName("f"), 0644));
  const std::string large(3 * SparseBytes::kPageBytes, 'x');
  EXPECT_EQ(file->Write(large, 0).code(), 0);
  EXPECT_EQ(file->Write(std::string_view("x"), large.size()).code(), ENOSPC);
  EXPECT_EQ(backing->MakeDirectory(backing->root(), BackingName("d"), 0755).code(), ENOSPC);
  EXPECT_EQ(backing->Space()->free_bytes, 0U);
  EXPECT_EQ(backing->RemoveFile(backing->root(), BackingName("f")).code(), 0);
  EXPECT_EQ(backing->Space()->free_bytes, 0U) << "still open";
  file.reset();
  EXPECT_EQ(backing->Space()->free_bytes, large.size());
}

TEST_F(MemoryBackingTest, AHoleCostsNothingUnlessTheBackingHasNone) {
  const auto sparse = Make({});
  auto file = std::move(*sparse->CreateFile(sparse->root(), BackingName("f"), 0644));
  EXPECT_EQ(file->Truncate(uint64_t{1} << 50).code(), 0);
  EXPECT_EQ(file->Stat()->blocks, 0U);
  EXPECT_EQ(file->Seek(SeekTarget::kData, 0).code(), ENXIO);
  const auto exfat = MakeExfat();
  file = std::move(*exfat->CreateFile(exfat->root(), BackingName("f"), 0644));
  EXPECT_EQ(file->Truncate(uint64_t{1} << 50).code(), ENOSPC);
  EXPECT_EQ(file->Truncate(8192).code(), 0);
  EXPECT_EQ(file->Stat()->blocks, 16U);
}

TEST_F(MemoryBackingTest, FatMannersAreKept) {
  const auto backing = MakeExfat();
  const auto root = backing->root();
  EXPECT_EQ(backing->CreateFile(root, BackingName("a:b"), 0644).code(), EINVAL);
  EXPECT_EQ(backing->CreateFile(root, BackingName("\xFF"), 0644).code(), EILSEQ);
  EXPECT_EQ(backing->CreateFile(root, BackingName("Name"), 0600).code(), 0);
  EXPECT_EQ(backing->CreateFile(root, BackingName("nAME"), 0600).code(), EEXIST);
  EXPECT_EQ(backing->CreateFile(root, BackingName("other"), 0600).code(), 0);
  const auto stat = backing->Stat(root, BackingName("NAME"));
  EXPECT_EQ(stat->mode, 0777U);
  EXPECT_EQ(stat->mtime.nanoseconds, 0U);
  EXPECT_EQ(stat->inode, backing->Stat(root, BackingName("other"))->inode) << "empty files share a number";
  EXPECT_EQ(backing->SetOwner(root, BackingName("name"), 1, 1).code(), EPERM);
}

TEST_F(MemoryBackingTest, RenumberingChangesEveryInodeNumber) {
  const auto backing = Make({});
  const uint64_t before = backing->StatDirectory(backing->root())->inode;
  backing->RenumberInodes();
  EXPECT_NE(backing->StatDirectory(backing->root())->inode, before);
}

TEST_F(MemoryBackingTest, AReadOnlyBackingOpensForReadingOnly) {
  const auto backing = Make({});
  EXPECT_EQ(backing->CreateFile(backing->root(), BackingName("f"), 0644).code(), 0);
  backing->SetReadOnly(true);
  const auto file = backing->OpenFile(backing->root(), BackingName("f"));
  ASSERT_EQ(file.code(), 0);
  EXPECT_EQ((*file)->MakeWritable().code(), EACCES);
  EXPECT_EQ(backing->RemoveFile(backing->root(), BackingName("f")).code(), EROFS);
}

TEST(SparseBytes, BehavesAsAStringUnderRandomOperations) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  SparseBytes bytes;
  std::string model;
  for (int i = 0; i < 5000; ++i) {
    const size_t offset = random() % 20'000;
    const size_t length = random() % 9'000;
    switch (random() % 4) {
      case 0:
        if (length > 0 && model.size() < offset + length) model.resize(offset + length);
        bytes.Write(std::string(length, static_cast<char>(i)), offset);
        std::fill_n(model.begin() + static_cast<std::ptrdiff_t>(length > 0 ? offset : 0), length, static_cast<char>(i));
        break;
      case 1:
        bytes.Resize(offset);
        model.resize(offset);
        break;
      case 2:
        bytes.Zero(offset, length);
        for (size_t at = offset; at < std::min(offset + length, model.size()); ++at) model[at] = '\0';
        break;
      default:
        bytes.Reserve(offset, length);
    }
    std::string content(model.size() + 1, 'x');
    ASSERT_EQ(bytes.Read(content, 0), model.size());
    content.resize(model.size());
    ASSERT_EQ(content, model);
  }
}

}  // namespace
}  // namespace hardlinkfs
