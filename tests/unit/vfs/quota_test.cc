// Quotas: what is refused, what is given back, and that the ledger is what a count of all inodes finds.
#include <linux/falloc.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <random>
#include <set>
#include <thread>

#include "tests/unit/vfs/vfs_fixture.h"

namespace hardlinkfs {
namespace {

using testing::IsEmpty;

constexpr uint32_t kAlice = 1000;
constexpr uint32_t kBob = 1001;

QuotaRule OfUids(std::optional<uint64_t> inodes, std::optional<uint64_t> names, std::optional<uint64_t> bytes) {
  return {.name = "users", .uids = {{kAlice, 1999}}, .gids = {}, .paths = {}, .inodes = inodes, .names = names, .bytes = bytes};
}

QuotaRule OfProjects(std::optional<uint64_t> inodes, std::optional<uint64_t> bytes) {
  return {.name = "projects", .uids = {}, .gids = {}, .paths = {Glob("/projects/*")}, .inodes = inodes, .names = {}, .bytes = bytes};
}

class QuotaTest : public VfsTest {
 protected:
  int Load(std::vector<QuotaRule> quotas, QuotaCharge charge = QuotaCharge::kOnce, bool dry_run = false) {
    LoadedPolicy loaded;
    loaded.policy.quotas = std::move(quotas);
    loaded.policy.quota_charge = charge;
    loaded.policy.dry_run = dry_run;
    return vfs().LoadPolicy(std::make_shared<const LoadedPolicy>(std::move(loaded))).code();
  }
  static Caller As(uint32_t uid) { return {.uid = uid, .gid = uid}; }
  Result<Attributes> Make(const std::string& name, InodeId directory = kRootInode, uint32_t uid = kAlice) {
    return vfs().MakeNode(As(uid), directory, name, {.type = FileType::kRegular, .mode = 0666});
  }
  InodeId Made(const std::string& name, InodeId directory = kRootInode, uint32_t uid = kAlice) {
    const auto made = Make(name, directory, uid);
    EXPECT_EQ(made.code(), 0) << name;
    return made.ok() ? made->inode : InodeId{};
  }
  int Link(InodeId inode, const std::string& name, InodeId directory = kRootInode) {
    return vfs().Link(As(kAlice), inode, directory, name).code();
  }
  int WriteAs(const Caller& caller, InodeId inode, const std::string& bytes, uint64_t offset) {
    return vfs().Write(inode, bytes, offset, false, O_RDWR, caller).code();
  }
  int Truncate(InodeId inode, uint64_t size) { return vfs().SetAttributes(As(kAlice), inode, {.size = size}).code(); }
  void Gone(InodeId inode, uint64_t lookups = 1) { vfs().Forget(inode, lookups); }
  std::string LastRefusal() {
    const std::vector<Decided> refusals = vfs().gate().Refusals(0);
    return refusals.empty() ? "" : refusals.back().rule + ": " + refusals.back().reason;
  }
  std::string Usage() {
    std::string lines;
    for (const std::string& line : Accounts(machine_)) lines += line + "\n";
    return lines;
  }
  void ExpectExact() { EXPECT_EQ(Accounts(machine_), RecountedAccounts(machine_)); }
};

TEST_F(QuotaTest, CreatorsAtOnceGetExactlyTheLimit) {
  ASSERT_EQ(Load({OfUids(100, {}, {})}), 0);
  std::atomic<int> made{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([this, thread, &made] {
      for (int i = 0; i < 1000; ++i) {
        const auto one = Make(std::to_string(thread) + "-" + std::to_string(i));
        if (one.code() == EDQUOT) return;
        ASSERT_EQ(one.code(), 0);
        ++made;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, 100);
  EXPECT_EQ(Usage(), "users 1000 : 100 100 0\n");
  EXPECT_EQ(LastRefusal(), "users: the quota of inodes is used up");
}

TEST_F(QuotaTest, EachUserHasHisOwn) {
  ASSERT_EQ(Load({OfUids(1, {}, {})}), 0);
  Made("a");
  EXPECT_EQ(Make("b").code(), EDQUOT);
  Made("b", kRootInode, kBob);
  Made("c", kRootInode, 0);
  Made("d", kRootInode, 0);
  EXPECT_EQ(Usage(), "users 1000 : 1 1 0\nusers 1001 : 1 1 0\n");
}

TEST_F(QuotaTest, EverythingThatMakesInodesIsCharged) {
  ASSERT_EQ(Load({OfUids(5, 4, 100)}), 0);
  Made("file");
  const auto make = [&](const char* name, const NodeRequest& request) {
    return vfs().MakeNode(As(kAlice), kRootInode, name, request).code();
  };
  EXPECT_EQ(make("d", {.type = FileType::kDirectory, .mode = 0777}), 0);
  EXPECT_EQ(make("s", {.type = FileType::kSymlink, .target = std::string(101, 't')}), EDQUOT);
  EXPECT_EQ(make("s", {.type = FileType::kSymlink, .target = std::string(60, 't')}), 0);
  EXPECT_EQ(make("p", {.type = FileType::kFifo, .mode = 0600}), 0);
  EXPECT_EQ(make("p2", {.type = FileType::kFifo, .mode = 0600}), EDQUOT);
  EXPECT_EQ(LastRefusal(), "users: the quota of names is used up");
  const auto temporary = vfs().MakeTemporary(As(kAlice), kRootInode, 0600, O_RDWR);
  EXPECT_EQ(temporary.code(), 0);
  EXPECT_EQ(vfs().MakeTemporary(As(kAlice), kRootInode, 0600, O_RDWR).code(), EDQUOT);
  EXPECT_EQ(vfs().Create(As(kAlice), kRootInode, "c", 0600, O_RDWR).code(), EDQUOT);
  EXPECT_EQ(Usage(), "users 1000 : 5 4 60\n");
  ExpectExact();
  vfs().Release(temporary->attributes.inode, O_RDWR);
}

TEST_F(QuotaTest, LinkIsChargedAsIsChosen) {
  const InodeId file = Made("a");
  ASSERT_EQ(Truncate(file, 100), 0);
  ASSERT_EQ(Load({OfUids({}, 2, {})}), 0);
  EXPECT_EQ(Link(file, "b"), 0);
  EXPECT_EQ(Link(file, "c"), EDQUOT);
  EXPECT_EQ(Usage(), "users 1000 : 1 2 100\n");
  ASSERT_EQ(Load({OfUids({}, {}, 350)}, QuotaCharge::kName), 0);
  EXPECT_EQ(Usage(), "users 1000 : 2 2 200\n");
  EXPECT_EQ(Link(file, "c"), 0);
  EXPECT_EQ(Link(file, "d"), EDQUOT);
  // One byte more is three.
  EXPECT_EQ(Truncate(file, 116), 0);
  EXPECT_EQ(Truncate(file, 117), EDQUOT);
  EXPECT_EQ(Usage(), "users 1000 : 3 3 348\n");
  ExpectExact();
}

TEST_F(QuotaTest, ContentGrowsUpToTheLimit) {
  ASSERT_EQ(Load({OfUids({}, {}, 10)}), 0);
  const InodeId file = Made("a");
  ASSERT_EQ(vfs().Open(As(kAlice), file, O_RDWR).code(), 0);
  EXPECT_EQ(WriteAs(As(kAlice), file, "12345", 0), 0);
  EXPECT_EQ(WriteAs(As(kAlice), file, "12345", 6), EDQUOT);
  EXPECT_EQ(WriteAs(As(kAlice), file, "12345", 5), 0);
  EXPECT_EQ(WriteAs(As(kAlice), file, "12345", 2), 0);
  EXPECT_EQ(Usage(), "users 1000 : 1 1 10\n");
  EXPECT_EQ(Truncate(file, 11), EDQUOT);
  EXPECT_EQ(Truncate(file, 4), 0);
  EXPECT_EQ(Usage(), "users 1000 : 1 1 4\n");
  EXPECT_EQ(vfs().Allocate(file, 0, 0, 11).code(), EDQUOT);
  EXPECT_EQ(vfs().Allocate(file, FALLOC_FL_KEEP_SIZE, 0, 5).code(), EOPNOTSUPP);
  EXPECT_EQ(vfs().Allocate(file, 0, std::numeric_limits<uint64_t>::max() - 1, 5).code(), EDQUOT);
  const InodeId other = Made("b");
  ASSERT_EQ(vfs().Open(As(kAlice), other, O_RDWR).code(), 0);
  EXPECT_EQ(vfs().CopyRange(file, 0, other, 7, 4).code(), EDQUOT);
  EXPECT_EQ(WriteAs(As(kAlice), other, "123456", 0), 0);
  vfs().Release(other, O_RDWR);
  vfs().Release(file, O_RDWR);
  EXPECT_EQ(Usage(), "users 1000 : 2 2 10\n");
  ExpectExact();
  EXPECT_EQ(LastRefusal(), "users: the quota of bytes is used up");
}

TEST_F(QuotaTest, WhatFailsIsGivenBack) {
  ASSERT_EQ(Load({OfUids(10, {}, 10)}), 0);
  const InodeId file = Made("a");
  ASSERT_EQ(vfs().Open(As(kAlice), file, O_RDWR).code(), 0);
  const std::string before = Usage();
  machine_.engine_faults().SetFaultHook([](EngineCall call) { return call == EngineCall::kCommit ? EIO : 0; });
  EXPECT_EQ(Make("b").code(), EIO);
  EXPECT_EQ(Link(file, "b"), EIO);
  EXPECT_EQ(vfs().SetAttributes(root_, file, {.uid = kBob}).code(), EIO);
  machine_.engine_faults().SetFaultHook({});
  EXPECT_EQ(Usage(), before);
  machine_.backing().SetFaultHook([](BackingCall call, const std::string&) { return call == BackingCall::kWrite ? ENOSPC : 0; });
  EXPECT_EQ(WriteAs(As(kAlice), file, "1234567890", 0), ENOSPC);
  machine_.backing().SetFaultHook({});
  EXPECT_EQ(Usage(), before);
  EXPECT_EQ(WriteAs(As(kAlice), file, "1234567890", 0), 0);
  vfs().Release(file, O_RDWR);
  ExpectExact();
}

TEST_F(QuotaTest, OwnerThatIsChangedMovesTheCharge) {
  ASSERT_EQ(Load({OfUids(2, {}, 10)}), 0);
  const InodeId file = Made("a");
  ASSERT_EQ(vfs().Open(As(kAlice), file, O_RDWR).code(), 0);
  ASSERT_EQ(WriteAs(As(kAlice), file, "12345", 0), 0);
  const InodeId other = Made("b", kRootInode, kBob);
  ASSERT_EQ(Truncate(other, 6), 0);
  EXPECT_EQ(vfs().SetAttributes(As(kAlice), file, {.uid = kBob}).code(), EDQUOT);
  ASSERT_EQ(Truncate(other, 5), 0);
  EXPECT_EQ(vfs().SetAttributes(As(kAlice), file, {.uid = kBob}).code(), 0);
  EXPECT_EQ(Usage(), "users 1001 : 2 2 10\n");
  // It goes on to be his who owns it.
  EXPECT_EQ(WriteAs(As(kAlice), file, "6", 5), EDQUOT);
  vfs().Release(file, O_RDWR);
  ExpectExact();
}

TEST_F(QuotaTest, UnlinkedFileIsChargedUntilItIsGone) {
  ASSERT_EQ(Load({OfUids(1, {}, {})}), 0);
  const InodeId file = Made("a");
  ASSERT_EQ(vfs().Open(As(kAlice), file, O_RDWR).code(), 0);
  ASSERT_EQ(vfs().Unlink(As(kAlice), kRootInode, "a").code(), 0);
  EXPECT_EQ(Make("b").code(), EDQUOT);
  vfs().Release(file, O_RDWR);
  Gone(file);
  // Nobody need wait for the background.
  EXPECT_EQ(Make("b").code(), 0);
  EXPECT_EQ(vfs().gate().Refusals(0).size(), 1U);
  ExpectExact();
}

TEST_F(QuotaTest, UnlinkedFileStaysInItsDirectory) {
  const InodeId projects = Directory("projects");
  const InodeId a = Directory("a", projects);
  ASSERT_EQ(Load({OfProjects(1, 100)}), 0);
  const InodeId file = Made("f", a);
  ASSERT_EQ(vfs().Open(As(kAlice), file, O_RDWR).code(), 0);
  ASSERT_EQ(vfs().Unlink(As(kAlice), a, "f").code(), 0);
  EXPECT_EQ(Make("g", a).code(), EDQUOT);
  EXPECT_EQ(WriteAs(As(kAlice), file, std::string(101, 'x'), 0), EDQUOT);
  EXPECT_EQ(WriteAs(As(kAlice), file, std::string(100, 'x'), 0), 0);
  vfs().Release(file, O_RDWR);
  Gone(file);
  EXPECT_EQ(Make("g", a).code(), 0);
  ExpectExact();
}

TEST_F(QuotaTest, DirectoriesHaveTheirOwn) {
  const InodeId projects = Directory("projects");
  const InodeId a = Directory("a", projects);
  Made("old", a);
  ASSERT_EQ(Load({OfProjects(3, 100)}), 0);
  const InodeId b = Directory("b", projects);
  const InodeId deep = Directory("deep", a);
  const InodeId file = Made("f", deep);
  EXPECT_EQ(Make("g", deep).code(), EDQUOT);
  EXPECT_EQ(Make("g", b).code(), 0);
  EXPECT_EQ(Make("g", projects).code(), 0);
  EXPECT_EQ(Truncate(file, 101), EDQUOT);
  EXPECT_EQ(Truncate(file, 100), 0);
  EXPECT_EQ(Link(file, "l", a), 0);
  EXPECT_EQ(Link(file, "l", b), EXDEV);
  EXPECT_EQ(vfs().Rename(root_, projects, "a", projects, "c", RenameMode::kReplace).code(), 0);
  EXPECT_EQ(vfs().Rename(root_, projects, "c", kRootInode, "c", RenameMode::kReplace).code(), EXDEV);
  EXPECT_EQ(Accounts(machine_), (std::vector<std::string>{"projects " + std::to_string(Raw(a)) + " /projects/c: 3 4 100",
                                                          "projects " + std::to_string(Raw(b)) + " /projects/b: 1 1 0"}));
  ExpectExact();
}

TEST_F(QuotaTest, FileWithoutANameStaysInItsDirectory) {
  const InodeId projects = Directory("projects");
  const InodeId a = Directory("a", projects);
  const InodeId b = Directory("b", projects);
  ASSERT_EQ(Load({OfProjects(1, 100)}), 0);
  const auto inside = vfs().MakeTemporary(As(kAlice), a, 0600, O_RDWR);
  const auto outside = vfs().MakeTemporary(As(kAlice), kRootInode, 0600, O_RDWR);
  ASSERT_TRUE(inside.ok() && outside.ok());
  EXPECT_EQ(WriteAs(As(kAlice), inside->attributes.inode, std::string(101, 'x'), 0), EDQUOT);
  EXPECT_EQ(Make("f", a).code(), EDQUOT);
  EXPECT_EQ(Link(outside->attributes.inode, "l", b), EXDEV);
  EXPECT_EQ(Link(inside->attributes.inode, "l", b), EXDEV);
  EXPECT_EQ(Link(inside->attributes.inode, "l", a), 0);
  EXPECT_EQ(Link(outside->attributes.inode, "l"), 0);
  ExpectExact();
}

TEST_F(QuotaTest, CapabilityIsExemptAndCounted) {
  ASSERT_EQ(Load({OfUids(1, {}, 5)}), 0);
  const InodeId file = Made("a");
  Caller exempt = As(kAlice);
  exempt.has_capability = [](unsigned) { return true; };
  ASSERT_EQ(vfs().Open(exempt, file, O_RDWR).code(), 0);
  EXPECT_EQ(WriteAs(As(kAlice), file, "123456", 0), EDQUOT);
  EXPECT_EQ(WriteAs(exempt, file, "123456", 0), 0);
  EXPECT_EQ(vfs().MakeNode(exempt, kRootInode, "b", {.type = FileType::kRegular, .mode = 0644}).code(), 0);
  vfs().Release(file, O_RDWR);
  EXPECT_EQ(Usage(), "users 1000 : 2 2 6\n");
  // Less is always possible.
  EXPECT_EQ(Truncate(file, 5), 0);
  ExpectExact();
}

TEST_F(QuotaTest, DryRunNotesAndAllows) {
  ASSERT_EQ(Load({OfUids(1, {}, {})}, QuotaCharge::kOnce, true), 0);
  Made("a");
  EXPECT_EQ(Make("b").code(), 0);
  const std::vector<Decided> refusals = vfs().gate().Refusals(0);
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_TRUE(refusals[0].dry_run);
  EXPECT_EQ(Usage(), "users 1000 : 2 2 0\n");
}

TEST_F(QuotaTest, PolicyWithoutThemEndsTheCounting) {
  ASSERT_EQ(Load({OfUids(1, {}, {})}), 0);
  Made("a");
  ASSERT_EQ(Load({}), 0);
  EXPECT_EQ(Make("b").code(), 0);
  EXPECT_THAT(Accounts(machine_), IsEmpty());
  ASSERT_EQ(Load({OfUids(1, {}, {})}), 0);
  EXPECT_EQ(Usage(), "users 1000 : 2 2 0\n");
}

TEST_F(QuotaTest, CountThatFailsLeavesTheOldPolicy) {
  ASSERT_EQ(Load({OfUids(1, {}, {})}), 0);
  Made("a");
  machine_.engine_faults().SetFaultHook([](EngineCall call) { return call == EngineCall::kNext ? EIO : 0; });
  EXPECT_EQ(Load({OfUids(5, {}, {})}), EIO);
  machine_.engine_faults().SetFaultHook({});
  EXPECT_EQ(Make("b").code(), EDQUOT);
}

// What reconciling finds is nobody's fault.
TEST_F(QuotaTest, WhatAnotherMachinePutThereIsCountedAndNotRefused) {
  ASSERT_EQ(machine_.Close().code(), 0);
  const auto file = machine_.backing().CreateFile(machine_.backing().root(), BackingName("found"), 0777);
  ASSERT_TRUE(file.ok() && (*file)->Write(std::string("12345"), 0).ok());
  ASSERT_EQ(machine_.Open().code(), 0);
  ASSERT_EQ(Load({{.name = "root", .uids = {{0, 0}}, .gids = {}, .paths = {}, .inodes = 1, .names = {}, .bytes = 1}}), 0);
  ASSERT_TRUE(vfs().OpenDirectory(kRootInode).ok());
  ASSERT_TRUE(vfs().Lookup(kRootInode, "found").ok());
  EXPECT_EQ(Usage(), "root 0 : 2 1 5\n");
  ExpectExact();
}

// Any operations by anybody: the ledger is what a count finds.
class QuotaPropertyTest : public QuotaTest, public testing::WithParamInterface<int> {
 protected:
  void Operate(std::mt19937& random) {
    const auto pick = [&](size_t count) { return std::uniform_int_distribution<size_t>(0, count - 1)(random); };
    const Caller caller = As(kAlice + static_cast<uint32_t>(pick(3)));
    const InodeId directory = directories_[pick(directories_.size())];
    const InodeId other = directories_[pick(directories_.size())];
    const std::string name = std::string(1, static_cast<char>('a' + pick(8)));
    const std::string new_name = std::string(1, static_cast<char>('a' + pick(8)));
    const auto found = vfs().Lookup(directory, name);
    if (found.ok()) vfs().Forget(found->inode, 1);
    switch (pick(10)) {
      case 0:
      case 1:
        Note(vfs().MakeNode(caller, directory, name, {.type = FileType::kRegular, .mode = 0666}));
        break;
      case 2:
        if (const auto made = vfs().MakeNode(caller, directory, name, {.type = FileType::kDirectory, .mode = 0777}); made.ok()) {
          directories_.push_back(made->inode);
          Note(made);
        }
        break;
      case 3:
        if (found.ok()) Note(vfs().Link(caller, found->inode, other, new_name));
        break;
      case 4:
        static_cast<void>(vfs().Unlink(caller, directory, name));
        break;
      case 5:
        static_cast<void>(vfs().RemoveDirectory(caller, directory, name));
        break;
      case 6:
        static_cast<void>(
            vfs().Rename(caller, directory, name, other, new_name, pick(4) == 0 ? RenameMode::kExchange : RenameMode::kReplace));
        break;
      case 7:
        if (found.ok()) static_cast<void>(vfs().SetAttributes(caller, found->inode, {.uid = kAlice + static_cast<uint32_t>(pick(3))}));
        break;
      case 8:
        if (found.ok()) static_cast<void>(vfs().SetAttributes(caller, found->inode, {.size = pick(300)}));
        break;
      default:
        if (found.ok() && found->type == FileType::kRegular && vfs().Open(caller, found->inode, O_RDWR).ok()) {
          static_cast<void>(vfs().Write(found->inode, std::string(1 + pick(100), 'x'), pick(200), false, O_RDWR, caller));
          open_.push_back(found->inode);
        }
    }
    if (open_.size() > 5) CloseAll();
  }
  void Note(const Result<Attributes>& counted) {
    if (!counted.ok()) return;
    inodes_.insert(counted->inode);
    vfs().Forget(counted->inode, 1);
  }
  void CloseAll() {
    for (const InodeId inode : open_) vfs().Release(inode, O_RDWR);
    open_.clear();
  }
  std::vector<InodeId> directories_{kRootInode};
  std::vector<InodeId> open_;
  std::set<InodeId> inodes_;
};
INSTANTIATE_TEST_SUITE_P(Seeds, QuotaPropertyTest, testing::Range(1, 13));

TEST_P(QuotaPropertyTest, LedgerIsWhatACountFinds) {
  std::mt19937 random(static_cast<unsigned>(GetParam()));
  const InodeId projects = Directory("projects");
  directories_.push_back(projects);
  directories_.push_back(Directory("one", projects));
  directories_.push_back(Directory("two", projects));
  const auto charge = GetParam() % 2 == 0 ? QuotaCharge::kOnce : QuotaCharge::kName;
  ASSERT_EQ(Load({OfUids(40, 50, 2000), OfProjects(12, 500)}, charge), 0);
  for (int i = 0; i < 600; ++i) {
    const int fault = static_cast<int>(random() % 10);
    if (fault == 0) {
      machine_.engine_faults().SetFaultHook([](EngineCall call) { return call == EngineCall::kCommit ? ENOSPC : 0; });
    }
    Operate(random);
    machine_.engine_faults().SetFaultHook({});
    if (i % 20 != 0) continue;
    CloseAll();
    // What has failed to be kept is looked at again.
    for (const InodeId inode : inodes_) static_cast<void>(vfs().GetAttributes(inode));
    while (*volume().ReclaimSome(1000) > 0) {
    }
    ASSERT_EQ(Accounts(machine_), RecountedAccounts(machine_)) << "after " << i << " operations";
  }
  CloseAll();
}

}  // namespace
}  // namespace hardlinkfs
