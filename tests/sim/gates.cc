// Each sync of a content that took over a name gives the sync of the log another one to look at, up to the last look, with the gates
// closed.
#include "tests/sim/gates.h"

#include <fcntl.h>

#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/sim_kinds.h"

namespace hardlinkfs {
namespace {

// With open gates it takes microseconds, with closed ones for ever.
constexpr std::chrono::milliseconds kLongEnough{200};
constexpr int kLooks = 3;  // of CatalogVolume::SyncCatalog

std::string Called(const char* what, int number) { return what + std::to_string(number); }

// RETURNS: its inode.
InodeId MakeFile(Machine& machine, const std::string& name, const std::string& content) {
  const auto made = machine.vfs().Create({}, kRootInode, name, 0600, O_RDWR);
  if (!made.ok() || !machine.vfs().Write(made->attributes.inode, content, 0, false).ok()) return InodeId{0};
  machine.vfs().Release(made->attributes.inode, O_RDWR);
  return made->attributes.inode;
}

std::string ContentOf(Machine& machine, const std::string& name) {
  const auto found = machine.vfs().Lookup(kRootInode, name);
  if (!found.ok() || !machine.vfs().Open({}, found->inode, O_RDONLY).ok()) return "nothing";
  std::string bytes(100, '\0');
  const auto got = machine.vfs().Read(found->inode, bytes, 0);
  if (!got.ok()) return "error " + std::to_string(got.code());
  bytes.resize(*got);
  return bytes;
}

}  // namespace

std::string WhatGotThroughTheGates() {
  Machine machine(JournalKind().options);
  machine.backing().SyncEverything();
  if (!machine.Open().ok()) return "the volume does not open";
  for (int i = 0; i <= kLooks; ++i) MakeFile(machine, Called("old", i), "old");
  if (!machine.vfs().SyncAll().ok()) return "cannot sync";
  for (int i = 0; i <= kLooks; ++i) MakeFile(machine, Called("new", i), "new");
  const auto take_over = [&](int i) {
    return machine.vfs().Rename({}, kRootInode, Called("new", i), kRootInode, Called("old", i), RenameMode::kReplace).ok();
  };
  if (!take_over(0)) return "cannot rename";

  int looks = 0;
  std::future<bool> last;
  machine.backing().SetFaultHook([&](BackingCall call, const std::string&) {
    if (call != BackingCall::kSyncFile || ++looks > kLooks) return 0;
    if (looks < kLooks) return take_over(looks) ? 0 : EIO;
    last = std::async(std::launch::async, take_over, kLooks);
    last.wait_for(kLongEnough);
    return 0;
  });
  if (!machine.volume().SyncCatalog().ok()) return "cannot sync the log";
  if (looks != kLooks) return "it looked " + std::to_string(looks) + " times";
  if (!last.get()) return "cannot rename in the second thread";

  machine.backing().SetFaultHook({});
  machine.Kill();
  machine.engine().ForgetUnsynced();
  machine.backing().CutPower([](uint64_t) { return 0; });
  if (!machine.Open().ok()) return "the volume does not open again";
  for (int i = 0; i <= kLooks; ++i) {
    const std::string found = ContentOf(machine, Called("old", i));
    if (found != "old" && found != "new") return Called("old", i) + " has neither content, but \"" + found + "\"";
  }
  return {};
}

}  // namespace hardlinkfs
