// unlink(2), rmdir(2), and files that are open without a name: S-UNLINK-* of docs/semantics.md.

#include "gmock/gmock.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Unlink : public MountTest {
 protected:
  Errno LinkOpen(const UniqueFd& file, const std::string& name) const {
    return Ended(linkat(file.get(), "", AT_FDCWD, top().Path(name).c_str(), AT_EMPTY_PATH));
  }
};
INSTANTIATE_TEST_SUITE_P(, Unlink, testing::ValuesIn(BackingsAndMirrors()), NameOf);

// What a mirror has otherwise: as its backing.
class UnlinkOfACatalog : public Unlink {};
INSTANTIATE_TEST_SUITE_P(, UnlinkOfACatalog, testing::ValuesIn(TestBackings()), NameOf);

// S-UNLINK-1
TEST_P(Unlink, OfTheHomesNameKeepsTheContentUnderTheOthers) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("a", "text"), 0);
  ASSERT_EQ(top().Link("a", "d/b"), 0);
  ASSERT_EQ(top().Unlink("a"), 0);
  EXPECT_THAT(top().Tree(), ElementsAre("d/", "d/b"));
  EXPECT_EQ(top().Read("d/b"), "text");
  ASSERT_EQ(top().Write("a", "another"), 0);
  EXPECT_EQ(top().Read("d/b"), "text");
  Unmount();
  EXPECT_EQ(bare().Read("d/b"), "text");
  EXPECT_EQ(bare().Read("a"), "another");
}

// S-UNLINK-2
TEST_P(Unlink, LeavesAnOpenFileReadableAndWritable) {
  const UniqueFd file = top().Open("a", O_CREAT | O_RDWR);
  ASSERT_EQ(WriteAll(file.get(), "text"), 0);
  ASSERT_EQ(top().Unlink("a"), 0);
  EXPECT_EQ(top().Status("a").error, ENOENT);
  EXPECT_THAT(top().Names(), IsEmpty());
  EXPECT_EQ(StatOf(file.get()).nlink, 0U);
  EXPECT_EQ(ReadAll(file.get()), "text");
  ASSERT_EQ(WriteAll(file.get(), " and more"), 0);
  EXPECT_EQ(ReadAll(file.get()), "text and more");
  ASSERT_EQ(Ended(ftruncate(file.get(), 4)), 0);
  EXPECT_EQ(StatOf(file.get()).size, 4U);
  EXPECT_EQ(Ended(fchmod(file.get(), 0600)), 0);
  EXPECT_EQ(StatOf(file.get()).permissions(), 0600U);
  EXPECT_EQ(Ended(fsync(file.get())), 0);
}

// S-UNLINK-2
TEST_P(Unlink, DoesNotMixUpAnOpenFileWithTheNextOfThatName) {
  const UniqueFd file = top().Open("a", O_CREAT | O_RDWR);
  ASSERT_EQ(WriteAll(file.get(), "first"), 0);
  ASSERT_EQ(top().Unlink("a"), 0);
  ASSERT_EQ(top().Write("a", "second"), 0);
  EXPECT_NE(top().Ino("a"), StatOf(file.get()).ino);
  EXPECT_EQ(ReadAll(file.get()), "first");
  EXPECT_EQ(top().Read("a"), "second");
}

// S-UNLINK-3
TEST_P(Unlink, OfTheLastNameMakesAFileUnlinkable) {
  const UniqueFd file = top().Open("a", O_CREAT | O_RDWR);
  ASSERT_EQ(top().Unlink("a"), 0);
  EXPECT_EQ(LinkOpen(file, "b"), ENOENT);
  EXPECT_THAT(top().Names(), IsEmpty());
  EXPECT_EQ(StatOf(file.get()).nlink, 0U);
}

// S-UNLINK-3
TEST_P(Unlink, OfALinkedTemporaryFileIsForGood) {
  const UniqueFd file = top().Open(".", O_TMPFILE | O_RDWR, 0600);
  ASSERT_EQ(LinkOpen(file, "a"), 0);
  ASSERT_EQ(top().Unlink("a"), 0);
  EXPECT_EQ(LinkOpen(file, "b"), ENOENT);
}

