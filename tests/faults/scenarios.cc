// What each scenario does. Those of the namespace come first, then attributes, contents, durability, what works in the background, and what
// another machine did to the backing.
#include "tests/faults/scenarios.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#include <cerrno>

namespace hardlinkfs {
namespace {

constexpr Timestamp kSomeTime{1'234'567'890, 987'654'321};

// user::rwx user:5:r-- group::r-- mask::rwx other::r--
const std::string kAcl(
    "\x02\0\0\0\x01\0\x07\0\xff\xff\xff\xff\x02\0\x04\0\x05\0\0\0\x04\0\x04\0\xff\xff\xff\xff\x10\0\x07\0\xff\xff\xff\xff "
    "\0\x04\0\xff\xff\xff\xff",
    44);

using Steps = std::function<void(Stage&)>;
using Act = std::function<int(Stage&)>;

// RETURNS: 0 for what is right.
int ButFor(int right, int code) { return code == right ? 0 : code; }

Scenario Of(std::string name, Act act) {
  Scenario scenario;
  scenario.name = std::move(name);
  scenario.act = std::move(act);
  return scenario;
}

Scenario After(std::string name, Steps prepare, Act act) {
  Scenario scenario = Of(std::move(name), std::move(act));
  scenario.prepare = std::move(prepare);
  return scenario;
}

// With `prepare` in the very session.
Scenario Amid(std::string name, Steps prepare, Act act) {
  Scenario scenario = Of(std::move(name), std::move(act));
  scenario.prepare_next = std::move(prepare);
  return scenario;
}

Scenario With(Effect effect, Scenario scenario, std::string file = "") {
  scenario.effect = effect;
  scenario.file = std::move(file);
  return scenario;
}

Scenario In(std::vector<Session> sessions, Scenario scenario) {
  scenario.sessions = std::move(sessions);
  return scenario;
}

Scenario Below(std::string name, Steps below, Act act) {
  Scenario scenario = In({Session::kNext, Session::kAfterKill}, Of(std::move(name), std::move(act)));
  scenario.below = std::move(below);
  scenario.effect = Effect::kEventually;
  return scenario;
}

void Names(std::vector<Scenario>& all) {
  all.push_back(Of("Create", [](Stage& s) { return s.Create("d/new"); }));
  all.push_back(Of("CreateExisting", [](Stage& s) { return ButFor(ESTALE, s.Create("f")); }));
  all.push_back(Of("CreateInAnotherCase", [](Stage& s) { return s.Make("F", {.type = FileType::kRegular, .mode = 0600}); }));
  all.push_back(Of("CreateOddName", [](Stage& s) { return s.Make("con:?", {.type = FileType::kRegular, .mode = 0600}); }));
  all.push_back(Of("CreateSynchronous", [](Stage& s) { return s.Create("d/new", O_RDWR | O_DSYNC); }));
  all.back().effect = Effect::kEither;
  all.push_back(After(
      "CreateWhereAHomeWaits", [](Stage& s) { s.Rename("f", "moved"); },
      [](Stage& s) { return s.Make("f", {.type = FileType::kRegular, .mode = 0644}); }));
  all.push_back(Of("MakeDirectory", [](Stage& s) { return s.Make("d/new", {.type = FileType::kDirectory, .mode = 0750}); }));
  all.push_back(Amid(
      "MakeDirectoryWithAcl", [](Stage& s) { s.SetXattr("d", std::string(kDefaultAclXattr), kAcl); },
      [](Stage& s) { return s.Make("d/new", {.type = FileType::kDirectory, .mode = 0750}); }));
  all.push_back(Of("MakeSymlink", [](Stage& s) { return s.Make("d/new", {.type = FileType::kSymlink, .target = "where"}); }));
  all.push_back(Of("MakeFifo", [](Stage& s) { return s.Make("d/new", {.type = FileType::kFifo, .mode = 0640}); }));
  all.push_back(Of("MakeTemporary", [](Stage& s) { return s.Temporary("d", "!"); }));
  all.push_back(Amid(
      "LinkTemporary", [](Stage& s) { s.Temporary("d", "!"), s.Write("!", "text"); }, [](Stage& s) { return s.Link("!", "d/new"); }));
  all.push_back(Of("Link", [](Stage& s) { return s.Link("f", "d/new"); }));
  all.push_back(Of("LinkSymlink", [](Stage& s) { return s.Link("s", "d/new"); }));
  all.push_back(Of("UnlinkOneName", [](Stage& s) { return s.Unlink("f"); }));
  all.push_back(Of("UnlinkLastName", [](Stage& s) { return s.Unlink("g"); }));
  all.push_back(Amid(
      "UnlinkOpenFile", [](Stage& s) { s.Open("g"); }, [](Stage& s) { return s.Unlink("g"); }));
  all.push_back(Of("RemoveDirectory", [](Stage& s) { return s.Rmdir("empty"); }));
  all.push_back(Of("RemoveFullDirectory", [](Stage& s) { return ButFor(ENOTEMPTY, s.Rmdir("d")); }));
  all.push_back(Of("Rename", [](Stage& s) { return s.Rename("f", "d/new"); }));
  all.push_back(Of("RenameReplacing", [](Stage& s) { return s.Rename("f", "g"); }));
  all.push_back(Of("RenameReplacingOneName", [](Stage& s) { return s.Rename("g", "f"); }));
  all.push_back(Of("RenameDirectory", [](Stage& s) { return s.Rename("d/e", "moved"); }));
  all.push_back(Of("RenameDirectoryReplacing", [](Stage& s) { return s.Rename("d/e", "empty"); }));
  all.push_back(Of("RenameCase", [](Stage& s) { return s.Rename("g", "G"); }));
  all.push_back(Of("Exchange", [](Stage& s) { return s.Rename("d/e", "g", RenameMode::kExchange); }));
  all.push_back(Of("RenameNotReplacing", [](Stage& s) { return s.Rename("g", "new", RenameMode::kNoReplace); }));
  all.push_back(Of("RenameWithWhiteout", [](Stage& s) { return s.Rename("g", "new", RenameMode::kWhiteout); }));
}

void AttributesOfThem(std::vector<Scenario>& all) {
  all.push_back(Of("ChangeMode", [](Stage& s) { return s.Set("f", {.mode = 0600}); }));
  all.push_back(Of("ChangeModeOfDirectory", [](Stage& s) { return s.Set("d", {.mode = 01700}); }));
  all.push_back(Of("ChangeModeOfSymlink", [](Stage& s) { return s.Set("s", {.uid = 7}); }));
  all.push_back(Of("ChangeOwner", [](Stage& s) { return s.Set("f", {.uid = 7, .gid = 8}); }));
  all.push_back(Of("ChangeOwnerOfPrivileged", [](Stage& s) { return s.Set("p", {.uid = 7, .kill_suidgid = true}); }));
  all.push_back(Of("SetTimes", [](Stage& s) { return s.Set("f", {.atime = kSomeTime, .mtime = kSomeTime}); }));
  all.push_back(Of("SetAccessTime", [](Stage& s) { return s.Set("f", {.atime = kSomeTime}); }));
  all.push_back(Of("SetTimesOfDirectory", [](Stage& s) { return s.Set("d", {.mtime = kSomeTime}); }));
  all.push_back(Amid(
      "SetTimesOfOpenFile", [](Stage& s) { s.Open("g"), s.Write("g", "2"); }, [](Stage& s) { return s.Set("g", {.mtime = kSomeTime}); }));
  all.push_back(Of("SetXattr", [](Stage& s) { return s.SetXattr("f", "user.new", "value"); }));
  all.push_back(Of("ReplaceXattr", [](Stage& s) { return s.SetXattr("x", "user.x", "other"); }));
  all.push_back(Of("SetAcl", [](Stage& s) { return s.SetXattr("f", std::string(kAccessAclXattr), kAcl); }));
  all.push_back(Amid(
      "ChangeModeWithAcl", [](Stage& s) { s.SetXattr("f", std::string(kAccessAclXattr), kAcl); },
      [](Stage& s) { return s.Set("f", {.mode = 0600}); }));
  all.push_back(Of("RemoveXattr", [](Stage& s) { return s.RemoveXattr("x", "user.x"); }));
  all.push_back(Of("SetCapability", [](Stage& s) { return s.SetXattr("f", kCapabilityXattr, "cap"); }));
  all.push_back(With(Effect::kPartOfFile, Of("Truncate", [](Stage& s) { return s.Set("f", {.size = 1}); }), "f"));
  all.push_back(With(Effect::kPartOfFile, Of("TruncateUp", [](Stage& s) { return s.Set("f", {.size = 100'000}); }), "f"));
  all.push_back(
      With(Effect::kPartOfFile, Of("TruncatePrivileged", [](Stage& s) { return s.Set("p", {.size = 1, .kill_suidgid = true}); }), "p"));
  all.push_back(With(Effect::kPartOfFile,
                     Amid(
                         "TruncateOpenFile", [](Stage& s) { s.Open("f"); }, [](Stage& s) { return s.Set("f", {.size = 1}); }),
                     "f"));
}

void Contents(std::vector<Scenario>& all) {
  const Steps open = [](Stage& s) { s.Open("f"); };
  const Steps written = [](Stage& s) { s.Open("f"), s.Write("f", "written"); };
  all.push_back(Of("Open", [](Stage& s) { return s.Open("f"); }));
  all.push_back(With(Effect::kEither, Of("OpenSynchronous", [](Stage& s) { return s.Open("f", O_WRONLY | O_DSYNC); })));
  all.push_back(With(Effect::kPartOfFile, Amid("Write", open, [](Stage& s) { return s.Write("f", "other text"); }), "f"));
  all.push_back(
      With(Effect::kPartOfFile, Amid("WriteBehindTheEnd", open, [](Stage& s) { return s.Write("f", "other text", 10'000); }), "f"));
  all.push_back(With(Effect::kPartOfFile,
                     Amid(
                         "WriteToPrivileged", [](Stage& s) { s.Open("p"); }, [](Stage& s) { return s.Write("p", "other text"); }),
                     "p"));
  all.push_back(With(Effect::kPartOfFile,
                     Amid(
                         "WriteToCapable", [](Stage& s) { s.Open("c"); }, [](Stage& s) { return s.Write("c", "other text"); }),
                     "c"));
  all.push_back(Amid("Release", written, [](Stage& s) { return s.Release("f"); }));
  all.push_back(Amid("StatWritten", written, [](Stage& s) { return s.Stat("f"); }));
  all.push_back(Amid("LinkWritten", written, [](Stage& s) { return s.Link("f", "d/new"); }));
  all.push_back(Amid("ChangeModeOfWritten", written, [](Stage& s) { return s.Set("f", {.mode = 0600}); }));
  all.push_back(Amid("Read", open, [](Stage& s) {
    std::string bytes(100, '\0');
    return s.vfs().Read(s.Inode("f"), bytes, 0).code();
  }));
  all.push_back(
      With(Effect::kPartOfFile,
           Amid("Allocate", open, [](Stage& s) { return ButFor(EOPNOTSUPP, s.vfs().Allocate(s.Inode("f"), 0, 0, 10'000).code()); }), "f"));
  all.push_back(Amid("Seek", open, [](Stage& s) { return s.vfs().Seek(s.Inode("f"), 0, SEEK_HOLE).code(); }));
  all.push_back(Amid(
      "Copy", [](Stage& s) { s.Open("f"), s.Open("g"); },
      [](Stage& s) { return ButFor(EOPNOTSUPP, s.vfs().CopyRange(s.Inode("f"), 0, s.Inode("g"), 0, 10).code()); }));
}

void Looks(std::vector<Scenario>& all) {
  all.push_back(Of("Lookup", [](Stage& s) { return s.Look("d/e/deep"); }));
  all.push_back(Of("LookupMissing", [](Stage& s) { return ButFor(ENOENT, s.Look("missing")); }));
  all.push_back(Of("LookupByHandle", [](Stage& s) { return s.vfs().Lookup(InodeId{16}, ".").code(); }));
  all.push_back(Of("ListRoot", [](Stage& s) { return s.List(""); }));
  all.push_back(Of("ListBelow", [](Stage& s) { return s.List("d"); }));
  all.push_back(Of("Stat", [](Stage& s) { return s.Stat("x"); }));
  all.push_back(Of("ReadLink", [](Stage& s) {
    const int code = s.Look("s");
    return code != 0 ? code : s.vfs().ReadLink(s.Inode("s")).code();
  }));
  all.push_back(Of("GetXattr", [](Stage& s) {
    const int code = s.Look("x");
    return code != 0 ? code : s.vfs().GetXattr(s.Inode("x"), "user.x").code();
  }));
  all.push_back(Of("ListXattrs", [](Stage& s) {
    const int code = s.Look("x");
    return code != 0 ? code : s.vfs().ListXattrs(Caller{}, s.Inode("x")).code();
  }));
  all.push_back(Of("Statfs", [](Stage& s) { return s.vfs().Statfs().code(); }));
}

void Durable(std::vector<Scenario>& all) {
  const Steps changed = [](Stage& s) {
    s.Open("f"), s.Write("f", "written");
    s.File("d/new", "new");
    s.Rename("d/new", "g");
    s.Link("f", "d/another");
    s.Make("d/e/sub", {.type = FileType::kDirectory, .mode = 0755});
  };
  all.push_back(Amid("Fsync", changed, [](Stage& s) { return s.Sync("f"); }));
  all.push_back(Amid("Fdatasync", changed, [](Stage& s) { return s.vfs().Sync(s.Inode("f"), SyncMode::kData).code(); }));
  all.push_back(Amid("FsyncDirectory", changed, [](Stage& s) { return s.vfs().SyncDirectory(s.Inode("d")).code(); }));
  all.push_back(Amid("SyncAll", changed, [](Stage& s) { return s.vfs().SyncAll().code(); }));
  all.push_back(Amid("SyncCatalog", changed, [](Stage& s) { return s.volume().SyncCatalog().code(); }));
  all.push_back(Amid("PersistByTheEngine", changed, [](Stage& s) {
    s.machine().engine().Persist();
    return 0;
  }));
}

int Reclaim(Stage& s) {
  for (;;) {
    const auto removed = s.volume().ReclaimSome(2);
    if (!removed.ok()) return removed.code();
    if (*removed == 0) return 0;
  }
}

int Settle(Stage& s) {
  for (;;) {
    const auto moved = s.volume().SettleSome(2);
    if (!moved.ok()) return moved.code();
    if (*moved == 0) return 0;
  }
}

void InTheBackground(std::vector<Scenario>& all) {
  all.push_back(Amid(
      "ReclaimFiles", [](Stage& s) { s.Unlink("g"), s.Unlink("x"), s.Unlink("s"), s.Forget(); }, Reclaim));
  all.push_back(Amid(
      "ReclaimDirectories",
      [](Stage& s) {
        s.Unlink("d/e/deep"), s.Rmdir("d/e"), s.Rename("d/link", "kept"), s.Rmdir("d"), s.Rmdir("empty");
        s.Forget();
      },
      Reclaim));
  all.push_back(
      In({Session::kAfterKill},
         After(
             "ReclaimAfterKill", [](Stage& s) { s.Unlink("g"), s.Rmdir("empty"), s.Unlink("x"), s.Temporary("d", "!"); }, Reclaim)));
  all.push_back(Amid(
      "SettleFile", [](Stage& s) { s.Rename("g", "d/new"); }, Settle));
  all.push_back(Amid(
      "SettleUnlinkedHome", [](Stage& s) { s.Unlink("f"); }, Settle));
  all.push_back(Amid(
      "SettleTemporary", [](Stage& s) { s.Temporary("d", "!"), s.Link("!", "d/new"); }, Settle));
  all.push_back(Amid(
      "SettleDirectory", [](Stage& s) { s.Rename("d/e", "moved"), s.File("moved/new", "new"); }, Settle));
  all.push_back(Amid(
      "SettleExchange", [](Stage& s) { s.Rename("x", "g", RenameMode::kExchange); }, Settle));
  all.push_back(Amid(
      "SettleExchangedDirectories", [](Stage& s) { s.Rename("d", "empty", RenameMode::kExchange); }, Settle));
  all.push_back(Amid(
      "SettleCase", [](Stage& s) { s.Rename("g", "G"); }, Settle));
  all.push_back(Amid(
      "SettleAndReclaim", [](Stage& s) { s.Rename("x", "g"), s.Unlink("f"), s.File("f", "new"), s.Forget(); },
      [](Stage& s) {
        const int reclaimed = Reclaim(s);
        const int settled = Settle(s);
        return reclaimed != 0 ? reclaimed : settled;
      }));
  all.push_back(
      In({Session::kAfterKill}, After(
                                    "SettleAfterKill", [](Stage& s) { s.Rename("x", "g"), s.Unlink("f"), s.File("f", "new"); }, Settle)));
  all.push_back(Amid(
      "Close",
      [](Stage& s) { s.Rename("x", "g"), s.Unlink("f"), s.File("f", "new"), s.Rename("d/e", "moved"), s.Rmdir("empty"), s.Forget(); },
      [](Stage& s) { return s.machine().Stop().code(); }));
  all.back().ends = true;
}

// A move was announced and not made; and one was made and not recorded.
void LeaveIntents(Stage& s) {
  s.Rename("g", "d/new");
  s.Rename("d/e", "moved");
  s.VanishAfter(BackingCall::kRename);
  static_cast<void>(s.volume().SettleSome(10));
  s.Reappear();
}

void Sessions(std::vector<Scenario>& all) {
  const Act open = [](Stage& s) { return s.machine().Open().code(); };
  const auto opens = [&](Scenario scenario) {
    scenario.opens = true;
    scenario.effect = Effect::kEventually;
    all.push_back(std::move(scenario));
  };
  const std::vector<Session> next{Session::kNext};
  const std::vector<Session> killed{Session::kAfterKill};
  opens(In({Session::kNext, Session::kAfterKill}, Of("BeginSession", open)));
  opens(In(killed, After(
                       "Recover", [](Stage& s) { s.Rename("x", "g"), s.Unlink("f"), s.Temporary("d", "!"); }, open)));
  opens(In(killed, After("RecoverIntents", LeaveIntents, open)));
  Scenario sweep = In({Session::kNext, Session::kAfterKill}, Of("SweepHomes", open));
  sweep.below = [](Stage& s) {
    s.BareFile(s.machine().homes(), "0000000000001234", "somebody's");
    s.BareFile(s.machine().homes(), "0000000000001235", "");
  };
  opens(std::move(sweep));
}

int LookAtEverything(Stage& s) {
  int first = 0;
  for (const char* directory : {"", "d", "d/e", "empty"}) {
    const int code = s.List(directory);
    if (first == 0 && code != ENOENT) first = code;
  }
  for (const char* file : {"f", "g", "x", "d/link"}) {
    const int code = s.Stat(file);
    if (first == 0 && code != ENOENT) first = code;
  }
  return first;
}

void Bare(std::vector<Scenario>& all) {
  all.push_back(Below(
      "Adopt",
      [](Stage& s) {
        MemoryBacking& backing = s.machine().backing();
        const auto in = s.BareDirectory("added");
        s.BareFile(in, "one", "1");
        static_cast<void>(backing.AddXattr(in, BackingName("one"), "user.bare", "value"));
        static_cast<void>(backing.AddSymlink(in, BackingName("symlink"), "target"));
        s.BareFile(backing.root(), "added file", "2");
      },
      [](Stage& s) {
        const int code = LookAtEverything(s);
        const int below = s.List("added");
        const int stat = s.Stat("added/one");
        const int symlink = s.Stat("added/symlink");
        for (const int each : {code, below, stat, symlink}) {
          if (each != 0) return each;
        }
        return 0;
      }));
  all.push_back(Below(
      "TakeOverEdits", [](Stage& s) { s.BareFile(s.machine().backing().root(), "f", "edited elsewhere"); }, LookAtEverything));
  all.push_back(Below(
      "DropDeletedFile",
      [](Stage& s) { static_cast<void>(s.machine().backing().RemoveFile(s.machine().backing().root(), BackingName("g"))); },
      LookAtEverything));
  // d/e with a symlink in it, which goes to lost+found.
  Scenario tree = Below(
      "DropDeletedTree",
      [](Stage& s) {
        MemoryBacking& backing = s.machine().backing();
        const auto d = s.BareDirectory("d");
        const auto e = *backing.OpenDirectory(d, BackingName("e"));
        static_cast<void>(backing.RemoveFile(e, BackingName("deep")));
        static_cast<void>(backing.RemoveDirectory(d, BackingName("e")));
      },
      LookAtEverything);
  tree.prepare = [](Stage& s) { s.Make("d/e/symlink", {.type = FileType::kSymlink, .target = "where"}), s.Link("f", "d/e/of f"); };
  all.push_back(std::move(tree));
  all.push_back(Below(
      "FollowRespelling",
      [](Stage& s) {
        MemoryBacking& backing = s.machine().backing();
        static_cast<void>(backing.Rename(backing.root(), BackingName("g"), backing.root(), BackingName("G")));
      },
      LookAtEverything));
  all.push_back(Below(
      "Replaced",
      [](Stage& s) {
        MemoryBacking& backing = s.machine().backing();
        static_cast<void>(backing.RemoveFile(backing.root(), BackingName("g")));
        static_cast<void>(backing.MakeDirectory(backing.root(), BackingName("g"), 0755));
      },
      LookAtEverything));
}

}  // namespace

void MakeTree(Stage& s) {
  s.List("");
  s.Make("d", {.type = FileType::kDirectory, .mode = 0755});
  s.Make("d/e", {.type = FileType::kDirectory, .mode = 0755});
  s.Make("empty", {.type = FileType::kDirectory, .mode = 0755});
  s.Make("z", {.type = FileType::kDirectory, .mode = 0755});
  s.File("f", "one");
  s.Link("f", "d/link");
  s.File("g", "two");
  s.File("d/e/deep", "three");
  s.File("x", "with xattr");
  s.SetXattr("x", "user.x", "value");
  s.File("p", "privileged");
  s.Set("p", {.mode = 04755});
  s.File("c", "capable");
  s.SetXattr("c", kCapabilityXattr, "cap");
  s.Make("s", {.type = FileType::kSymlink, .target = "target"});
  s.Forget();
}

const std::vector<Scenario>& Scenarios() {
  static const std::vector<Scenario> scenarios = [] {
    std::vector<Scenario> all;
    Names(all);
    AttributesOfThem(all);
    Contents(all);
    Looks(all);
    Durable(all);
    InTheBackground(all);
    Sessions(all);
    Bare(all);
    return all;
  }();
  return scenarios;
}

}  // namespace hardlinkfs
