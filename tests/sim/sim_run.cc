// The course of a run: steps, cuts, recoveries.
#include "tests/sim/sim_run.h"

#include <cerrno>
#include <string_view>
#include <utility>

namespace hardlinkfs {
namespace {

constexpr uint64_t kMostSteps = 160;
constexpr uint64_t kMostRecoverySteps = 30;
constexpr uint64_t kEndless = ~uint64_t{0};

std::string_view NameOf(BackingCall call) {
  switch (call) {
    case BackingCall::kMakeDirectory:
      return "mkdir";
    case BackingCall::kCreateFile:
      return "create";
    case BackingCall::kRename:
      return "rename";
    case BackingCall::kRemoveFile:
      return "unlink";
    case BackingCall::kRemoveDirectory:
      return "rmdir";
    case BackingCall::kSyncFile:
      return "fsync";
    case BackingCall::kSyncDirectory:
      return "fsync of a directory";
    default:
      return "another change of";
  }
}

}  // namespace

SimRun::SimRun(const MachineOptions& options, uint64_t seed, SimTrace trace) : machine_(options), dice_(seed), trace_(std::move(trace)) {
  machine_.backing().SyncEverything();  // the private area was made before
  machine_.backing().SetFaultHook([this](BackingCall call, const std::string& name) {
    const bool durable_step = IsChange(call) || call == BackingCall::kSyncFile || call == BackingCall::kSyncDirectory;
    if (durable_step) Trace("    " + std::string(NameOf(call)) + " " + name);
    if (durable_step && !dead_) Step();
    return dead_ ? EIO : 0;
  });
  machine_.engine().SetHook([this](MemoryEngine::Call call) {
    if (!dead_) Step();
    if (!dead_ && call == MemoryEngine::Call::kSync) NoteSync();
    return dead_ ? EIO : 0;
  });
}

// RETURNS: whether there is power for it.
bool SimRun::Step() {
  if (steps_left_ == 0) {
    dead_ = true;
    Trace("(the power is cut here)");
    return false;
  }
  --steps_left_;
  return true;
}

void SimRun::NoteSync() {
  if (recovering_) return;
  durable_names_ = names_;
  durable_nlinks_.clear();
  for (const auto& [inode, file] : files_) durable_nlinks_[inode] = file.nlink;
  for (const InodeId inode : takeovers_) {
    const auto file = files_.find(inode);
    // What took over a name is whole before the log says so.
    if (file != files_.end()) file->second.floor = file->second.history.size() - 1;
  }
  takeovers_.clear();
}

void SimRun::Run() {
  steps_left_ = kEndless;
  if (const Status opened = machine_.Open(); !opened.ok()) Fail("the volume does not open: " + std::string(opened.error().what));
  names_[kRootInode];
  NoteSync();
  steps_left_ = dice_.Below(kMostSteps);
  while (!dead_) Operate();
  CutPower();
  while (dice_.Chance(30)) {
    Trace("recover, and cut the power again");
    steps_left_ = dice_.Below(kMostRecoverySteps);
    Recover();
    dead_ = true;
    CutPower();
  }
  steps_left_ = kEndless;
  Trace("recover");
  recovering_ = true;
  if (const Status opened = machine_.Open(); !opened.ok()) Fail("the volume does not open: " + std::string(opened.error().what));
  Check();
  if (const Status stopped = machine_.Stop(); !stopped.ok()) Fail("the volume does not close: " + std::string(stopped.error().what));
  machine_.Kill();
  if (const Status opened = machine_.Open(); !opened.ok()) Fail("the volume does not open again: " + std::string(opened.error().what));
  Check();
  machine_.Kill();
}

void SimRun::CutPower() {
  ++cuts_;
  machine_.Kill();
  machine_.engine().ForgetUnsynced();
  machine_.backing().CutPower([this](uint64_t n) { return dice_.Below(n); });
  machine_.clock().Advance(std::chrono::seconds(60));
  dead_ = false;
  recovering_ = true;
  if (trace_) TraceDisk(machine_.backing().root(), "    | ");
}

void SimRun::TraceDisk(const BackingDirectoryRef& directory, const std::string& indent) {
  static_cast<void>(machine_.backing().List(directory, [&](const BackingEntry& entry) {
    const Result<BackingStat> seen = machine_.backing().Stat(directory, entry.name);
    const bool is_directory = seen.ok() && seen->type == FileType::kDirectory;
    Trace(indent + entry.name.bytes() + (is_directory ? "/" : " " + std::to_string(seen.ok() ? seen->size : 0)));
    if (!is_directory) return true;
    if (const auto below = machine_.backing().OpenDirectory(directory, entry.name); below.ok()) TraceDisk(*below, indent + "  ");
    return true;
  }));
}

// As far as the power lasts.
void SimRun::Recover() {
  if (!machine_.Open().ok()) return;
  for (const auto& [directory, names] : durable_names_) {
    static_cast<void>(machine_.vfs().OpenDirectory(directory));
    for (const auto& [name, inode] : names) static_cast<void>(machine_.vfs().Lookup(directory, name));
  }
  static_cast<void>(machine_.volume().ReclaimSome(100));
  static_cast<void>(machine_.volume().SettleSome(100));
  if (dice_.Chance(50)) static_cast<void>(machine_.Stop());
}

void SimRun::Trace(const std::string& text) const {
  if (trace_) trace_(text);
}

void SimRun::Fail(const std::string& what) const { throw SimFailure(what); }

}  // namespace hardlinkfs
