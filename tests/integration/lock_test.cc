// fcntl(2) and flock(2): S-LOCK-* of docs/semantics.md, S-MIRROR-13 and -14.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// As fcntl(2) takes it, from the beginning of the file on. `length` 0: to the end, wherever that is.
struct flock Range(short type, off_t start = 0, off_t length = 0) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = start;
  range.l_len = length;
  return range;
}

Errno SetRange(const UniqueFd& file, short type, off_t start = 0, off_t length = 0, int command = F_SETLK) {
  struct flock range = Range(type, start, length);
  return Ended(fcntl(file.get(), command, &range));
}

// What F_GETLK finds in the way of an exclusive lock.
struct flock InTheWay(const UniqueFd& file, off_t start = 0, off_t length = 0) {
  struct flock range = Range(F_WRLCK, start, length);
  EXPECT_EQ(Ended(fcntl(file.get(), F_GETLK, &range)), 0);
  return range;
}

Errno SetWhole(const UniqueFd& file, int operation) { return Ended(flock(file.get(), operation)); }

// RETURNS: how a try for an exclusive lock ends in another process; its errno, or 0.
int TryRangeElsewhere(const std::string& path, off_t start = 0, off_t length = 0) {
  return InChild([&] {
    const UniqueFd file(open(path.c_str(), O_RDWR | O_CLOEXEC));
    return SetRange(file, F_WRLCK, start, length).code;
  });
}

class Lock : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    ASSERT_EQ(top().Write("a", "0"), 0);
  }
  UniqueFd OpenTop() const { return top().Open("a", O_RDWR); }
};
INSTANTIATE_TEST_SUITE_P(, Lock, testing::ValuesIn(BackingsAndMirrors()), NameOf);

// Locks that the backing's users see, too.
class LockOfAMirror : public Lock {
 protected:
  UniqueFd OpenBare() const { return bare().Open("a", O_RDWR); }
};
INSTANTIATE_TEST_SUITE_P(, LockOfAMirror, testing::ValuesIn(Mirrors()), NameOf);

// S-LOCK-1
TEST_P(Lock, OfBytesKeepsOthersOutOfThem) {
  const UniqueFd file = OpenTop();
  ASSERT_EQ(SetRange(file, F_WRLCK, 10, 10), 0);
  EXPECT_EQ(TryRangeElsewhere(top().Path("a"), 0, 10), 0);
  EXPECT_EQ(TryRangeElsewhere(top().Path("a"), 0, 11), EAGAIN);
  EXPECT_EQ(TryRangeElsewhere(top().Path("a"), 19, 1), EAGAIN);
  EXPECT_EQ(TryRangeElsewhere(top().Path("a"), 20), 0);
  // The middle is given back, so two parts are left; then one kind is another's place.
  ASSERT_EQ(SetRange(file, F_UNLCK, 13, 4), 0);
  EXPECT_EQ(TryRangeElsewhere(top().Path("a"), 13, 4), 0);
  EXPECT_EQ(TryRangeElsewhere(top().Path("a"), 12, 1), EAGAIN);
  EXPECT_EQ(TryRangeElsewhere(top().Path("a"), 17, 1), EAGAIN);
  ASSERT_EQ(SetRange(file, F_RDLCK, 0, 100), 0);
  EXPECT_EQ(InChild([&] { return SetRange(OpenTop(), F_RDLCK, 0, 100).code; }), 0);
  EXPECT_EQ(TryRangeElsewhere(top().Path("a"), 99, 1), EAGAIN);
}

// S-LOCK-1
TEST_P(Lock, IsNamedByWhoHoldsIt) {
  const UniqueFd file = OpenTop();
  ASSERT_EQ(SetRange(file, F_WRLCK, 5, 10), 0);
  const pid_t here = getpid();
  EXPECT_EQ(InChild([&] {
              const struct flock found = InTheWay(OpenTop(), 0, 100);
              return found.l_type == F_WRLCK && found.l_start == 5 && found.l_len == 10 && found.l_pid == here ? 0 : 1;
            }),
            0);
  // One's own is not in the way.
  EXPECT_EQ(InTheWay(file).l_type, F_UNLCK);
}

// S-LOCK-1
TEST_P(Lock, OfAProcessGoesWithAnyCloseOfTheFile) {
  const UniqueFd file = OpenTop();
  ASSERT_EQ(SetRange(file, F_WRLCK), 0);
  EXPECT_EQ(TryRangeElsewhere(top().Path("a")), EAGAIN);
  // A child does not have it, so its closing changes nothing.
  EXPECT_EQ(InChild([&] { return close(file.get()) == 0 ? 0 : 1; }), 0);
  EXPECT_EQ(TryRangeElsewhere(top().Path("a")), EAGAIN);
  OpenTop();  // and closed
  EXPECT_EQ(TryRangeElsewhere(top().Path("a")), 0);
}

