// Symlinks, fifos, sockets and devices: S-SPECIAL-* of docs/semantics.md.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <cstring>
#include <thread>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Special : public MountTest {
 protected:
  static sockaddr_un Address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
  }
  static UniqueFd Socket() { return UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }
};
INSTANTIATE_TEST_SUITE_P(, Special, testing::ValuesIn(BackingsAndMirrors()), NameOf);

// What a mirror has otherwise: as its backing.
class SpecialOfACatalog : public Special {};
INSTANTIATE_TEST_SUITE_P(, SpecialOfACatalog, testing::ValuesIn(TestBackings()), NameOf);

// S-SPECIAL-1
TEST_P(Special, SymlinksOfAnyTargetAreKept) {
  const std::vector<std::string> targets{
      "x", "../up/and/away", "/absolute", std::string(on_xfs() ? 1023 : 4095, 't'), std::string("\xff\xfe?*:\n", 6), " "};
  for (size_t i = 0; i < targets.size(); ++i) ASSERT_EQ(top().Symlink(targets[i], "s" + std::to_string(i)), 0);
  const auto expect = [&] {
    for (size_t i = 0; i < targets.size(); ++i) {
      const std::string name = "s" + std::to_string(i);
      EXPECT_EQ(top().Readlink(name), targets[i]);
      EXPECT_EQ(top().Status(name).size, targets[i].size());
      EXPECT_EQ(top().Status(name).mode, S_IFLNK | 0777U);
    }
  };
  expect();
  Remount();
  expect();
}

// S-SPECIAL-1
TEST_P(Special, SymlinksAreFollowedAndDangle) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Symlink("d/f", "s"), 0);
  EXPECT_EQ(top().Opens("s", O_RDONLY), ENOENT);
  ASSERT_EQ(top().Write("s", "through"), 0);
  EXPECT_EQ(top().Read("d/f"), "through");
  ASSERT_EQ(top().Symlink("loop", "loop"), 0);
  EXPECT_EQ(top().Opens("loop", O_RDONLY), ELOOP);
  EXPECT_EQ(top().Opens("s", O_RDONLY | O_NOFOLLOW), ELOOP);
  EXPECT_EQ(top().Readlink("d/f"), "(EINVAL)");
  EXPECT_EQ(top().Symlink("x", "s"), EEXIST);
}

// S-SPECIAL-2
TEST_P(Special, FifosCarryBytesAcrossARemount) {
  ASSERT_EQ(top().Mknod("p", S_IFIFO | 0600), 0);
  Remount();
  ASSERT_TRUE(S_ISFIFO(top().Status("p").mode));
  const std::string path = top().Path("p");
  std::thread writer([&] { ASSERT_EQ(top().Append("p", "through the fifo"), 0); });
  const UniqueFd reader = top().Open("p", O_RDONLY);
  std::string text(64, '\0');
  const ssize_t got = read(reader.get(), text.data(), text.size());
  writer.join();
  EXPECT_EQ(text.substr(0, static_cast<size_t>(std::max<ssize_t>(got, 0))), "through the fifo");
}

// S-SPECIAL-3
TEST_P(Special, SocketsCanBeBoundAndConnectedTo) {
  const sockaddr_un address = Address(top().Path("socket"));
  const auto* const raw = reinterpret_cast<const sockaddr*>(&address);
  const UniqueFd server = Socket();
  ASSERT_EQ(Ended(bind(server.get(), raw, sizeof address)), 0);
  EXPECT_TRUE(S_ISSOCK(top().Status("socket").mode));
  ASSERT_EQ(Ended(listen(server.get(), 1)), 0);
  const UniqueFd client = Socket();
  ASSERT_EQ(Ended(connect(client.get(), raw, sizeof address)), 0);
  const UniqueFd other = Socket();
  EXPECT_EQ(Ended(bind(other.get(), raw, sizeof address)), EADDRINUSE);
}

// S-SPECIAL-3
TEST_P(Special, ASocketOutlivesItsServerAsANameOnly) {
  const sockaddr_un address = Address(top().Path("socket"));
  const auto* const raw = reinterpret_cast<const sockaddr*>(&address);
  { ASSERT_EQ(Ended(bind(Socket().get(), raw, sizeof address)), 0); }
  Remount();
  EXPECT_TRUE(S_ISSOCK(top().Status("socket").mode));
  EXPECT_EQ(Ended(connect(Socket().get(), raw, sizeof address)), ECONNREFUSED);
  EXPECT_EQ(top().Unlink("socket"), 0);
}

// S-SPECIAL-4
TEST_P(Special, DevicesKeepTheirNumbersAndWork) {
  // Linux has 12 bits and 20, xfs 9 and 18.
  const unsigned highest = on_xfs() ? 511 : 4095;
  const unsigned last = on_xfs() ? 0x3ffff : 0xfffff;
  const unsigned other = on_xfs() ? 0x2bcde : 0xabcde;
  Remount("dev");  // whatever the backing is mounted with
  ASSERT_EQ(top().Mknod("zero", S_IFCHR | 0666, makedev(1, 5)), 0);
  ASSERT_EQ(top().Mknod("block", S_IFBLK | 0600, makedev(259, last)), 0);
  ASSERT_EQ(top().Mknod("high", S_IFCHR | 0600, makedev(highest, other)), 0);
  const auto expect = [&] {
    EXPECT_EQ(top().Status("zero").rdev, makedev(1, 5));
    EXPECT_EQ(top().Status("block").rdev, makedev(259, last));
    EXPECT_EQ(top().Status("high").rdev, makedev(highest, other));
    EXPECT_TRUE(S_ISBLK(top().Status("block").mode));
    const UniqueFd zero = top().Open("zero", O_RDONLY);
    char byte = 'x';
    EXPECT_EQ(read(zero.get(), &byte, 1), 1) << Ended(-1);
    EXPECT_EQ(byte, '\0');
  };
  expect();
  Remount("dev");
  expect();
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Mknod("x", S_IFCHR | 0600, makedev(1, 3)).code; }), EACCES);
}

// S-SPECIAL-5
TEST_P(Special, RegularFilesCanBeMadeByMknod) {
  ASSERT_EQ(top().Mknod("f", S_IFREG | 0640), 0);
  ASSERT_EQ(top().Append("f", "text"), 0);
  Unmount();
  EXPECT_EQ(bare().Read("f"), "text");
}

// S-SPECIAL-6
TEST_P(SpecialOfACatalog, WhatTheBackingCannotHoldLeavesNothingOnIt) {
  ASSERT_EQ(top().Symlink("x", "s"), 0);
  ASSERT_EQ(top().Mknod("p", S_IFIFO | 0600), 0);
  ASSERT_EQ(top().Mknod("c", S_IFCHR | 0600, makedev(1, 3)), 0);
  Unmount();
  EXPECT_THAT(bare().Tree(), IsEmpty());
  Mount();
  EXPECT_THAT(top().Names(), ElementsAre("c", "p", "s"));
}

}  // namespace
}  // namespace hardlinkfs
