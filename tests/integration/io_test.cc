// Contents, space and syncing: S-IO-*, S-STATFS-* and S-SYNC-* of docs/semantics.md.
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cstdlib>
#include <cstring>
#include <memory>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

constexpr size_t kMiB = 1U << 20U;

std::string Pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 + (i >> 9U) * 13);
  return text;
}

// A shared mapping that goes by itself.
class Mapping {
 public:
  Mapping(const UniqueFd& file, size_t size)
      : size_(size), at_(static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0))) {}
  ~Mapping() {
    if (valid()) munmap(at_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  bool valid() const { return at_ != MAP_FAILED; }
  char* at() const { return at_; }
  Errno Sync() const { return Ended(msync(at_, size_, MS_SYNC)); }

 private:
  size_t size_;
  char* at_;
};

class Io : public MountTest {
 protected:
  bool on_tmpfs() const { return GetParam().name == "tmpfs"; }
};
INSTANTIATE_TEST_SUITE_P(, Io, testing::ValuesIn(BackingsAndMirrors()), NameOf);

// What a mirror has otherwise: as its backing.
class IoOfACatalog : public Io {};
INSTANTIATE_TEST_SUITE_P(, IoOfACatalog, testing::ValuesIn(TestBackings()), NameOf);

// S-IO-1
TEST_P(Io, WhatIsWrittenIsReadNowAndLater) {
  const std::string text = Pattern(5 * kMiB + 123);
  ASSERT_EQ(top().Write("a", text), 0);
  EXPECT_TRUE(top().Read("a") == text);
  EXPECT_EQ(top().Status("a").size, text.size());
  Unmount();
  EXPECT_TRUE(bare().Read("a") == text);
  Mount();
  EXPECT_TRUE(top().Read("a") == text);
}

// S-IO-1
TEST_P(Io, PiecesAtOddOffsetsComeTogether) {
  const std::string text = Pattern(300000);
  {
    const UniqueFd file = top().Open("a", O_CREAT | O_RDWR);
    for (size_t at = 0; at < text.size(); at += 2 * 4099)
      ASSERT_GT(pwrite(file.get(), text.data() + at, std::min<size_t>(4099, text.size() - at), static_cast<off_t>(at)), 0);
    for (size_t at = 4099; at < text.size(); at += 2 * 4099)
      ASSERT_GT(pwrite(file.get(), text.data() + at, std::min<size_t>(4099, text.size() - at), static_cast<off_t>(at)), 0);
    EXPECT_EQ(StatOf(file.get()).size, text.size());
  }
  Remount();
  EXPECT_TRUE(top().Read("a") == text);
}

// S-IO-1
TEST_P(Io, TruncationCutsAndGrowsWithZeros) {
  ASSERT_EQ(top().Write("a", "0123456789"), 0);
  ASSERT_EQ(top().Truncate("a", 4), 0);
  EXPECT_EQ(top().Read("a"), "0123");
  ASSERT_EQ(top().Truncate("a", 8), 0);
  EXPECT_EQ(top().Read("a"), std::string("0123\0\0\0\0", 8));
  EXPECT_EQ(top().Truncate("a", -1), EINVAL);
  ASSERT_EQ(top().Mkdir("d"), 0);
  EXPECT_EQ(top().Truncate("d", 0), EISDIR);
  Remount();
  EXPECT_EQ(top().Read("a"), std::string("0123\0\0\0\0", 8));
}

// S-IO-2
TEST_P(Io, AppendsOfSeveralProcessesNeverOverwriteEachOther) {
  ASSERT_EQ(top().Write("log", ""), 0);
  constexpr int kProcesses = 4;
  constexpr int kLines = 100;
  const auto append = [&](int process) {
    const UniqueFd file = top().Open("log", O_WRONLY | O_APPEND);
    const std::string line = std::string(50, static_cast<char>('a' + process)) + "\n";
    for (int i = 0; i < kLines; ++i) {
      if (WriteAll(file.get(), line).code != 0) return 1;
    }
    return 0;
  };
  ASSERT_EQ(InChildren(kProcesses, append), 0);
  const std::string text = top().Read("log");
  ASSERT_EQ(text.size(), size_t{kProcesses * kLines * 51});
  for (size_t at = 0; at < text.size(); at += 51) EXPECT_EQ(text.substr(at, 51), std::string(50, text[at]) + "\n");
}

// S-IO-3
TEST_P(Io, SharedMappingsAreSeenByReadersAndKept) {
  ASSERT_EQ(top().Write("a", std::string(3 * 4096, '.')), 0);
  ASSERT_EQ(top().Link("a", "b"), 0);
  {
    const UniqueFd file = top().Open("a", O_RDWR);
    const UniqueFd other = top().Open("b", O_RDWR);
    const Mapping mapping(file, 3 * 4096);
    ASSERT_TRUE(mapping.valid()) << Ended(-1);
    const Mapping second(other, 3 * 4096);
    std::memcpy(mapping.at() + 4090, "across pages", 12);
    EXPECT_EQ(std::string(second.at() + 4090, 12), "across pages");
    ASSERT_EQ(mapping.Sync(), 0);
    EXPECT_EQ(top().Read("b").substr(4090, 12), "across pages");
    ASSERT_EQ(pwrite(other.get(), "by write", 8, 0), 8);
    EXPECT_EQ(std::string(mapping.at(), 8), "by write");
  }
  Remount();
  EXPECT_EQ(top().Read("a").substr(4090, 12), "across pages");
}

// S-IO-3
TEST_P(Io, AMappingOutlivesItsDescriptorAndName) {
  ASSERT_EQ(top().Write("a", std::string(4096, '.')), 0);
  {
    UniqueFd file = top().Open("a", O_RDWR);
    const Mapping mapping(file, 4096);
    ASSERT_TRUE(mapping.valid());
    file = UniqueFd();
    std::memcpy(mapping.at(), "after close", 11);
    EXPECT_EQ(top().Read("a").substr(0, 11), "after close");
    ASSERT_EQ(top().Unlink("a"), 0);
    std::memcpy(mapping.at(), "AFTER UNLINK", 12);
    EXPECT_EQ(std::string(mapping.at(), 12), "AFTER UNLINK");
  }
}

// S-IO-4
TEST_P(Io, DirectIoWorks) {
  const std::string text = Pattern(64 * 1024);
  const std::unique_ptr<char, decltype(&std::free)> aligned(static_cast<char*>(std::aligned_alloc(4096, text.size())), &std::free);
  {
    const UniqueFd file = top().Open("a", O_CREAT | O_RDWR | O_DIRECT);
    ASSERT_TRUE(file.valid()) << Ended(-1);
    std::memcpy(aligned.get(), text.data(), text.size());
    ASSERT_EQ(pwrite(file.get(), aligned.get(), text.size(), 0), static_cast<ssize_t>(text.size())) << Ended(-1);
    std::memset(aligned.get(), 0, text.size());
    ASSERT_EQ(pread(file.get(), aligned.get(), text.size(), 0), static_cast<ssize_t>(text.size())) << Ended(-1);
    EXPECT_TRUE(std::string(aligned.get(), text.size()) == text);
    ASSERT_EQ(pread(file.get(), aligned.get(), 4096, 8192), 4096);
    EXPECT_TRUE(std::string(aligned.get(), 4096) == text.substr(8192, 4096));
  }
  EXPECT_TRUE(top().Read("a") == text);
}

// S-IO-5
TEST_P(Io, HolesReadAsZerosAndAreFoundWhereTheBackingHasThem) {
  constexpr off_t kFar = 8 * kMiB;
  const UniqueFd file = top().Open("a", O_CREAT | O_RDWR);
  ASSERT_EQ(pwrite(file.get(), "end", 3, kFar), 3);
  EXPECT_EQ(StatOf(file.get()).size, static_cast<uint64_t>(kFar) + 3);
  EXPECT_EQ(ReadAll(file.get()), std::string(kFar, '\0') + "end");
  const off_t hole = lseek(file.get(), 0, SEEK_HOLE);
  const off_t data = lseek(file.get(), 0, SEEK_DATA);
  if (on_fat()) {
    EXPECT_EQ(data, 0);  // no holes: all is data, as lseek(2) allows it
    EXPECT_EQ(hole, kFar + 3);
  } else {
    EXPECT_EQ(hole, 0);
    EXPECT_GT(data, 0);
    EXPECT_LE(data, kFar);
    EXPECT_LT(StatOf(file.get()).blocks * 512, static_cast<uint64_t>(kFar));
  }
  EXPECT_EQ(Ended(lseek(file.get(), kFar + 3, SEEK_DATA)), ENXIO);
  EXPECT_EQ(Ended(lseek(file.get(), kFar + 4, SEEK_HOLE)), ENXIO);
}

// S-IO-5
TEST_P(Io, FilesBeyond4GiBWork) {
  if (on_fat()) GTEST_SKIP() << "without holes it takes 4 GiB of writing";
  constexpr off_t kFar = (off_t{5} << 30U) + 1;
  {
    const UniqueFd file = top().Open("a", O_CREAT | O_RDWR);
    ASSERT_EQ(pwrite(file.get(), "end", 3, kFar), 3);
  }
  Remount();
  EXPECT_EQ(top().Status("a").size, static_cast<uint64_t>(kFar) + 3);
  char text[3] = {};
  ASSERT_EQ(pread(top().Open("a", O_RDONLY).get(), text, 3, kFar), 3);
  EXPECT_EQ(std::string(text, 3), "end");
}

// S-IO-6
TEST_P(Io, FallocateDoesItOrSaysThatItCannot) {
  const UniqueFd file = top().Open("a", O_CREAT | O_RDWR);
  ASSERT_EQ(WriteAll(file.get(), std::string(64 * 1024, 'x')), 0);
  const Errno grown = Ended(fallocate(file.get(), 0, 0, 128 * 1024));
  EXPECT_THAT(grown.code, testing::AnyOf(0, EOPNOTSUPP));
  EXPECT_EQ(StatOf(file.get()).size, grown == 0 ? 128U * 1024 : 64U * 1024);
  const Errno kept = Ended(fallocate(file.get(), FALLOC_FL_KEEP_SIZE, 0, 256 * 1024));
  EXPECT_THAT(kept.code, testing::AnyOf(0, EOPNOTSUPP));
  EXPECT_EQ(StatOf(file.get()).size, grown == 0 ? 128U * 1024 : 64U * 1024);
  const Errno punched = Ended(fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 8192));
  EXPECT_THAT(punched.code, testing::AnyOf(0, EOPNOTSUPP));
  const std::string text = ReadAll(file.get());
  EXPECT_EQ(text[4095], 'x');
  EXPECT_EQ(text[4096], punched == 0 ? '\0' : 'x');
  EXPECT_EQ(text[12288], 'x');
  // posix_fallocate(3) falls back on writing, and so always works.
  EXPECT_EQ(posix_fallocate(file.get(), 0, 300 * 1024), 0);
  EXPECT_EQ(StatOf(file.get()).size, 300U * 1024);
}

