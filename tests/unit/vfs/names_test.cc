// From an inode back to its names, as far as somebody may list the directories on the way.
#include "store/base/acl.h"
#include "tests/unit/vfs/vfs_fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr size_t kRoom = 10'000;

class NamesOfInodes : public VfsTest {
 protected:
  void Link(InodeId inode, InodeId directory, const std::string& name) {
    EXPECT_EQ(vfs().Link(root_, inode, directory, name).code(), 0) << name;
  }
  // All of them, page by page.
  std::vector<std::string> NamesOf(const Caller& caller, InodeId top, InodeId inode, size_t room = kRoom) {
    std::vector<std::string> paths;
    for (NamePosition after;;) {
      Result<NamesPage> page = vfs().Names(caller, top, inode, after, room);
      EXPECT_EQ(page.code(), 0);
      if (!page.ok()) return paths;
      size_t bytes = 0;
      for (const std::string& path : page->paths) bytes += path.size() + 1;
      EXPECT_LE(bytes, room);
      paths.insert(paths.end(), page->paths.begin(), page->paths.end());
      if (!page->next.has_value()) return paths;
      after = *page->next;
    }
  }
  std::vector<std::string> NamesOf(InodeId inode, size_t room = kRoom) { return NamesOf(root_, kRootInode, inode, room); }

  const Caller alice_{.uid = 1000, .gid = 1000};
};

TEST_F(NamesOfInodes, ArePathsFromTheDirectoryThatIsAsked) {
  const InodeId d = Directory("d");
  const InodeId e = Directory("e", d);
  const InodeId file = File("a");
  Link(file, d, "b");
  Link(file, e, "c");
  EXPECT_THAT(NamesOf(file), UnorderedElementsAre("a", "d/b", "d/e/c"));
  EXPECT_THAT(NamesOf(root_, d, file), UnorderedElementsAre("b", "e/c"));
  EXPECT_THAT(NamesOf(root_, e, file), ElementsAre("c"));
  EXPECT_THAT(NamesOf(root_, Directory("other"), file), IsEmpty());
  EXPECT_THAT(NamesOf(e), ElementsAre("d/e"));
  EXPECT_THAT(NamesOf(root_, e, e), IsEmpty()) << "not below itself";
  EXPECT_THAT(NamesOf(kRootInode), IsEmpty());
  Remount();
  EXPECT_THAT(NamesOf(file), UnorderedElementsAre("a", "d/b", "d/e/c")) << "nothing was looked at before";
}

TEST_F(NamesOfInodes, AreThoseThatTheCallerMayList) {
  const InodeId file = File("a");
  for (const uint32_t mode : {0755U, 0711U, 0744U, 0700U}) {
    const InodeId directory = Directory("d" + std::to_string(mode), kRootInode, mode);
    Link(file, directory, "x");
    Link(file, Directory("below", directory), "y");
  }
  EXPECT_THAT(NamesOf(alice_, kRootInode, file), UnorderedElementsAre("a", "d493/x", "d493/below/y"));
  EXPECT_EQ(NamesOf(file).size(), 9U);
  Caller reader = alice_;
  reader.has_capability = [](unsigned capability) { return capability == 2; };  // CAP_DAC_READ_SEARCH
  EXPECT_EQ(NamesOf(reader, kRootInode, file).size(), 9U);
  ASSERT_TRUE(vfs().SetAttributes(root_, kRootInode, {.mode = 0711}).ok());
  EXPECT_THAT(NamesOf(alice_, kRootInode, file), IsEmpty());
}

TEST_F(NamesOfInodes, AreHiddenAndShownByAcls) {
  const InodeId directory = Directory("d", kRootInode, 0700);
  const InodeId file = File("a", directory);
  const auto grant = [&](char permissions) {
    std::string acl{2, 0, 0, 0};
    const auto add = [&acl](char tag, char bits, uint32_t id) {
      acl += {tag, 0, bits, 0};
      for (unsigned i = 0; i < 4; ++i) acl.push_back(static_cast<char>(id >> 8 * i & 0xFFU));
    };
    add(1, 7, kNoAclId);
    add(2, permissions, alice_.uid);
    add(4, 0, kNoAclId);
    add(0x10, 7, kNoAclId);
    add(0x20, 5, kNoAclId);
    EXPECT_EQ(vfs().SetXattr(root_, directory, std::string(kAccessAclXattr), acl, XattrMode::kAny).code(), 0);
  };
  EXPECT_THAT(NamesOf(alice_, kRootInode, file), IsEmpty());
  grant(5);
  EXPECT_THAT(NamesOf(alice_, kRootInode, file), ElementsAre("d/a"));
  grant(1);
  EXPECT_THAT(NamesOf(alice_, kRootInode, file), IsEmpty());
}