// S-LOCK-1
TEST_P(Lock, OfAProcessGoesWithACloseAlsoWhileAThreadOfItWaits) {
  const UniqueFd other = OpenTop();
  ASSERT_EQ(SetRange(other, F_WRLCK, 10, 10, F_OFD_SETLK), 0);
  const UniqueFd file = OpenTop();
  ASSERT_EQ(SetRange(file, F_WRLCK, 0, 10), 0);
  std::jthread waiter([&] { EXPECT_EQ(SetRange(file, F_WRLCK, 10, 20, F_SETLKW), 0); });
  std::this_thread::sleep_for(milliseconds(100));
  OpenTop();  // and closed
  EXPECT_EQ(TryRangeElsewhere(top().Path("a"), 0, 10), 0);
  // What the process locks now is not in its own way.
  EXPECT_EQ(SetRange(file, F_WRLCK, 25, 10), 0);
  ASSERT_EQ(SetRange(other, F_UNLCK, 10, 10, F_OFD_SETLK), 0);
  waiter.join();
  EXPECT_EQ(TryRangeElsewhere(top().Path("a"), 10, 1), EAGAIN);
  EXPECT_EQ(TryRangeElsewhere(top().Path("a"), 34, 1), EAGAIN);
  EXPECT_EQ(TryRangeElsewhere(top().Path("a"), 35, 1), 0);
}

// S-LOCK-1
TEST_P(Lock, OfAnOpenGoesWithItsLastClose) {
  UniqueFd file = OpenTop();
  UniqueFd copy(fcntl(file.get(), F_DUPFD_CLOEXEC, 0));
  ASSERT_EQ(SetRange(file, F_WRLCK, 0, 0, F_OFD_SETLK), 0);
  const UniqueFd other = OpenTop();
  EXPECT_EQ(SetRange(other, F_WRLCK, 0, 0, F_OFD_SETLK), EAGAIN);
  EXPECT_EQ(SetRange(other, F_WRLCK, 0, 0), EAGAIN);
  file = UniqueFd();
  EXPECT_EQ(SetRange(other, F_WRLCK, 0, 0, F_OFD_SETLK), EAGAIN);
  copy = UniqueFd();
  EXPECT_EQ(SetRange(other, F_WRLCK, 0, 0, F_OFD_SETLK), 0);
}

// S-LOCK-1
TEST_P(Lock, OfTheWholeFileIsAnOpens) {
  UniqueFd file = OpenTop();
  const UniqueFd other = top().Open("a", O_RDONLY);
  ASSERT_EQ(SetWhole(file, LOCK_SH), 0);
  EXPECT_EQ(SetWhole(other, LOCK_SH | LOCK_NB), 0);
  EXPECT_EQ(SetWhole(other, LOCK_EX | LOCK_NB), EAGAIN);
  ASSERT_EQ(SetWhole(other, LOCK_UN), 0);
  EXPECT_EQ(SetWhole(file, LOCK_EX | LOCK_NB), 0);
  EXPECT_EQ(SetWhole(other, LOCK_SH | LOCK_NB), EAGAIN);
  // fcntl's are others.
  EXPECT_EQ(TryRangeElsewhere(top().Path("a")), 0);
  // A child shares it, so that it stays until both have closed it.
  EXPECT_EQ(InChild([&] { return close(file.get()) == 0 ? 0 : 1; }), 0);
  EXPECT_EQ(SetWhole(other, LOCK_EX | LOCK_NB), EAGAIN);
  file = UniqueFd();
  EXPECT_EQ(SetWhole(other, LOCK_EX | LOCK_NB), 0);
}

// S-LOCK-1
TEST_P(Lock, IsThereToBeTakenRightAfterTheClose) {
  for (int i = 0; i < 200; ++i) {
    UniqueFd file = OpenTop();
    ASSERT_EQ(SetWhole(file, LOCK_EX | LOCK_NB), 0) << i;
    file = UniqueFd();
    file = OpenTop();
    ASSERT_EQ(SetRange(file, F_WRLCK, 0, 0, F_OFD_SETLK), 0) << i;
  }
}

// S-LOCK-1
TEST_P(Lock, IsRefusedAlsoWhileChildrenOfTheHolderCloseIt) {
  const UniqueFd file = OpenTop();
  ASSERT_EQ(SetWhole(file, LOCK_EX), 0);
  std::atomic<bool> done = false;
  std::jthread children([&] {
    while (!done) InChild([&] { return close(file.get()); });
  });
  EXPECT_EQ(InChild([&] { return SetWhole(OpenTop(), LOCK_EX | LOCK_NB).code; }), EAGAIN);
  done = true;
}

