// Short and interrupted reads and writes, as kernels give them.
#include "store/backing/linux_calls.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "tests/unit/backing/temporary_directory.h"

namespace hardlinkfs {
namespace {

TEST(WriteFully, GoesOnAfterAShortWrite) {
  // One call writes 2 GiB - 4096 at most, into nothing here. The pages are never touched, so they take no memory.
  constexpr size_t kBytes = (size_t{2} << 30) + 100;
  void* const pages = mmap(nullptr, kBytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  const UniqueFd null(open("/dev/null", O_WRONLY | O_CLOEXEC));
  ASSERT_LT(pwrite(null.get(), pages, kBytes, 0), static_cast<ssize_t>(kBytes)) << "no short write here";
  EXPECT_TRUE(WriteFully(null.get(), {static_cast<const char*>(pages), kBytes}, 0).ok());
  munmap(pages, kBytes);
}

TEST(WriteFully, TellsWhatEndedItAfterAShortWrite) {
  const TemporaryDirectory directory;
  const UniqueFd file(open((directory.path() / "file").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  const std::string text(10'000, 't');
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit low{6000, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &low), 0);
  const int code = WriteFully(file.get(), text, 0).code();
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  EXPECT_EQ(code, EFBIG);
  EXPECT_EQ(directory.Read("file").size(), 6000U) << "the prefix that there was room for";
}

TEST(ReadFully, GoesOnAfterAShortRead) {
  // The kernel makes this text page by page, and gives no more than that at a time.
  const UniqueFd file(open("/proc/kallsyms", O_RDONLY | O_CLOEXEC));
  if (!file.valid()) GTEST_SKIP() << "no /proc/kallsyms";
  std::string bytes(50'000, '\0');
  ASSERT_LT(pread(file.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size())) << "no short read here";
  const Result<size_t> got = ReadFully(file.get(), bytes, 0);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(*got, bytes.size());
}

TEST(ReadFully, EndsAtTheEndOfTheFile) {
  const TemporaryDirectory directory;
  directory.Write("file", "12345");
  const UniqueFd file(open((directory.path() / "file").c_str(), O_RDONLY | O_CLOEXEC));
  std::string bytes(100, '\0');
  const Result<size_t> got = ReadFully(file.get(), bytes, 2);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(bytes.substr(0, *got), "345");
}

TEST(RetryInterrupted, CallsAgainUntilItIsNotInterrupted) {
  int calls = 0;
  const int result = RetryInterrupted([&] {
    errno = ++calls < 3 ? EINTR : EIO;
    return -1;
  });
  EXPECT_EQ(result, -1);
  EXPECT_EQ(errno, EIO);
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace hardlinkfs
