// `hardlinkfs explain`: for each cause that a link, unlink, rename or write can be refused for, made for real, what it says is what the
// system call then does: S-EXPLAIN-* of docs/semantics.md. Here: owners, permissions, flags, names; and how it is asked and answers.
#include <linux/fs.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "tests/integration/explain_fixture.h"

namespace hardlinkfs {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

// The question "Operation not permitted when creating hard link (but soft link works)": S-EXPLAIN-1, S-EXPLAIN-2
TEST_F(Explain, FindsTheOwnerThatIsNoUser) {
  const User asker{1000, 100, {100}};
  const std::string dir1 = Directory("dir1", asker, 0775);
  const std::string dir2 = Directory("dir2", asker, 0775);
  const std::string file = File("dir1/file", {1011, 100, {}});
  MountedVolume mirror(dir1, MakeElsewhere("srv"), kMirrorRegime);
  mirror.Mount();
  EXPECT_EQ(CallAs(asker, {"link", file, dir2 + "/link"}), EPERM);
  EXPECT_EQ(AsUser(asker, [&] { return symlink(file.c_str(), (dir2 + "/soft").c_str()); }), 0);
  for (const Answer& answer : {AskFor(asker, {"link", file, dir2 + "/link"}), AskAs(asker, {"link", file, dir2 + "/link"})}) {
    EXPECT_EQ(answer.error, "EPERM");
    EXPECT_EQ(answer.rule, "protected_hardlinks");
    EXPECT_THAT(answer.reason, HasSubstr("1011 (no such user)"));
    EXPECT_THAT(answer.cure, HasSubstr("chown 1000 " + file));
    EXPECT_EQ(answer.status, 1);
  }
  // What the other place is.
  const Answer across = AskFor(asker, {"link", file, Elsewhere("srv/link")});
  EXPECT_EQ(across.error, "EXDEV");
  EXPECT_THAT(across.reason, HasSubstr("a FUSE filesystem of its own"));
  EXPECT_THAT(across.cure, HasSubstr("ln " + file + " " + dir1 + "/link"));
  EXPECT_TRUE(Has(across, "protected_hardlinks", "fail"));
  EXPECT_EQ(CallAs(asker, {"link", file, Elsewhere("srv/link")}), EXDEV);
  ASSERT_EQ(Call({"unlink", dir2 + "/soft"}), 0);
  ASSERT_EQ(chown(file.c_str(), 1000, 100), 0);
  ExpectTrue(asker, {"link", file, dir2 + "/link"}, 0);
  EXPECT_EQ(top().Nlink("dir1/file"), 2U);
}

// S-EXPLAIN-1
TEST_F(Explain, OfProtectedHardlinksIsTheKernels) {
  Directory("d", kAlice, 0777);
  int link = 0;
  for (const mode_t mode : {0600U, 0644U, 0666U, 0606U, 0660U, 04666U, 02676U, 02666U, 01666U, 0444U}) {
    const std::string file = File("f", {61001, 61009, {}}, mode);
    for (const User& user : {kAlice, kBob, User{61002, 61009, {61009}}, kRoot}) {
      const std::string name = Path("d/l" + std::to_string(++link));
      const int ended = CallAs(user, {"link", file, name});
      if (ended == 0) {
        ASSERT_EQ(Call({"unlink", name}), 0);
      }
      ExpectTrue(user, {"link", file, name}, ended, ended == 0 ? "" : "protected_hardlinks");
    }
    ASSERT_EQ(Call({"unlink", file}), 0);
  }
  ASSERT_EQ(mkfifo(Path("fifo").c_str(), 0666), 0);
  ASSERT_EQ(symlink("f", Path("symlink").c_str()), 0);
  ExpectTrue(kAlice, {"link", Path("fifo"), Path("d/fifo")}, EPERM, "protected_hardlinks");
  ExpectTrue(kAlice, {"link", Path("symlink"), Path("d/symlink")}, EPERM, "protected_hardlinks");
  ExpectTrue(kRoot, {"link", Path("symlink"), Path("d/symlink")}, 0);
  // By an ACL he may.
  const std::string file = File("acl", kAlice, 0600);
  ASSERT_EQ(RunCommand({"setfacl", "-m", "u:61002:rw", file}).status, 0);
  ExpectTrue(kBob, {"link", file, Path("d/acl")}, 0);
  ASSERT_EQ(RunCommand({"setfacl", "-m", "m::r", file}).status, 0);
  ExpectTrue(kBob, {"link", file, Path("d/acl2")}, EPERM, "protected_hardlinks");
}

// S-EXPLAIN-6
TEST_F(Explain, AsksThePolicyOfAMount) {
  const std::string policy = Elsewhere("policy.toml");
  std::ofstream(policy) << "boundary = \"/box\"\nmax_links = 2\nsymlinks = \"deny\"\n"
                           "[[rule]]\nname = \"kept\"\npath = \"/kept/**\"\nops = [\"unlink\", \"rename\", \"open-for-write\"]\n"
                           "uid = 61002\naction = \"deny\"\nerrno = \"EROFS\"\n";
  const std::string source = Directory("source", kRoot, 0777);
  MountedVolume volume(source, MakeElsewhere("mnt"), kCatalogRegime);
  volume.Mount("policy=" + policy);
  const Folder mounted(volume.mountpoint());
  ASSERT_EQ(mounted.Chmod(".", 0777), 0);
  for (const char* const directory : {"box", "kept"}) {
    ASSERT_EQ(mounted.Mkdir(directory), 0);
    ASSERT_EQ(mounted.Chmod(directory, 0777), 0);
  }
  for (const char* const file : {"f", "kept/f", "two"}) {
    ASSERT_EQ(mounted.Write(file, "text"), 0);
    ASSERT_EQ(mounted.Chmod(file, 0666), 0);
  }
  ASSERT_EQ(mounted.Link("two", "names"), 0);
  ASSERT_EQ(mounted.Symlink("f", "s"), 0);
  for (const User& user : {kBob, kRoot}) {
    ExpectTrue(user, {"link", mounted.Path("f"), mounted.Path("box/l")}, EXDEV, "boundary");
    ExpectTrue(user, {"rename", mounted.Path("f"), mounted.Path("box/l")}, EXDEV, "boundary");
    ExpectTrue(user, {"link", mounted.Path("two"), mounted.Path("l")}, EMLINK, "max_links");
  }
  ExpectTrue(kRoot, {"link", mounted.Path("s"), mounted.Path("l")}, EPERM, "symlinks");
  ExpectTrue(kBob, {"unlink", mounted.Path("kept/f")}, EROFS, "kept");
  ExpectTrue(kBob, {"rename", mounted.Path("f"), mounted.Path("kept/f")}, EROFS, "kept");
  ExpectTrue(kBob, {"write", mounted.Path("kept/f")}, EROFS, "kept");
  ExpectTrue(kAlice, {"write", mounted.Path("kept/f")}, 0);
  // Through a bind mount of a part of it the server sees the same path.
  const std::string part = MakeElsewhere("part");
  ASSERT_EQ(mount(mounted.Path("kept").c_str(), part.c_str(), nullptr, MS_BIND, nullptr), 0);
  ExpectTrue(kBob, {"unlink", part + "/f"}, EROFS, "kept");
  EXPECT_EQ(umount(part.c_str()), 0);
  const Answer answer = AskFor(kBob, {"unlink", mounted.Path("kept/f")});
  EXPECT_THAT(answer.cure, HasSubstr("hardlinkfs policy show " + volume.mountpoint()));
  ExpectTrue(kAlice, {"unlink", mounted.Path("kept/f")}, 0);
}

// S-EXPLAIN-1
TEST_F(Explain, OfProtectionThatIsOffIsToo) {
  ProtectHardlinks("0");
  ExpectTrue(kBob, {"link", File("f", kAlice, 0600), Path("l")}, 0);
}

// S-EXPLAIN-1
TEST_F(Explain, FindsFlags) {
  Directory("d", kAlice, 0777);
  const std::string file = File("f");
  for (const unsigned flag : {unsigned{FS_IMMUTABLE_FL}, unsigned{FS_APPEND_FL}}) {
    const std::string rule = flag == FS_APPEND_FL ? "append-only" : "immutable";
    const Flagged flagged(file, flag);
    for (const User& user : {kAlice, kRoot}) {
      ExpectTrue(user, {"link", file, Path("d/l")}, EPERM, rule);
      ExpectTrue(user, {"unlink", file}, EPERM, rule);
      ExpectTrue(user, {"rename", file, Path("d/l")}, EPERM, rule);
      ExpectTrue(user, {"write", file}, EPERM, rule);
    }
  }
  File("d/f");
  File("other");
  {
    const Flagged flagged(Path("d"), FS_IMMUTABLE_FL);
    for (const User& user : {kAlice, kRoot}) {
      ExpectTrue(user, {"link", file, Path("d/l")}, EPERM, "immutable");
      ExpectTrue(user, {"unlink", Path("d/f")}, EPERM, "immutable");
      ExpectTrue(user, {"rename", Path("d/f"), Path("g")}, EPERM, "immutable");
      ExpectTrue(user, {"rename", file, Path("d/g")}, EPERM, "immutable");
      ExpectTrue(user, {"write", Path("d/f")}, 0);
    }
  }
  const Flagged flagged(Path("d"), FS_APPEND_FL);
  ExpectTrue(kAlice, {"unlink", Path("d/f")}, EPERM, "append-only");
  ExpectTrue(kAlice, {"rename", Path("d/f"), Path("g")}, EPERM, "append-only");
  ExpectTrue(kAlice, {"rename", Path("other"), Path("d/f")}, EPERM, "append-only");
  ExpectTrue(kAlice, {"rename", Path("other"), Path("d/g")}, 0);
  ExpectTrue(kAlice, {"link", file, Path("d/l")}, 0);
}

// Flags come before permissions for a directory, and after them for a file: S-EXPLAIN-2
TEST_F(Explain, HasTheKernelsOrder) {
  Directory("closed", kRoot, 0755);
  const std::string file = File("f", kRoot, 0600);
  const std::string within = File("closed/f", kRoot, 0600);
  ExpectTrue(kBob, {"link", file, Path("closed/l")}, EPERM, "protected_hardlinks");
  ExpectTrue(kBob, {"write", within}, EACCES, "write");
  {
    const Flagged flagged(within, FS_IMMUTABLE_FL);
    ExpectTrue(kBob, {"write", within}, EPERM, "immutable");
    ExpectTrue(kBob, {"unlink", within}, EACCES, "write-directory");
  }
  {
    const Flagged flagged(within, FS_APPEND_FL);
    ExpectTrue(kBob, {"write", within}, EACCES, "write");
  }
  const Flagged flagged(Path("closed"), FS_IMMUTABLE_FL);
  ExpectTrue(kBob, {"unlink", within}, EPERM, "immutable");
  const std::string own = File("own", kBob);
  ExpectTrue(kBob, {"link", own, Path("closed/l")}, EPERM, "immutable");
  const Answer answer = AskFor(kBob, {"link", own, Path("closed/l")});
  EXPECT_TRUE(Has(answer, "write-directory", "fail")) << "all that has to be cured is told";
}

// S-EXPLAIN-1
TEST_F(Explain, FindsPermissionsOnTheWay) {
  Directory("a", kAlice, 0700);
  Directory("a/b", kAlice, 0777);
  File("a/b/f", kBob);
  Directory("c", kAlice, 0755);
  const std::string file = File("f", kBob);
  ExpectTrue(kBob, {"link", Path("a/b/f"), Path("l")}, EACCES, "search");
  ExpectTrue(kBob, {"link", file, Path("a/b/l")}, EACCES, "search");
  ExpectTrue(kBob, {"link", file, Path("c/l")}, EACCES, "write-directory");
  ExpectTrue(kBob, {"unlink", Path("a/b/f")}, EACCES, "search");
  ExpectTrue(kBob, {"rename", file, Path("c/l")}, EACCES, "write-directory");
  ExpectTrue(kBob, {"rename", file, Path("a/b/l")}, EACCES, "search");
  ExpectTrue(kBob, {"write", Path("a/b/f")}, EACCES, "search");
  const Answer own = AskAs(kBob, {"link", Path("a/b/f"), Path("l")});
  EXPECT_EQ(own.error, "EACCES");
  EXPECT_EQ(own.rule, "search");
  EXPECT_THAT(own.cure, HasSubstr("setfacl -m u:61002:x " + Path("a")));
  // The cure works.
  ASSERT_EQ(RunCommand({"setfacl", "-m", "u:61002:x", Path("a")}).status, 0);
  ExpectTrue(kBob, {"link", Path("a/b/f"), Path("l")}, 0);
}

// S-EXPLAIN-3
TEST_F(Explain, SaysWhatItCannotSee) {
  Directory("a", kAlice, 0700);
  File("a/f", kAlice);
  std::vector<std::string> words{Command(), "explain", "unlink", Path("a/f"), "--json", "--as", As(kAlice)};
  const Answer answer = AnswerOf(RunCommand(words, kBob));
  EXPECT_EQ(answer.verdict, "unknown") << answer.all.dump(2);
  EXPECT_EQ(answer.status, 3);
  EXPECT_TRUE(Has(answer, "path", "unknown"));
}

// S-EXPLAIN-1
TEST_F(Explain, FindsStickyDirectories) {
  Directory("tmp", kRoot, 01777);
  Directory("his", kAlice, 01777);
  File("tmp/f", kAlice);
  File("his/f", kBob);
  const std::string own = File("tmp/own", kBob);
  ExpectTrue(kBob, {"unlink", Path("tmp/f")}, EPERM, "sticky");
  ExpectTrue(kBob, {"rename", Path("tmp/f"), Path("g")}, EPERM, "sticky");
  ExpectTrue(kBob, {"rename", own, Path("tmp/f")}, EPERM, "sticky");
  ExpectTrue(kAlice, {"unlink", Path("his/f")}, 0);
  ExpectTrue(kBob, {"link", own, Path("tmp/l")}, 0);
  ExpectTrue(kAlice, {"unlink", Path("tmp/f")}, 0);
  ExpectTrue(kRoot, {"unlink", own}, 0);
}

// S-EXPLAIN-1
TEST_F(Explain, FindsSymlinksThatAreNotFollowed) {
  const KernelSwitch protection("/proc/sys/fs/protected_symlinks", "1");
  if (!protection.is_set()) GTEST_SKIP();
  Directory("tmp", kRoot, 01777);
  File("f", kBob);
  ASSERT_EQ(symlink("../f", Path("tmp/s").c_str()), 0);
  ASSERT_EQ(top().Chown("tmp/s", kAlice.uid, kAlice.gid), 0);
  ExpectTrue(kBob, {"write", Path("tmp/s")}, EACCES, "protected_symlinks");
  ASSERT_EQ(top().Chown("tmp/s", kBob.uid, kBob.gid), 0);
  ExpectTrue(kBob, {"write", Path("tmp/s")}, 0);
}

// S-EXPLAIN-1
TEST_F(Explain, FindsNamesThatAreWrong) {
  const std::string file = File("f");
  Directory("d");
  Directory("d/full");
  Directory("empty");
  File("d/full/x");
  ASSERT_EQ(symlink("loop", Path("loop").c_str()), 0);
  ASSERT_EQ(symlink("d", Path("to-d").c_str()), 0);
  const std::string too_long(300, 'n');
  const std::vector<std::pair<Words, int>> cases = {
      {{"link", Path("none"), Path("l")}, ENOENT},
      {{"link", Path("none/x"), Path("l")}, ENOENT},
      {{"link", file + "/x", Path("l")}, ENOTDIR},
      {{"link", file + "/", Path("l")}, ENOTDIR},
      {{"link", Path("loop/x"), Path("l")}, ELOOP},
      {{"link", Path("loop"), Path("loop-link")}, EPERM},
      {{"link", Path("to-d/"), Path("l")}, EPERM},
      {{"link", "", Path("l")}, ENOENT},
      {{"link", file, ""}, ENOENT},
      {{"link", file, std::string(5000, 'p')}, ENAMETOOLONG},
      {{"link", file, Path(too_long)}, ENAMETOOLONG},
      {{"link", Path(too_long), Path("l")}, ENAMETOOLONG},
      {{"link", file, Path("d")}, EEXIST},
      {{"link", file, Path("d/.")}, EEXIST},
      {{"link", file, "/"}, EEXIST},
      {{"link", file, file}, EEXIST},
      {{"link", file, Path("new/")}, ENOENT},
      {{"link", file, Path("none/l")}, ENOENT},
      {{"link", Path("d"), Path("l")}, EPERM},
      {{"link", Path("d/.."), Path("l")}, EPERM},
      {{"unlink", Path("d")}, EISDIR},
      {{"unlink", Path("d/")}, EISDIR},
      {{"unlink", Path("d/.")}, EISDIR},
      {{"unlink", file + "/"}, ENOTDIR},
      {{"unlink", Path("none")}, ENOENT},
      {{"rename", Path("none"), Path("l")}, ENOENT},
      {{"rename", file, Path("d")}, EISDIR},
      {{"rename", Path("d"), file}, ENOTDIR},
      {{"rename", Path("d"), Path("d/x")}, EINVAL},
      {{"rename", Path("d/full"), Path("d")}, ENOTEMPTY},
      {{"rename", Path("empty"), Path("d")}, ENOTEMPTY},
      {{"rename", file + "/", Path("g")}, ENOTDIR},
      {{"rename", file, Path("g/")}, ENOTDIR},
      {{"rename", Path("d/."), Path("g")}, EBUSY},
      {{"rename", file, Path("d/..")}, EBUSY},
      {{"rename", file, Path(too_long)}, ENAMETOOLONG},
      {{"rename", file, file}, 0},
      {{"rename", Path("empty"), Path("d/moved/")}, 0},
      {{"write", Path("none")}, ENOENT},
      {{"write", Path("d")}, EISDIR},
      {{"write", file + "/"}, ENOTDIR},
      {{"write", Path("loop")}, ELOOP},
      {{"write", Path("to-d/../f")}, 0},
  };
  for (const auto& [words, code] : cases) {
    SCOPED_TRACE(testing::PrintToString(words));
    const Answer answer = AskFor(kAlice, words);
    EXPECT_EQ(answer.error, NameOfErrno(code)) << answer.all.dump(2);
    EXPECT_STREQ(NameOfErrno(CallAs(kAlice, words)), NameOfErrno(code));
  }
}

// S-EXPLAIN-5
TEST_F(Explain, ChangesNothingAndTellsPeopleAndScripts) {
  const std::string file = File("f", kAlice);
  const std::vector<std::string> before = top().Tree();
  const std::string description = Description(top().Status("f"));
  const CommandResult result = RunCommand({Command(), "explain", "link", file, Path("l"), "--as", "61002"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out, HasSubstr("61002 (no such user), who is taken to be in no group"));
  EXPECT_THAT(result.out, ContainsRegex("\nok    search " + top().path() + " \\(drwxrwxrwx root root\\)\n"));
  EXPECT_THAT(result.out, ContainsRegex("\nFAIL  protected_hardlinks " + file + " .*EPERM\n"));
  EXPECT_THAT(result.out, ContainsRegex("\nOperation not permitted \\(EPERM\\): another's file"));
  EXPECT_THAT(result.out, ContainsRegex("\ncure: as root: chown 61002 " + file));
  EXPECT_EQ(top().Tree(), before);
  EXPECT_EQ(Description(top().Status("f")), description);
  const Answer answer = AskFor(kBob, {"link", file, Path("l")});
  for (const char* const key : {"operation", "old", "new", "caller", "checks", "verdict", "errno", "certain"}) {
    EXPECT_TRUE(answer.all.contains(key)) << key;
  }
  EXPECT_EQ(answer.all["caller"]["uid"], 61002);
}

// S-EXPLAIN-5
TEST_F(Explain, IsNotLedAstrayByNames) {
  const std::string name = "a b\n'$(touch x)'\xFF";
  const std::string file = File(name, kAlice);
  const CommandResult people = RunCommand({Command(), "explain", "link", file, Path("l"), "--as", "61002"});
  EXPECT_EQ(people.status, 1);
  EXPECT_THAT(people.out, HasSubstr("\\012")) << "a line is a line";
  const size_t cure = people.out.find("chown 61002 ");
  ASSERT_NE(cure, std::string::npos);
  const std::string command = people.out.substr(cure, people.out.find(';', cure) - cure);
  EXPECT_EQ(RunCommand({"bash", "-c", command}).status, 0) << command;
  EXPECT_EQ(top().Status(name).uid, 61002U);
  EXPECT_EQ(top().Exists("x"), false);
  EXPECT_EQ(AskAs(kBob, {"link", file, Path("l")}).verdict, "allowed");
}

// S-EXPLAIN-5
TEST_F(Explain, RefusesWhatItDoesNotUnderstand) {
  for (const Words& words : {Words{"link", "/a"}, Words{"frob", "/a"}, Words{}, Words{"unlink", "/a", "/b"},
                             Words{"unlink", "/a", "--as", "no-such-user"}, Words{"unlink", "/a", "--as", "0:no-such-group"}}) {
    Words all{Command(), "explain"};
    all.insert(all.end(), words.begin(), words.end());
    ExpectRefused(RunCommand(all), 2);
  }
}

}  // namespace
}  // namespace hardlinkfs