// S-LOCK-1
TEST_P(Lock, WithTheFirstWriterIsTakenOverFromReading) {
  const UniqueFd reader = top().Open("a", O_RDONLY);
  ASSERT_EQ(SetRange(reader, F_RDLCK, 0, 10), 0);
  ASSERT_EQ(SetRange(reader, F_RDLCK, 20, 10), 0);
  const UniqueFd writer = OpenTop();
  ASSERT_EQ(SetRange(writer, F_WRLCK, 5, 2), 0);  // of the same process
  EXPECT_EQ(TryRangeElsewhere(top().Path("a"), 0, 5), EAGAIN);
  EXPECT_EQ(TryRangeElsewhere(top().Path("a"), 29, 1), EAGAIN);
  EXPECT_EQ(TryRangeElsewhere(top().Path("a"), 10, 10), 0);
  EXPECT_EQ(InChild([&] { return SetRange(OpenTop(), F_RDLCK, 0, 5).code; }), 0);
  EXPECT_EQ(InChild([&] { return SetRange(OpenTop(), F_RDLCK, 5, 1).code; }), EAGAIN);
}

// S-LOCK-2
TEST_P(Lock, IsWaitedForUntilItIsFree) {
  for (const bool whole : {false, true}) {
    SCOPED_TRACE(whole ? "flock" : "fcntl");
    const UniqueFd file = OpenTop();
    ASSERT_EQ(whole ? SetWhole(file, LOCK_EX) : SetRange(file, F_WRLCK), 0);
    std::jthread holder([&] {
      std::this_thread::sleep_for(milliseconds(200));
      EXPECT_EQ(top().Write("a", "done"), 0);
      EXPECT_EQ(whole ? SetWhole(file, LOCK_UN) : SetRange(file, F_UNLCK), 0);
    });
    EXPECT_EQ(InChild([&] {
                const UniqueFd waiting = OpenTop();
                if ((whole ? SetWhole(waiting, LOCK_EX) : SetRange(waiting, F_WRLCK, 0, 0, F_SETLKW)).code != 0) return 1;
                return ReadAll(waiting.get()) == "done" ? 0 : 2;
              }),
              0);
    holder.join();
    ASSERT_EQ(top().Write("a", "0"), 0);
  }
}

// S-LOCK-2
TEST_P(Lock, IsNotWaitedForAfterASignalOrADeath) {
  const UniqueFd file = OpenTop();
  ASSERT_EQ(SetRange(file, F_WRLCK), 0);
  ASSERT_EQ(SetWhole(file, LOCK_EX), 0);
  for (const int signal : {SIGALRM, SIGKILL}) {
    for (const bool whole : {false, true}) {
      const pid_t child = fork();
      if (child == 0) {
        struct sigaction action {};
        action.sa_handler = [](int) {};
        sigaction(SIGALRM, &action, nullptr);
        const UniqueFd waiting = OpenTop();
        _exit((whole ? SetWhole(waiting, LOCK_EX) : SetRange(waiting, F_WRLCK, 0, 0, F_SETLKW)).code);
      }
      std::this_thread::sleep_for(milliseconds(100));
      kill(child, signal);
      int status = 0;
      ASSERT_TRUE(Eventually([&] { return waitpid(child, &status, WNOHANG) == child; }, seconds(5))) << signal << whole;
      EXPECT_TRUE(signal == SIGKILL ? WIFSIGNALED(status) : WEXITSTATUS(status) == EINTR) << signal << whole << status;
    }
  }
  // Nothing is left of those who went.
  ASSERT_EQ(SetRange(file, F_UNLCK), 0);
  EXPECT_EQ(TryRangeElsewhere(top().Path("a")), 0);
}

// S-MIRROR-13
TEST_P(LockOfAMirror, KeepsTheBackingsUsersOut) {
  const UniqueFd file = OpenTop();
  ASSERT_EQ(SetRange(file, F_WRLCK, 10, 10), 0);
  EXPECT_EQ(TryRangeElsewhere(bare().Path("a"), 0, 10), 0);
  EXPECT_EQ(TryRangeElsewhere(bare().Path("a"), 0, 11), EAGAIN);
  ASSERT_EQ(SetWhole(file, LOCK_SH), 0);
  const UniqueFd other = OpenBare();
  EXPECT_EQ(SetWhole(other, LOCK_EX | LOCK_NB), EAGAIN);
  EXPECT_EQ(SetWhole(other, LOCK_SH | LOCK_NB), 0);
  ASSERT_EQ(SetRange(file, F_UNLCK), 0);
  EXPECT_EQ(TryRangeElsewhere(bare().Path("a")), 0);
}