TEST_F(NamesOfInodes, ComeOnceEachInPagesOfAnySize) {
  const InodeId d = Directory("d");
  const InodeId file = File("first");
  std::vector<std::string> expected{"first"};
  for (int i = 0; i < 400; ++i) {
    Link(file, i % 2 == 0 ? d : kRootInode, std::to_string(i));
    expected.push_back((i % 2 == 0 ? "d/" : "") + std::to_string(i));
  }
  for (const size_t room : {size_t{6}, size_t{100}, kRoom}) EXPECT_THAT(NamesOf(file, room), testing::UnorderedElementsAreArray(expected));
}

TEST_F(NamesOfInodes, ThatStayComeOnceWhileOthersComeAndGo) {
  const InodeId file = File("first");
  for (int i = 0; i < 300; ++i) Link(file, kRootInode, "stay" + std::to_string(i));
  for (int i = 0; i < 300; ++i) Link(file, kRootInode, "go" + std::to_string(i));
  std::vector<std::string> stayed;
  int changes = 0;
  for (NamePosition after;;) {
    const auto page = vfs().Names(root_, kRootInode, file, after, 50);
    ASSERT_TRUE(page.ok());
    for (const std::string& path : page->paths) {
      if (path.starts_with("stay")) stayed.push_back(path);
    }
    if (!page->next.has_value()) break;
    after = *page->next;
    if (changes < 300) {
      ASSERT_TRUE(vfs().Unlink(root_, kRootInode, "go" + std::to_string(changes)).ok());
      Link(file, kRootInode, "come" + std::to_string(changes++));
    }
  }
  EXPECT_EQ(stayed.size(), 300U);
  std::sort(stayed.begin(), stayed.end());
  EXPECT_EQ(std::adjacent_find(stayed.begin(), stayed.end()), stayed.end());
}

TEST_F(NamesOfInodes, WithPathsThatAreTooLongAreLeftOut) {
  const InodeId file = File("a");
  InodeId directory = kRootInode;
  for (int i = 0; i < 10; ++i) directory = Directory(std::string(100, 'd'), directory);
  Link(file, directory, "b");
  Link(file, kRootInode, "c");
  EXPECT_THAT(NamesOf(file, 1011), UnorderedElementsAre("a", "c"));
  EXPECT_EQ(NamesOf(file, 1012).size(), 3U);
  EXPECT_THAT(NamesOf(file, 1), IsEmpty());
}

TEST_F(NamesOfInodes, OfWhatHasNoneAreAnError) {
  const InodeId file = File("a");
  ASSERT_TRUE(vfs().Open(root_, file, O_RDONLY).ok());
  ASSERT_TRUE(vfs().Unlink(root_, kRootInode, "a").ok());
  const InodeId directory = Directory("d");
  ASSERT_TRUE(vfs().RemoveDirectory(root_, kRootInode, "d").ok());
  const auto unnamed = vfs().MakeTemporary(root_, kRootInode, 0600, O_RDWR);
  ASSERT_TRUE(unnamed.ok());
  for (const uint64_t number :
       {Raw(file), Raw(directory), Raw(unnamed->attributes.inode), uint64_t{0}, uint64_t{2}, uint64_t{9}, uint64_t{1} << 40U, UINT64_MAX}) {
    EXPECT_EQ(vfs().Names(root_, kRootInode, InodeId{number}, {}, kRoom).code(), ENOENT) << number;
  }
}

TEST_F(NamesOfInodes, FollowDirectoriesThatAreMovedAndRemoved) {
  const InodeId d = Directory("d");
  const InodeId e = Directory("e");
  const InodeId file = File("a", d);
  Link(file, e, "b");
  ASSERT_TRUE(vfs().Rename(root_, kRootInode, "d", e, "moved", RenameMode::kReplace).ok());
  EXPECT_THAT(NamesOf(file), UnorderedElementsAre("e/moved/a", "e/b"));
  EXPECT_THAT(NamesOf(root_, d, file), ElementsAre("a"));
  ASSERT_TRUE(vfs().Unlink(root_, d, "a").ok());
  ASSERT_TRUE(vfs().RemoveDirectory(root_, e, "moved").ok());
  EXPECT_THAT(NamesOf(file), ElementsAre("e/b"));
}

}  // namespace
}  // namespace hardlinkfs