// S-IO-6: the kernel knows more modes than it passes on to FUSE; what is done to the content is done in full, or not at all.
TEST_P(Io, FallocateThatZeroesCollapsesOrInsertsDoesItOrSaysThatItCannot) {
  constexpr off_t kPart = 64 * 1024;  // a multiple of the backing's blocks
  const std::string text = std::string(kPart, 'a') + std::string(kPart, 'b') + std::string(kPart, 'c');
  const auto allocate = [&](int mode) {
    const UniqueFd file = top().Open("a", O_CREAT | O_TRUNC | O_RDWR);
    EXPECT_EQ(WriteAll(file.get(), text), 0);
    const Errno error = Ended(fallocate(file.get(), mode, kPart, kPart));
    return std::pair(error, ReadAll(file.get()));
  };
  const auto expect = [&](int mode, const std::string& wanted) {
    const auto [error, content] = allocate(mode);
    EXPECT_THAT(error.code, testing::AnyOf(0, EOPNOTSUPP)) << mode;
    EXPECT_TRUE(content == (error == 0 ? wanted : text)) << mode << ", " << content.size() << " bytes";
  };
  const std::string zeros(kPart, '\0');
  expect(FALLOC_FL_ZERO_RANGE, text.substr(0, kPart) + zeros + text.substr(2 * kPart));
  expect(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, text.substr(0, kPart) + zeros + text.substr(2 * kPart));
  expect(FALLOC_FL_COLLAPSE_RANGE, text.substr(0, kPart) + text.substr(2 * kPart));
  expect(FALLOC_FL_INSERT_RANGE, text.substr(0, kPart) + zeros + text.substr(kPart));
}