// S-UNLINK-4
TEST_P(UnlinkOfACatalog, FreesTheSpaceAfterTheLastClose) {
  constexpr size_t kSize = 16U << 20U;
  {
    const UniqueFd file = top().Open("a", O_CREAT | O_RDWR);
    ASSERT_EQ(WriteAll(file.get(), std::string(kSize, 'x')), 0);
    ASSERT_EQ(Ended(fsync(file.get())), 0);
    ASSERT_EQ(top().Unlink("a"), 0);
  }
  Unmount();
  EXPECT_THAT(bare().Tree(), IsEmpty());
  EXPECT_THAT(bare().Names(".hardlinkfs/homes"), IsEmpty());
}

// S-UNLINK-4
TEST_P(Unlink, FreesTheSpaceWhileMountedToo) {
  constexpr size_t kSize = 64U << 20U;
  ASSERT_EQ(top().Write("a", std::string(kSize, 'x')), 0);
  { ASSERT_EQ(Ended(fsync(top().Open("a", O_RDWR).get())), 0); }
  const auto blocks = [&] { return bare().Status("a").blocks; };
  EXPECT_GE(blocks() * 512, kSize);
  ASSERT_EQ(top().Unlink("a"), 0);
  EXPECT_TRUE(Eventually([&] { return !bare().Exists("a"); })) << "the content is still there";
}

// S-UNLINK-5
TEST_P(Unlink, RefusesWhatUnlink2AndRmdir2Say) {
  ASSERT_EQ(top().Write("f", ""), 0);
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Symlink("gone", "d/dangling"), 0);
  EXPECT_EQ(top().Unlink("missing"), ENOENT);
  EXPECT_EQ(top().Unlink("d"), EISDIR);
  EXPECT_EQ(top().Unlink("f/x"), ENOTDIR);
  EXPECT_EQ(top().Rmdir("missing"), ENOENT);
  EXPECT_EQ(top().Rmdir("f"), ENOTDIR);
  EXPECT_EQ(top().Rmdir("d"), ENOTEMPTY);
  EXPECT_EQ(top().Rmdir("d/."), EINVAL);
  EXPECT_EQ(top().Rmdir("d/.."), ENOTEMPTY);
  ASSERT_EQ(top().Unlink("d/dangling"), 0);
  EXPECT_EQ(top().Rmdir("d"), 0);
  EXPECT_EQ(top().Nlink("."), DirectoryNlink(2));
}

// S-UNLINK-6
TEST_P(Unlink, OfAnOpenDirectoryLeavesItEmptyAndClosed) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  const UniqueFd directory = top().Open("d", O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(top().Rmdir("d"), 0);
  EXPECT_EQ(Ended(openat(directory.get(), "x", O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), ENOENT);
  EXPECT_EQ(Ended(mkdirat(directory.get(), "x", 0700)), ENOENT);
  EXPECT_THAT(ReadEntries(directory.get()), IsEmpty());
  EXPECT_EQ(StatOf(directory.get()).nlink, 0U);
  ASSERT_EQ(top().Mkdir("d"), 0);
  EXPECT_NE(top().Ino("d"), StatOf(directory.get()).ino);
}

// S-UNLINK-6
TEST_P(Unlink, OfSettledAndUnsettledDirectoriesWorksAlike) {
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("d/f", "text"), 0);
  ASSERT_EQ(top().Link("d/f", "keep"), 0);
  ASSERT_EQ(top().Unlink("d/f"), 0);
  ASSERT_EQ(top().Rmdir("d"), 0);  // while the content of "keep" still lies in it
  EXPECT_EQ(top().Read("keep"), "text");
  ASSERT_EQ(top().Mkdir("d"), 0);
  ASSERT_EQ(top().Write("d/f", "other"), 0);
  Unmount();
  EXPECT_THAT(bare().Tree(), ElementsAre("d/", "d/f", "keep"));
  EXPECT_EQ(bare().Read("keep"), "text");
  EXPECT_EQ(bare().Read("d/f"), "other");
  Mount();
  EXPECT_EQ(top().Read("keep"), "text");
}

}  // namespace
}  // namespace hardlinkfs
