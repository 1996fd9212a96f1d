// What happens when the server runs out of descriptors: as little as can be.
#include "tests/unit/vfs/vfs_fixture.h"

namespace hardlinkfs {
namespace {

using testing::ElementsAre;

class DescriptorsTest : public VfsTest {};

// Who cannot open what was to be synced has not lost anything.
TEST_F(DescriptorsTest, RunningOutOfDescriptorsIsNoFailedSync) {
  for (const int code : {EMFILE, ENFILE}) {
    const InodeId directory = Directory("d" + std::to_string(code));
    machine_.backing().FailNth(BackingCall::kSyncDirectory, 1, code);
    EXPECT_EQ(vfs().SyncDirectory(directory).code(), code);
    EXPECT_EQ(vfs().SyncDirectory(directory).code(), 0);
    EXPECT_EQ(machine_.engine().UnsyncedCommits(), 0U);
  }
}

class FewDescriptorsTest : public VfsTest {
 protected:
  FewDescriptorsTest() : VfsTest(Options()) {}

 private:
  static MachineOptions Options() {
    MachineOptions options = OnExfat();
    options.vfs.max_open = 2;
    return options;
  }
};

TEST_F(FewDescriptorsTest, OpenIsRefusedBeforeTheServerRunsOut) {
  const InodeId a = File("a");
  const InodeId b = File("b");
  const InodeId c = File("c");
  ASSERT_TRUE(vfs().Open({}, a, O_RDONLY).ok());
  ASSERT_TRUE(vfs().Open({}, b, O_RDONLY).ok());
  EXPECT_EQ(vfs().Open({}, c, O_RDONLY).code(), ENFILE);
  EXPECT_EQ(vfs().Create(root_, kRootInode, "d", 0644, O_RDWR).code(), ENFILE);
  EXPECT_EQ(vfs().MakeTemporary(root_, kRootInode, 0644, O_RDWR).code(), ENFILE);
  EXPECT_THAT(List(kRootInode), ElementsAre(".", "..", "a", "b", "c"));
  EXPECT_TRUE(vfs().Open({}, a, O_RDWR).ok());  // takes none
  vfs().Release(b, O_RDONLY);
  EXPECT_TRUE(vfs().Open({}, c, O_RDONLY).ok());
}

}  // namespace
}  // namespace hardlinkfs