// S-IO-7
TEST_P(Io, CopyFileRangeCopies) {
  const std::string text = Pattern(kMiB);
  ASSERT_EQ(top().Write("a", text), 0);
  const UniqueFd from = top().Open("a", O_RDONLY);
  const UniqueFd to = top().Open("b", O_CREAT | O_RDWR);
  off_t at = 1000;
  size_t copied = 0;
  while (copied < text.size() - 1000) {
    const ssize_t n = copy_file_range(from.get(), &at, to.get(), nullptr, text.size(), 0);
    ASSERT_GT(n, 0) << Ended(-1);
    copied += static_cast<size_t>(n);
  }
  EXPECT_EQ(StatOf(to.get()).size, text.size() - 1000);
  EXPECT_TRUE(top().Read("b") == text.substr(1000));
}

// S-IO-8
TEST_P(Io, LocksKeepOtherProcessesOut) {
  ASSERT_EQ(top().Write("a", "x"), 0);
  ASSERT_EQ(top().Link("a", "b"), 0);
  const UniqueFd file = top().Open("a", O_RDWR);
  struct flock all {};
  all.l_type = F_WRLCK;
  ASSERT_EQ(Ended(fcntl(file.get(), F_SETLK, &all)), 0);
  const auto try_other_name = [&] {
    const UniqueFd other = top().Open("b", O_RDWR);
    struct flock mine = all;
    return Ended(fcntl(other.get(), F_SETLK, &mine)).code;
  };
  EXPECT_THAT(InChild(try_other_name), testing::AnyOf(EAGAIN, EACCES));
  all.l_type = F_UNLCK;
  ASSERT_EQ(Ended(fcntl(file.get(), F_SETLK, &all)), 0);
  all.l_type = F_WRLCK;
  EXPECT_EQ(InChild(try_other_name), 0);
}

