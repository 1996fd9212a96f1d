// Quotas on real mounts: S-QUOTA-* of docs/semantics.md.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "store/base/unique_fd.h"
#include "tests/integration/fixture.h"

namespace hardlinkfs {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kUsers[] = "[[quota]]\nname = \"users\"\nuid = \"61000-61999\"\n";
constexpr char kGroups[] = "[[quota]]\nname = \"groups\"\ngid = \"61000-61999\"\n";
constexpr char kProjects[] = "[[quota]]\nname = \"projects\"\npath = \"/projects/*\"\n";

struct Have {
  uint64_t inodes = 0;
  uint64_t names = 0;
  uint64_t bytes = 0;
  bool operator==(const Have&) const = default;
};
void PrintTo(const Have& have, std::ostream* out) {
  *out << have.inodes << " inodes, " << have.names << " names, " << have.bytes << " bytes";
}

// Not all containers leave it to root.
bool HoldsSysResource() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2]{};
  return syscall(SYS_capget, &header, data) == 0 && (data[0].effective >> CAP_SYS_RESOURCE & 1U) != 0;
}

class Quotas : public UnmountedTest {
 protected:
  void MountWith(const std::string& policy) {
    WritePolicy(policy);
    Mount("policy=" + File());
    ASSERT_EQ(top().Chmod(".", 0777), 0);
  }
  void WritePolicy(const std::string& policy) const { std::ofstream(File()) << policy; }
  std::string File() const { return Outside("policy.toml"); }
  CommandResult Reload() { return RunCommand({Command(), "reload", volume().mountpoint()}); }
  std::vector<Json> Accounts(const std::optional<User>& user = std::nullopt) {
    const CommandResult quota = RunCommand({Command(), "quota", "--json", volume().mountpoint()}, user);
    EXPECT_EQ(quota.status, 0) << quota.err;
    std::vector<Json> accounts;
    std::istringstream stream(quota.out);
    for (std::string line; std::getline(stream, line);) accounts.push_back(Json::parse(line));
    return accounts;
  }
  // What one of them has; nothing when he is not told of.
  template <typename Id>
  Have Of(const char* key, const Id& id) {
    for (const Json& account : Accounts()) {
      if (!account.contains(key) || account[key] != id) continue;
      const auto used = [&](const char* what) { return account[what]["used"].get<uint64_t>(); };
      return {used("inodes"), used("names"), used("bytes")};
    }
    return {};
  }
  Have OfAlice() { return Of("uid", kAlice.uid); }
  template <typename Operation>
  static int AsAlice(const Operation& operation) {
    return AsUser(kAlice, [&] { return Errno(operation()).code; });
  }
  void MakeProjects() {
    for (const char* const directory : {"projects", "projects/a", "projects/b"}) {
      ASSERT_EQ(top().Mkdir(directory), 0);
      ASSERT_EQ(top().Chmod(directory, 0777), 0);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(, Quotas, testing::ValuesIn(TestBackings()), NameOf);

// S-QUOTA-1
TEST_P(Quotas, LimitInodesAndNames) {
  MountWith(kUsers + std::string("inodes = 5\nnames = 6\n"));
  EXPECT_EQ(AsAlice([&] { return top().Write("file", "text"); }), 0);
  EXPECT_EQ(AsAlice([&] { return top().Mkdir("d"); }), 0);
  EXPECT_EQ(AsAlice([&] { return top().Symlink("target", "s"); }), 0);
  EXPECT_EQ(AsAlice([&] { return top().Mknod("p", S_IFIFO | 0600); }), 0);
  EXPECT_EQ(AsAlice([&] { return top().Write("file-2", "text"); }), 0);
  for (const int over : {AsAlice([&] { return top().Write("x", "text"); }), AsAlice([&] { return top().Mkdir("x"); }),
                         AsAlice([&] { return top().Symlink("target", "x"); }), AsAlice([&] { return top().Mknod("x", S_IFIFO | 0600); }),
                         AsAlice([&] { return top().Opens(".", O_TMPFILE | O_RDWR); })}) {
    EXPECT_EQ(over, EDQUOT);
  }
  EXPECT_EQ(AsAlice([&] { return top().Link("file", "l"); }), 0);
  EXPECT_EQ(AsAlice([&] { return top().Link("file", "l2"); }), EDQUOT);
  EXPECT_EQ(AsAlice([&] { return top().Rename("l", "l2"); }), 0);
  EXPECT_EQ(OfAlice(), (Have{5, 6, 4 + 6 + 4}));
  // Others have their own, and root has none.
  EXPECT_EQ(AsUser(kBob, [&] { return top().Write("bobs", "text").code; }), 0);
  EXPECT_EQ(top().Write("roots", "text"), 0);
  EXPECT_EQ(Of("uid", kBob.uid), (Have{1, 1, 4}));
  // What is removed makes room at once.
  EXPECT_EQ(AsAlice([&] { return top().Unlink("file-2"); }), 0);
  EXPECT_EQ(AsAlice([&] { return top().Write("x", "text"); }), 0);
  EXPECT_EQ(OfAlice(), (Have{5, 6, 14}));
}

// S-QUOTA-1
TEST_P(Quotas, LimitBytes) {
  MountWith(kUsers + std::string("bytes = \"1M\"\n"));
  const std::string half(512 * 1024, 'x');
  ASSERT_EQ(AsAlice([&] { return top().Write("a", half, 0666); }), 0);
  EXPECT_EQ(AsAlice([&] { return top().Write("b", half + "y", 0666); }), EDQUOT);
  EXPECT_EQ(AsAlice([&] { return top().Write("b", half, 0666); }), 0);
  EXPECT_EQ(OfAlice(), (Have{2, 2, 1 << 20}));
  EXPECT_EQ(AsAlice([&] { return top().Append("a", "y"); }), EDQUOT);
  EXPECT_EQ(AsAlice([&] { return top().Truncate("a", 512 * 1024 + 1); }), EDQUOT);
  EXPECT_EQ(AsAlice([&] {
              const UniqueFd file = top().Open("a", O_RDWR);
              return Ended(fallocate(file.get(), 0, 0, 600 * 1024));
            }),
            EDQUOT);
  // A hole counts as what it looks like.
  EXPECT_EQ(AsAlice([&] {
              const UniqueFd file = top().Open("a", O_RDWR);
              return Ended(pwrite(file.get(), "y", 1, 1 << 20));
            }),
            EDQUOT);
  EXPECT_EQ(AsAlice([&] {
              const UniqueFd from = top().Open("b", O_RDONLY);
              const UniqueFd to = top().Open("a", O_WRONLY);
              loff_t end = 512 * 1024;
              return Ended(copy_file_range(from.get(), nullptr, to.get(), &end, 1000, 0));
            }),
            EDQUOT);
  // What is there may be written again, through a mapping too.
  EXPECT_EQ(AsAlice([&] {
              const UniqueFd file = top().Open("a", O_RDWR);
              void* const mapped = mmap(nullptr, half.size(), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
              if (mapped == MAP_FAILED) return Errno{errno};
              static_cast<char*>(mapped)[5] = 'z';
              const Errno synced = Ended(msync(mapped, half.size(), MS_SYNC));
              munmap(mapped, half.size());
              return synced;
            }),
            0);
  EXPECT_EQ(top().Read("a").substr(4, 3), "xzx");
  EXPECT_EQ(AsAlice([&] { return top().Truncate("a", 10); }), 0);
  EXPECT_EQ(AsAlice([&] { return top().Append("b", std::string(1000, 'y')); }), 0);
  EXPECT_EQ(OfAlice(), (Have{2, 2, 512 * 1024 + 1000 + 10}));
}

// S-QUOTA-2
TEST_P(Quotas, ChargeALinkedFileOnceOrByName) {
  MountWith(kUsers + std::string("bytes = 100\n"));
  ASSERT_EQ(AsAlice([&] { return top().Write("a", std::string(40, 'x'), 0666); }), 0);
  EXPECT_EQ(AsAlice([&] { return top().Link("a", "b"); }), 0);
  EXPECT_EQ(AsAlice([&] { return top().Link("a", "c"); }), 0);
  EXPECT_EQ(OfAlice(), (Have{1, 3, 40}));
  EXPECT_EQ(top().Unlink("c"), 0);
  WritePolicy("quota_charge = \"name\"\n" + std::string(kUsers) + "bytes = 100\n");
  ASSERT_EQ(Reload().status, 0);
  EXPECT_EQ(OfAlice(), (Have{2, 2, 80}));
  EXPECT_EQ(AsAlice([&] { return top().Link("a", "c"); }), EDQUOT);
  EXPECT_EQ(AsAlice([&] { return top().Append("a", std::string(11, 'x')); }), EDQUOT);
  EXPECT_EQ(AsAlice([&] { return top().Append("a", std::string(10, 'x')); }), 0);
  EXPECT_EQ(OfAlice(), (Have{2, 2, 100}));
  EXPECT_EQ(AsAlice([&] { return top().Unlink("b"); }), 0);
  EXPECT_EQ(OfAlice(), (Have{1, 1, 50}));
}

// S-QUOTA-3
TEST_P(Quotas, OfDirectoriesAreAsFilesystems) {
  MountWith(kProjects + std::string("inodes = 4\nbytes = 1000\n"));
  MakeProjects();
  EXPECT_EQ(top().Mkdir("projects/a/deep"), 0);
  EXPECT_EQ(top().Chmod("projects/a/deep", 0777), 0);
  EXPECT_EQ(AsAlice([&] { return top().Write("projects/a/deep/f", std::string(600, 'x')); }), 0);
  EXPECT_EQ(AsUser(kBob, [&] { return top().Write("projects/a/g", std::string(401, 'x')).code; }), EDQUOT);
  EXPECT_EQ(AsAlice([&] { return top().Write("projects/b/g", std::string(1000, 'x')); }), 0);
  EXPECT_EQ(AsAlice([&] { return top().Link("projects/a/deep/f", "projects/a/l"); }), 0);
  EXPECT_EQ(AsAlice([&] { return top().Link("projects/a/deep/f", "projects/b/l"); }), EXDEV);
  EXPECT_EQ(AsAlice([&] { return top().Link("projects/a/deep/f", "l"); }), EXDEV);
  EXPECT_EQ(top().Rename("projects/a/deep", "projects/b/deep"), EXDEV);
  EXPECT_EQ(Of("path", "/projects/a"), (Have{3, 4, 600}));
  EXPECT_EQ(Of("path", "/projects/b"), (Have{1, 1, 1000}));
  // A project keeps what it has under another name; to make one of what is there takes a copy.
  EXPECT_EQ(top().Rename("projects/a", "projects/c"), 0);
  EXPECT_EQ(Of("path", "/projects/c"), (Have{3, 4, 600}));
  EXPECT_EQ(top().Mkdir("projects-2"), 0);
  EXPECT_EQ(top().Rename("projects-2", "projects/d"), EXDEV);
  EXPECT_EQ(RunCommand({"mv", "-T", top().Path("projects-2"), top().Path("projects/d")}).status, 0);
  Remount("policy=" + File());
  EXPECT_EQ(Of("path", "/projects/c"), (Have{3, 4, 600}));
}

// S-QUOTA-3
TEST_P(Quotas, FileWithoutANameStaysWhereItWasMade) {
  MountWith(kProjects + std::string("bytes = 10\n"));
  MakeProjects();
  const auto make = [&](const char* in, const char* name) {
    return AsAlice([&] {
      const UniqueFd file = top().Open(in, O_TMPFILE | O_RDWR);
      if (!file.valid()) return Errno{errno};
      const std::string path = "/proc/self/fd/" + std::to_string(file.get());
      const Errno linked = Ended(linkat(AT_FDCWD, path.c_str(), AT_FDCWD, top().Path(name).c_str(), AT_SYMLINK_FOLLOW));
      if (linked.code != 0) return linked;
      return WriteAll(file.get(), std::string(11, 'x'));
    });
  };
  EXPECT_EQ(make(".", "projects/a/f"), EXDEV);
  EXPECT_EQ(make("projects/b", "projects/a/f"), EXDEV);
  EXPECT_EQ(make("projects/a", "projects/a/f"), EDQUOT);
  EXPECT_EQ(make(".", "f"), 0);
}

// S-QUOTA-4
TEST_P(Quotas, ChargeMovesWithTheOwner) {
  MountWith(kUsers + std::string("bytes = 100\n") + kGroups + "bytes = 50\n");
  const User alice_of_two{kAlice.uid, kAlice.gid, {61100}};
  ASSERT_EQ(AsAlice([&] { return top().Write("a", std::string(30, 'x')); }), 0);
  ASSERT_EQ(AsAlice([&] { return top().Write("b", std::string(20, 'x')); }), 0);
  EXPECT_EQ(AsAlice([&] { return top().Append("b", "y"); }), EDQUOT);
  EXPECT_EQ(AsUser(alice_of_two, [&] { return top().Chown("b", alice_of_two.uid, 61100).code; }), 0);
  EXPECT_EQ(Of("gid", 61100), (Have{1, 1, 20}));
  EXPECT_EQ(Of("gid", kAlice.gid), (Have{1, 1, 30}));
  EXPECT_EQ(AsUser(alice_of_two, [&] { return top().Append("b", std::string(10, 'x')).code; }), 0);
  EXPECT_EQ(AsUser(alice_of_two, [&] { return top().Chown("a", alice_of_two.uid, 61100).code; }), EDQUOT);
  EXPECT_EQ(OfAlice(), (Have{2, 2, 60}));
  // Root is not refused, where he has what it takes; it counts all the same.
  if (!HoldsSysResource()) {
    EXPECT_EQ(top().Chown("a", kBob.uid, 61100), EDQUOT);
    return;
  }
  EXPECT_EQ(top().Chown("a", kBob.uid, 61100), 0);
  EXPECT_EQ(Of("gid", 61100), (Have{2, 2, 60}));
  EXPECT_EQ(Of("uid", kBob.uid), (Have{1, 1, 30}));
}

// S-QUOTA-5
TEST_P(Quotas, CreatorsAtOnceGetExactlyTheLimit) {
  MountWith(kUsers + std::string("inodes = 50\nbytes = 20000\n"));
  constexpr int kChildren = 4;
  EXPECT_EQ(InChildren(kChildren,
                       [&](int child) {
                         return AsUser(kAlice, [&] {
                           for (int i = 0; i < 60; ++i) {
                             const int code = top().Write(std::to_string(child) + "-" + std::to_string(i), "text").code;
                             if (code != 0) return code == EDQUOT ? 0 : 1;
                           }
                           return 2;
                         });
                       }),
            0);
  EXPECT_EQ(OfAlice().inodes, 50U);
  EXPECT_EQ(top().Names().size(), 50U);
  for (const std::string& name : top().Names()) ASSERT_EQ(top().Unlink(name), 0);
  // Nor do writers of several files get more than all together may have.
  EXPECT_EQ(InChildren(kChildren,
                       [&](int child) {
                         return AsUser(kAlice, [&] {
                           const UniqueFd file = top().Open(std::to_string(child), O_CREAT | O_WRONLY);
                           for (int i = 0; i < 250; ++i) {
                             const int code = WriteAll(file.get(), std::string(100, 'x')).code;
                             if (code != 0) return code == EDQUOT ? 0 : 1;
                           }
                           return 2;
                         });
                       }),
            0);
  EXPECT_EQ(OfAlice(), (Have{kChildren, kChildren, 20000}));
}

// S-QUOTA-6
TEST_P(Quotas, UnlinkedFileIsChargedUntilItsLastClose) {
  MountWith(kUsers + std::string("inodes = 1\nbytes = 100\n"));
  ASSERT_EQ(AsAlice([&] { return top().Write("a", std::string(100, 'x'), 0666); }), 0);
  UniqueFd open = top().Open("a", O_RDWR);
  ASSERT_TRUE(open.valid());
  ASSERT_EQ(top().Unlink("a"), 0);
  EXPECT_EQ(AsAlice([&] { return top().Write("b", "text"); }), EDQUOT);
  EXPECT_EQ(OfAlice(), (Have{1, 0, 100}));
  open = UniqueFd();
  EXPECT_TRUE(Eventually([&] { return OfAlice() == Have{}; }));
  EXPECT_EQ(AsAlice([&] { return top().Write("b", std::string(100, 'x')); }), 0);
}

// S-QUOTA-7
TEST_P(Quotas, SurviveRemountsAndKills) {
  MountWith(kUsers + std::string("inodes = 10\n") + kProjects + "inodes = 10\n");
  MakeProjects();
  ASSERT_EQ(AsAlice([&] { return top().Write("projects/a/f", "text"); }), 0);
  ASSERT_EQ(AsAlice([&] { return top().Link("projects/a/f", "projects/a/l"); }), 0);
  ASSERT_EQ(AsAlice([&] { return top().Mkdir("projects/a/d"); }), 0);
  const Have alice{2, 3, 4};
  EXPECT_EQ(OfAlice(), alice);
  Remount("policy=" + File());
  EXPECT_EQ(OfAlice(), alice);
  EXPECT_EQ(Of("path", "/projects/a"), alice);
  const UniqueFd unlinked = top().Open("projects/a/gone", O_CREAT | O_RDWR);
  ASSERT_EQ(top().Unlink("projects/a/gone"), 0);
  volume().KillServer();
  Mount("policy=" + File());
  EXPECT_EQ(OfAlice(), alice);
  EXPECT_TRUE(Eventually([&] { return Of("path", "/projects/a") == alice; }));
}

// S-QUOTA-7
TEST_P(Quotas, WhatWasAddedBareIsCountedWhenItIsFound) {
  MountWith("");
  Unmount();
  ASSERT_EQ(bare().Mkdir("d"), 0);
  ASSERT_EQ(bare().Write("d/f", "12345"), 0);
  WritePolicy("[[quota]]\nname = \"root\"\nuid = 0\ninodes = 1\n");
  Mount("policy=" + File());
  ASSERT_EQ(top().Read("d/f"), "12345");
  EXPECT_EQ(Of("uid", 0), (Have{3, 2, 5}));
}

// S-QUOTA-8
TEST_P(Quotas, AreReloadedAndTellWhatIsOver) {
  MountWith("");
  ASSERT_EQ(AsAlice([&] { return top().Write("a", std::string(100, 'x'), 0666); }), 0);
  const UniqueFd writer = top().Open("a", O_WRONLY | O_APPEND);
  ASSERT_EQ(WriteAll(writer.get(), "more"), 0);
  EXPECT_THAT(Accounts(), IsEmpty());
  WritePolicy(kUsers + std::string("bytes = 50\ninodes = 1\n"));
  ASSERT_EQ(Reload().status, 0);
  EXPECT_EQ(OfAlice(), (Have{1, 1, 104}));
  EXPECT_EQ(AsAlice([&] { return top().Write("b", ""); }), EDQUOT);
  EXPECT_EQ(AsAlice([&] { return top().Truncate("a", 60); }), 0);
  EXPECT_EQ(AsAlice([&] { return top().Truncate("a", 61); }), EDQUOT);
  const CommandResult why = RunCommand({Command(), "why", volume().mountpoint()});
  EXPECT_THAT(why.out, HasSubstr("create of /b by uid 61001"));
  EXPECT_THAT(why.out, HasSubstr("users: the quota of inodes is used up"));
  EXPECT_THAT(why.out, HasSubstr("truncate of /a by uid 61001"));
  WritePolicy("dry_run = true\n" + std::string(kUsers) + "bytes = 50\ninodes = 1\n");
  ASSERT_EQ(Reload().status, 0);
  EXPECT_EQ(AsAlice([&] { return top().Write("b", ""); }), 0);
  EXPECT_THAT(RunCommand({Command(), "why", volume().mountpoint()}).out, HasSubstr("but for dry_run"));
  WritePolicy(kUsers);
  const CommandResult wrong = Reload();
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.err, HasSubstr("needs \"inodes\", \"names\" or \"bytes\""));
}

// S-QUOTA-9
TEST_P(Quotas, AreToldToWhomTheyAreAbout) {
  MountWith(kUsers + std::string("inodes = 2\n") + kGroups + "names = 100\n" + kProjects + "bytes = \"1M\"\n");
  MakeProjects();
  for (const char* const name : {"a", "projects/a/b"}) ASSERT_EQ(AsAlice([&] { return top().Write(name, "text"); }), 0);
  ASSERT_EQ(AsUser(kBob, [&] { return top().Write("c", "text").code; }), 0);
  EXPECT_EQ(Accounts().size(), 5U);
  const std::vector<Json> alices = Accounts(kAlice);
  ASSERT_EQ(alices.size(), 2U);
  EXPECT_EQ(alices[0], (Json{{"quota", "users"},
                             {"uid", 61001},
                             {"inodes", {{"used", 2}, {"limit", 2}}},
                             {"names", {{"used", 2}, {"limit", nullptr}}},
                             {"bytes", {{"used", 8}, {"limit", nullptr}}}}));
  EXPECT_EQ(alices[1]["gid"], 61001);
  const User in_both{61003, 61003, {kAlice.gid, kBob.gid}};
  EXPECT_EQ(Accounts(in_both).size(), 2U);
  const CommandResult people = RunCommand({Command(), "quota", volume().mountpoint()});
  EXPECT_THAT(people.out, HasSubstr("user 61001 "));
  EXPECT_THAT(people.out, HasSubstr(" 2*      2 "));
  EXPECT_THAT(people.out, HasSubstr("/projects/a"));
}

// Many lines take several requests.
// S-QUOTA-9
TEST_P(Quotas, AreToldOfAnyNumber) {
  MountWith(kUsers + std::string("inodes = 2\n"));
  for (unsigned i = 0; i < 500; ++i) {
    ASSERT_EQ(top().Write(std::to_string(i), ""), 0);
    ASSERT_EQ(top().Chown(std::to_string(i), 61000 + i, 0), 0);
  }
  const std::vector<Json> accounts = Accounts();
  ASSERT_EQ(accounts.size(), 500U);
  for (unsigned i = 0; i < 500; ++i) EXPECT_EQ(accounts[i]["uid"], 61000 + i);
}

class QuotasOfAMirror : public UnmountedTest {};
INSTANTIATE_TEST_SUITE_P(, QuotasOfAMirror, testing::ValuesIn(Mirrors()), NameOf);

// S-QUOTA-10
TEST_P(QuotasOfAMirror, AreTheBackings) {
  const std::string file = Outside("policy.toml");
  std::ofstream(file) << kUsers << "inodes = 5\n";
  const CommandResult refused = volume().TryMount("policy=" + file);
  EXPECT_EQ(refused.status, kMountFailed);
  EXPECT_THAT(refused.err, HasSubstr("\"quota\" is for names=catalog"));
  std::ofstream(file) << "";
  Mount("policy=" + file);
  std::ofstream(file) << kUsers << "inodes = 5\n";
  const CommandResult reload = RunCommand({Command(), "reload", volume().mountpoint()});
  EXPECT_EQ(reload.status, 1);
  EXPECT_THAT(reload.err, HasSubstr("setquota(8)"));
}

}  // namespace
}  // namespace hardlinkfs
