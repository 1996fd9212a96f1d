// Extended attributes: S-XATTR-* of docs/semantics.md.
#include <sys/xattr.h>

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

class Xattr : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    ASSERT_EQ(top().Write("a", "x"), 0);
  }
};
INSTANTIATE_TEST_SUITE_P(, Xattr, testing::ValuesIn(BackingsAndMirrors()), NameOf);

// What a mirror has otherwise: as its backing.
class XattrOfACatalog : public Xattr {};
INSTANTIATE_TEST_SUITE_P(, XattrOfACatalog, testing::ValuesIn(TestBackings()), NameOf);

// S-XATTR-1
TEST_P(Xattr, AnyValueIsKeptAndSharedByAllNames) {
  const std::string binary("\0\xff\n\0", 4);
  ASSERT_EQ(top().SetXattr("a", "user.text", "value"), 0);
  ASSERT_EQ(top().SetXattr("a", "user.empty", ""), 0);
  ASSERT_EQ(top().SetXattr("a", "user.binary", binary), 0);
  ASSERT_EQ(top().Link("a", "b"), 0);
  const auto expect = [&] {
    EXPECT_THAT(top().Xattr("b", "user.text"), Optional(std::string("value")));
    EXPECT_THAT(top().Xattr("b", "user.empty"), Optional(std::string()));
    EXPECT_THAT(top().Xattr("b", "user.binary"), Optional(binary));
    EXPECT_THAT(top().Xattrs("b"), ElementsAre("user.binary", "user.empty", "user.text"));
  };
  expect();
  Remount();
  expect();
  ASSERT_EQ(top().RemoveXattr("a", "user.text"), 0);
  EXPECT_EQ(top().XattrError("b", "user.text"), ENODATA);
  EXPECT_EQ(top().RemoveXattr("a", "user.text"), ENODATA);
}

// S-XATTR-2
TEST_P(Xattr, CreateAndReplaceInsistOnWhatIsThere) {
  EXPECT_EQ(top().SetXattr("a", "user.x", "1", XATTR_REPLACE), ENODATA);
  ASSERT_EQ(top().SetXattr("a", "user.x", "1", XATTR_CREATE), 0);
  EXPECT_EQ(top().SetXattr("a", "user.x", "2", XATTR_CREATE), EEXIST);
  ASSERT_EQ(top().SetXattr("a", "user.x", "2", XATTR_REPLACE), 0);
  EXPECT_THAT(top().Xattr("a", "user.x"), Optional(std::string("2")));
}

// S-XATTR-3
TEST_P(Xattr, SizeQueriesAndShortBuffersAnswerAsInGetxattr2) {
  ASSERT_EQ(top().SetXattr("a", "user.x", "12345"), 0);
  char buffer[4];
  const std::string path = top().Path("a");
  EXPECT_EQ(getxattr(path.c_str(), "user.x", nullptr, 0), 5);
  EXPECT_EQ(Ended(getxattr(path.c_str(), "user.x", buffer, sizeof buffer)), ERANGE);
  EXPECT_EQ(listxattr(path.c_str(), nullptr, 0), 7);
  EXPECT_EQ(Ended(listxattr(path.c_str(), buffer, sizeof buffer)), ERANGE);
}

// S-XATTR-4
TEST_P(XattrOfACatalog, ValuesUpTo64KiBAndNamesUpTo255BytesWork) {
  const std::string large(65536, 'v');
  const std::string name = "user." + std::string(250, 'n');
  ASSERT_EQ(top().SetXattr("a", name, large), 0);
  EXPECT_EQ(top().SetXattr("a", "user.x", large + "v"), E2BIG);
  EXPECT_EQ(top().SetXattr("a", name + "n", ""), ERANGE);
  Remount();
  EXPECT_TRUE(top().Xattr("a", name) == large);
}

// S-XATTR-4
TEST_P(XattrOfACatalog, MoreNamesThanCanBeListedAreRefused) {
  // listxattr(2) cannot give more than 64 KiB of names.
  Errno last;
  int made = 0;
  while (last == 0 && made < 400) last = top().SetXattr("a", "user." + std::string(240, 'n') + std::to_string(1000 + made++), "");
  EXPECT_EQ(last, ENOSPC);
  EXPECT_GT(made, 250);
  EXPECT_EQ(top().Xattrs("a").size(), static_cast<size_t>(made - 1));
}

// S-XATTR-5
TEST_P(Xattr, AllNamespacesWorkForRootAndTrustedOnlyForHim) {
  ASSERT_EQ(top().Chmod("a", 0666), 0);
  ASSERT_EQ(top().SetXattr("a", "trusted.t", "1"), 0);
  ASSERT_EQ(top().SetXattr("a", "security.s", "2"), 0);
  ASSERT_EQ(top().SetXattr("a", "user.u", "3"), 0);
  EXPECT_EQ(top().SetXattr("a", "nonsense.n", "4"), EOPNOTSUPP);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().SetXattr("a", "user.u", "5").code; }), 0);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().SetXattr("a", "trusted.t", "5").code; }), EPERM);
  EXPECT_EQ(AsUser(kAlice, [&] { return top().XattrError("a", "trusted.t").code; }), ENODATA);
  // A list shows only what can be had.
  EXPECT_EQ(AsUser(kAlice, [&] { return top().Xattrs("a") == std::vector<std::string>{"security.s", "user.u"} ? 0 : 1; }), 0);
  Remount();
  EXPECT_THAT(top().Xattrs("a"), ElementsAre("security.s", "trusted.t", "user.u"));
}

// S-XATTR-5
TEST_P(Xattr, UserXattrsAreForFilesAndDirectoriesOnly) {
  ASSERT_EQ(top().Symlink("a", "s"), 0);
  ASSERT_EQ(top().Mknod("p", S_IFIFO | 0666), 0);
  ASSERT_EQ(top().Mkdir("d"), 0);
  EXPECT_EQ(top().SetXattr("s", "user.x", "1"), EPERM);
  EXPECT_EQ(top().SetXattr("p", "user.x", "1"), EPERM);
  EXPECT_EQ(top().SetXattr("s", "trusted.x", "1"), 0);
  EXPECT_EQ(top().SetXattr("d", "user.x", "1"), 0);
  EXPECT_THAT(top().Xattr("s", "trusted.x"), Optional(std::string("1")));
}

// S-XATTR-6
TEST_P(Xattr, ChangesMoveCtimeAndNotMtime) {
  const Stat before = top().Status("a");
  AwaitNextTick();
  ASSERT_EQ(top().SetXattr("a", "user.x", "1"), 0);
  const Stat after = top().Status("a");
  EXPECT_TRUE(Later(after.ctime, before.ctime));
  EXPECT_EQ(after.mtime.tv_nsec, before.mtime.tv_nsec);
}

// S-XATTR-7
TEST_P(Xattr, GoWithTheFile) {
  ASSERT_EQ(top().SetXattr("a", "user.x", "1"), 0);
  ASSERT_EQ(top().Unlink("a"), 0);
  ASSERT_EQ(top().Write("a", "y"), 0);
  EXPECT_THAT(top().Xattrs("a"), IsEmpty());
}

// S-MODE-5
TEST_P(Xattr, FileCapabilitiesGoWithAWrite) {
  const std::string capability("\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 20);
  ASSERT_EQ(top().SetXattr("a", "security.capability", capability), 0);
  ASSERT_EQ(top().Xattr("a", "security.capability"), capability);
  ASSERT_EQ(top().Append("a", "y"), 0);
  EXPECT_EQ(top().XattrError("a", "security.capability"), ENODATA);
}

}  // namespace
}  // namespace hardlinkfs