// S-IO-9
TEST_P(Io, WorksTheSameWithoutPassthrough) {
  Remount("passthrough=off");
  const std::string text = Pattern(2 * kMiB + 5);
  ASSERT_EQ(top().Write("a", text), 0);
  ASSERT_EQ(top().Link("a", "b"), 0);
  EXPECT_TRUE(top().Read("b") == text);
  const UniqueFd file = top().Open("a", O_RDWR);
  const Mapping mapping(file, 4096);
  ASSERT_TRUE(mapping.valid());
  std::memcpy(mapping.at(), "mapped", 6);
  ASSERT_EQ(mapping.Sync(), 0);
  EXPECT_EQ(top().Read("b").substr(0, 6), "mapped");
  ASSERT_EQ(top().Append("b", "tail"), 0);
  EXPECT_EQ(StatOf(file.get()).size, text.size() + 4);
  ASSERT_EQ(top().Unlink("a"), 0);
  ASSERT_EQ(top().Unlink("b"), 0);
  EXPECT_EQ(ReadAll(file.get()).substr(0, 6), "mapped");
}

// S-STATFS-1
TEST_P(IoOfACatalog, StatfsTellsSpaceOfTheBackingAndCountsInodes) {
  struct statvfs before {};
  struct statvfs under {};
  ASSERT_EQ(statvfs(top().path().c_str(), &before), 0);
  ASSERT_EQ(statvfs(bare().path().c_str(), &under), 0);
  EXPECT_EQ(before.f_namemax, 255U);
  EXPECT_NEAR(static_cast<double>(before.f_blocks * before.f_frsize), static_cast<double>(under.f_blocks * under.f_frsize), 64.0 * kMiB);
  EXPECT_GT(before.f_bavail, 0U);
  EXPECT_GT(before.f_files, 0U);
  const auto used = [&] {
    struct statvfs now {};
    EXPECT_EQ(statvfs(top().path().c_str(), &now), 0);
    return now.f_files - now.f_ffree;
  };
  const auto at_first = used();
  for (int i = 0; i < 10; ++i) ASSERT_EQ(top().Symlink("x", std::to_string(i)), 0);
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Link("0", "another name"), 0);
  EXPECT_EQ(used(), at_first + 11);
}

// S-TIME-3, S-IO-9
TEST_P(IoOfACatalog, WritingByAMappingMovesTheTimes) {
  if (on_tmpfs()) GTEST_SKIP() << "tmpfs takes no notice of a page that is written again";
  for (const char* const options : {"passthrough=auto", "passthrough=off"}) {
    SCOPED_TRACE(options);
    Remount(options);
    ASSERT_EQ(top().Write("a", std::string(4096, '.')), 0);
    const auto set_back = [&] {
      ASSERT_EQ(top().SetTimes("a", {1000, 0}, {2000, 0}), 0);
      EXPECT_EQ(top().Status("a").mtime.tv_sec, 2000);  // and the kernel knows it
    };
    UniqueFd file = top().Open("a", O_RDWR);
    const Mapping mapping(file, 4096);
    ASSERT_TRUE(mapping.valid());
    const auto expect_seen = [&](char byte) {
      const timespec before = top().Status("a").ctime;
      AwaitNextTick();
      mapping.at()[0] = byte;
      ASSERT_EQ(mapping.Sync(), 0);
      EXPECT_GT(top().Status("a").mtime.tv_sec, 2000);
      EXPECT_TRUE(Later(top().Status("a").ctime, before));
    };
    set_back();
    expect_seen('1');
    // The usual way: the file is closed, the mapping stays.
    file = UniqueFd();
    set_back();
    expect_seen('2');
  }
  EXPECT_EQ(top().Read("a").front(), '2');
}