// S-MIRROR-13
TEST_P(LockOfAMirror, IsTheBackingsUsersToo) {
  const UniqueFd file = OpenBare();
  ASSERT_EQ(SetRange(file, F_WRLCK, 10, 10), 0);
  EXPECT_EQ(TryRangeElsewhere(top().Path("a"), 0, 10), 0);
  EXPECT_EQ(TryRangeElsewhere(top().Path("a"), 0, 11), EAGAIN);
  const pid_t here = getpid();
  EXPECT_EQ(InChild([&] { return InTheWay(OpenTop()).l_pid == here ? 0 : 1; }), 0);
  ASSERT_EQ(SetWhole(file, LOCK_EX), 0);
  EXPECT_EQ(SetWhole(OpenTop(), LOCK_SH | LOCK_NB), EAGAIN);
  // Who waits on one side is woken on the other.
  std::jthread holder([&] {
    std::this_thread::sleep_for(milliseconds(200));
    EXPECT_EQ(SetWhole(file, LOCK_UN), 0);
  });
  EXPECT_EQ(SetWhole(OpenTop(), LOCK_EX), 0);
}

// S-MIRROR-13
TEST_P(LockOfAMirror, OfAFileWithoutANameIsSharedToo) {
  const UniqueFd file = OpenTop();
  const UniqueFd other = OpenBare();
  ASSERT_EQ(bare().Unlink("a"), 0);
  ASSERT_EQ(SetWhole(file, LOCK_EX), 0);
  EXPECT_EQ(SetWhole(other, LOCK_EX | LOCK_NB), EAGAIN);
}

// S-MIRROR-13: what was written under a lock is seen by who has it next.
TEST_P(LockOfAMirror, MakesChangesOfBothSidesOneAfterAnother) {
  constexpr int kRounds = 300;
  for (const char* const options : {"passthrough=auto", "passthrough=off", "passthrough=off,watch=off,attr_timeout=1000"}) {
    for (const bool whole : {false, true}) {
      SCOPED_TRACE(std::string(options) + (whole ? " flock" : " fcntl"));
      Remount(options);
      ASSERT_EQ(bare().Write("a", "0"), 0);
      const auto count = [&](int child) {
        const UniqueFd file = child % 2 == 0 ? OpenTop() : OpenBare();
        for (int i = 0; i < kRounds; ++i) {
          if ((whole ? SetWhole(file, LOCK_EX) : SetRange(file, F_WRLCK, 0, 0, F_SETLKW)).code != 0) return 1;
          const std::string next = std::to_string(std::stoi(ReadAll(file.get())) + 1);
          if (pwrite(file.get(), next.data(), next.size(), 0) != static_cast<ssize_t>(next.size())) return 2;
          if ((whole ? SetWhole(file, LOCK_UN) : SetRange(file, F_UNLCK)).code != 0) return 3;
        }
        return 0;
      };
      EXPECT_EQ(InChildren(4, count), 0);
      EXPECT_EQ(bare().Read("a"), std::to_string(4 * kRounds));
    }
  }
}

// S-MIRROR-13
TEST_P(LockOfAMirror, GoesWithTheServer) {
  const UniqueFd file = OpenTop();
  ASSERT_EQ(SetRange(file, F_WRLCK), 0);
  EXPECT_EQ(TryRangeElsewhere(bare().Path("a")), EAGAIN);
  volume().KillServer();
  EXPECT_EQ(TryRangeElsewhere(bare().Path("a")), 0);
}

// S-MIRROR-13: an end of the server does not wait for those who wait.
TEST_P(LockOfAMirror, IsNotWaitedForByAServerThatEnds) {
  const UniqueFd file = OpenBare();
  ASSERT_EQ(SetRange(file, F_WRLCK), 0);
  const pid_t child = fork();
  if (child == 0) _exit(SetRange(OpenTop(), F_WRLCK, 0, 0, F_SETLKW).code);
  std::this_thread::sleep_for(milliseconds(100));
  volume().Signal(SIGTERM);
  EXPECT_EQ(volume().WaitForServer(), 0) << volume().Log();
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), ECONNABORTED);
}

// S-MIRROR-14
TEST_P(LockOfAMirror, StaysAmongTheMirrorsUsersWhenAskedTo) {
  Remount("locks=local");
  const UniqueFd file = OpenTop();
  ASSERT_EQ(SetRange(file, F_WRLCK), 0);
  EXPECT_EQ(TryRangeElsewhere(top().Path("a")), EAGAIN);
  EXPECT_EQ(TryRangeElsewhere(bare().Path("a")), 0);
}

}  // namespace
}  // namespace hardlinkfs