// S-TIME-3, S-IO-9
TEST_P(IoOfACatalog, WritingByAMappingShowsInListingsAndAfterTheUnmount) {
  if (on_tmpfs()) GTEST_SKIP() << "tmpfs takes no notice of a page that is written again";
  ASSERT_EQ(top().Write("a", std::string(4096, '.')), 0);
  {
    UniqueFd file = top().Open("a", O_RDWR);
    const Mapping mapping(file, 4096);
    file = UniqueFd();
    ASSERT_EQ(top().SetTimes("a", {1000, 0}, {2000, 0}), 0);
    mapping.at()[0] = 'x';
    ASSERT_EQ(mapping.Sync(), 0);
    const auto listed = top().Entries();  // with attributes, which the kernel takes
    EXPECT_GT(top().Status("a").mtime.tv_sec, 2000);
    ASSERT_EQ(top().SetTimes("a", {1000, 0}, {2000, 0}), 0);
    mapping.at()[0] = 'y';
  }
  Remount();
  EXPECT_GT(top().Status("a").mtime.tv_sec, 2000);
  EXPECT_EQ(top().Read("a").front(), 'y');
}

// S-SYNC-1
TEST_P(Io, EveryKindOfSyncSucceeds) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  const UniqueFd file = top().Open("d/a", O_CREAT | O_RDWR);
  const UniqueFd directory = top().Open("d", O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(WriteAll(file.get(), "text"), 0);
  EXPECT_EQ(Ended(fsync(file.get())), 0);
  EXPECT_EQ(Ended(fdatasync(file.get())), 0);
  EXPECT_EQ(Ended(fsync(directory.get())), 0);
  EXPECT_EQ(Ended(syncfs(directory.get())), 0);
  ASSERT_EQ(top().Unlink("d/a"), 0);
  EXPECT_EQ(Ended(fsync(file.get())), 0);
  ASSERT_EQ(top().Rmdir("d"), 0);
  EXPECT_EQ(Ended(fsync(directory.get())), 0);
  EXPECT_EQ(top().Opens("s", O_CREAT | O_WRONLY | O_SYNC), 0);
}

// S-SYNC-2
TEST_P(IoOfACatalog, NamesSurviveAPowerCutWithDirsyncAndSync) {
  for (const std::string option : {"async", "dirsync", "sync"}) {
    SCOPED_TRACE(option);
    Remount(option + ",commit=300");
    const std::string file = "file_" + option;
    const std::string link = "link_" + option;
    ASSERT_EQ(top().Write(file, "x"), 0);
    ASSERT_EQ(Ended(fsync(top().Open(file, O_RDONLY).get())), 0);
    ASSERT_EQ(top().Link(file, "other"), 0);
    ASSERT_EQ(top().Rename("other", link), 0);
    LosePower();
    Mount();
    EXPECT_EQ(top().Nlink(file), option == "async" ? 1U : 2U);
    EXPECT_EQ(top().Exists(link), option != "async");
  }
}

// S-SYNC-2
TEST_P(IoOfACatalog, AttributesSurviveAPowerCutWithSync) {
  Remount("sync,commit=300");
  ASSERT_EQ(top().Write("a", "x"), 0);
  ASSERT_EQ(top().Chmod("a", 0640), 0);
  ASSERT_EQ(top().SetXattr("a", "user.x", "1"), 0);
  LosePower();
  Mount();
  EXPECT_EQ(top().Status("a").permissions(), 0640U);
  EXPECT_EQ(top().XattrError("a", "user.x"), 0);
}

// S-SYNC-3
TEST_P(IoOfACatalog, TheNameOfWhatWasWrittenSynchronouslySurvivesAPowerCut) {
  Remount("commit=300");
  ASSERT_EQ(top().Write("a", ""), 0);
  ASSERT_EQ(top().Link("a", "b"), 0);
  ASSERT_EQ(WriteAll(top().Open("b", O_WRONLY | O_DSYNC).get(), "text"), 0);
  ASSERT_EQ(WriteAll(top().Open("c", O_CREAT | O_WRONLY | O_SYNC, 0640).get(), "text"), 0);
  LosePower();
  Mount();
  EXPECT_EQ(top().Nlink("a"), 2U);
  EXPECT_EQ(top().Read("b"), "text");
  EXPECT_EQ(top().Status("c").permissions(), 0640U);
}

}  // namespace
}  // namespace hardlinkfs
