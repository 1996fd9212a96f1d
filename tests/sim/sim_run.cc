// The course of a run: sessions, and how they end.
#include "tests/sim/sim_run.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>

#include "store/base/rules.h"

namespace hardlinkfs {
namespace {

constexpr uint64_t kMostSteps = 160;
constexpr uint64_t kMostStepsOfLongRun = 600;
constexpr uint64_t kMostRecoverySteps = 30;
constexpr uint64_t kMostOperations = 40;  // of a session that does not end in a power cut
constexpr uint64_t kMostSessions = 4;
constexpr int kMountsUntilAllIsFound = 4;
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

MachineOptions WithDurability(MachineOptions options, Durability durability) {
  options.vfs.durability = durability;
  return options;
}

MachineOptions WithRocksdb(MachineOptions options, std::optional<DiskManner> disk, MirroredEngine*& rocksdb) {
  if (!disk.has_value()) return options;
  options.make_engine = [disk, &rocksdb](MemoryEngine& mirror) {
    auto engine = std::make_unique<MirroredEngine>(*disk, mirror);
    rocksdb = engine.get();
    return engine;
  };
  return options;
}

Durability PickDurability(Dice& dice) {
  const uint64_t choice = dice.Below(20);
  if (choice == 0) return Durability::kEverything;
  return choice < 3 ? Durability::kNames : Durability::kOnRequest;
}

}  // namespace

SimRun::SimRun(const SimKind& kind, uint64_t seed, std::optional<uint64_t> cut, SimTrace trace)
    : kind_(kind),
      cut_(cut),
      trace_(std::move(trace)),
      dice_(seed),
      // What an operation syncs by itself is not acknowledged yet, and lost or not in the midst of RocksDB's sync.
      durability_(kind.catalog_disk.has_value() ? Durability::kOnRequest : PickDurability(dice_)),
      machine_(WithRocksdb(WithDurability(kind.options, durability_), kind.catalog_disk, rocksdb_)) {
  machine_.backing().SyncEverything();  // the private area was made before
  machine_.backing().SetFaultHook([this](BackingCall call, const std::string& name) {
    const bool sync = call == BackingCall::kSyncFile || call == BackingCall::kSyncDirectory;
    if (sync) ++syncs_;
    if (sync || IsChange(call)) Trace("    ", NameOf(call), " ", name);
    if ((sync || IsChange(call)) && !dead_) Step();
    return dead_ ? EIO : 0;
  });
  ShareThePower();
}

// The catalog's disk has the same.
void SimRun::ShareThePower() {
  if (rocksdb_ == nullptr) {
    machine_.engine().SetHook([this](MemoryEngine::Call call) {
      const bool sync = call == MemoryEngine::Call::kSync;
      if (sync) ++syncs_;
      Trace(sync ? "    sync of the log" : "    commit");
      if (!dead_) Step();
      if (!dead_ && sync) NoteSync();
      return dead_ ? EIO : 0;
    });
    return;
  }
  rocksdb_->SetPower({.steps_left = [this] { return steps_left_; },
                      .is_off = [this] { return dead_; },
                      .take =
                          [this](uint64_t steps, bool went_off) {
                            Trace("    ", steps, " steps of RocksDB");
                            steps_left_ -= std::min(steps, steps_left_);
                            step_ += steps;
                            if (went_off) Die();
                          },
                      .sync_begins =
                          [this] {
                            ++syncs_;
                            Trace("    sync of the log");
                            NoteSyncThatMayBeLost();
                          }});
}

// RETURNS: whether there is power for it.
bool SimRun::Step() {
  if (steps_left_ == 0) {
    Die();
    return false;
  }
  --steps_left_;
  ++step_;
  return true;
}

void SimRun::Die() {
  dead_ = true;
  Trace("(the power is cut here)");
}

// The log is durable up to here.
void SimRun::NoteSync() {
  if (const auto loose = machine_.backing().UnsyncedParents(); !loose.empty()) unsynced_parent_ = loose.front();
  gone_.merge(reclaimed_);
  reclaimed_.clear();
  log_synced_ = true;
  if (!recovering_) TakeNames();
}

void SimRun::NoteSyncThatMayBeLost() {
  before_sync_ = {.durable = durable_, .floors = {}, .gone = gone_, .unsynced_parent = unsynced_parent_};
  for (const auto& [inode, file] : files_) before_sync_.floors[inode] = file.floor;
  NoteSync();
}

void SimRun::TakeBackSync() {
  Trace("the last sync is lost");
  durable_ = before_sync_.durable;
  gone_ = before_sync_.gone;
  unsynced_parent_ = before_sync_.unsynced_parent;
  for (const auto& [inode, floor] : before_sync_.floors) {
    if (const auto file = files_.find(inode); file != files_.end()) file->second.floor = floor;
  }
}

// What is acknowledged of names and attributes is durable.
void SimRun::TakeNames() {
  durable_ = now_;
  for (const InodeId inode : takeovers_) {
    const auto file = files_.find(inode);
    // What took over a name is whole before the log says so.
    if (file != files_.end() && file->second.known) file->second.floor = file->second.history.size() - 1;
  }
  takeovers_.clear();
}

void SimRun::Run() {
  Mount();
  const Result<Attributes> root = machine_.vfs().GetAttributes(kRootInode);
  if (!root.ok()) Fail("the root has no attributes");
  now_.names[kRootInode];
  now_.nodes[kRootInode] = {.type = FileType::kDirectory, .mode = root->mode, .uid = root->uid, .gid = root->gid};
  durable_ = now_;
  ever_.insert(kRootInode);
  const uint64_t sessions = dice_.Chance(50) ? 1 : 1 + dice_.Below(kMostSessions);
  const uint64_t count = cut_.has_value() ? 1 : sessions;
  for (uint64_t session = 1; session <= count; ++session) {
    if (session > 1) Begin();
    Session(session == count);
  }
  Begin();
  Check();
  // What lies in a directory that was removed is adopted once its record is gone, which may take a mount or two.
  for (int mount = 0; mount < kMountsUntilAllIsFound; ++mount) {
    if (!Close()) Fail("the volume does not close");
    Begin();
    Check();
    ForgetReachable();
    if (stranded_.empty()) break;
  }
  if (!stranded_.empty()) Fail(stranded_.begin()->second + " lay on the backing, and cannot be reached");
  machine_.Kill();
}

// Fails for another reason than that the power went off.
Status SimRun::OpenRocksdb() {
  Status opened = rocksdb_->Open();
  if (!opened.ok() && !dead_) Fail("RocksDB does not open: " + std::string(opened.error().what));
  if (opened.ok() && rocksdb_->has_lost_the_sync()) TakeBackSync();
  return opened;
}

Status SimRun::OpenMachine() {
  if (rocksdb_ != nullptr) {
    if (Status opened = OpenRocksdb(); !opened.ok()) return opened;
  }
  return machine_.Open();
}

void SimRun::Mount() {
  steps_left_ = kEndless;
  recovering_ = true;
  if (const Status opened = OpenMachine(); !opened.ok()) Fail("the volume does not open: " + std::string(opened.error().what));
  recovering_ = false;
}

// A session over what the last one has left.
void SimRun::Begin() {
  Trace("mount");
  Mount();
  ForgetTheUnsynced();
  if (dice_.Chance(40)) Check();
}

// What the model may still count on.
void SimRun::ForgetTheUnsynced() {
  now_ = durable_;
  std::erase_if(now_.nodes, [&](const auto& node) { return node.second.type != FileType::kDirectory && node.second.nlink == 0; });
  std::erase_if(files_, [&](const auto& file) { return !now_.nodes.contains(file.first); });
  for (const auto& [inode, node] : now_.nodes) {
    if (node.type == FileType::kRegular && !files_.contains(inode)) Fail(Show(inode) + " was removed before its deletion was durable");
  }
  for (auto& [inode, file] : files_) {
    file.handles = {};
    file.linkable = false;
  }
  lookups_.clear();
  takeovers_.clear();
  removed_.clear();
  visited_.clear();
}

SimRun::Ending SimRun::EndOfSession() {
  const uint64_t choice = dice_.Below(20);
  if (cut_.has_value() || choice < 16) return Ending::kPowerCut;
  return choice < 18 ? Ending::kKill : Ending::kClose;
}

void SimRun::Session(bool last) {
  const Ending ending = EndOfSession();
  const uint64_t steps = dice_.Below(dice_.Chance(10) ? kMostStepsOfLongRun : kMostSteps);
  uint64_t operations = dice_.Below(kMostOperations);
  step_ = 0;
  steps_left_ = cut_.value_or(steps);
  while (!dead_ && !DiskHasFailed() && (ending == Ending::kPowerCut || operations-- > 0)) Operate();
  for (uint64_t more = dice_.Below(kMostOperations); !dead_ && DiskHasFailed() && more > 0; --more) OperateOnFailedDisk();
  const bool closed = !dead_ && !DiskHasFailed() && ending == Ending::kClose && Close();
  const bool killed = !dead_ && !DiskHasFailed() && ending == Ending::kKill;
  if (killed) KillServer();
  if (!closed && !killed) CutPowerAndRecover();
  steps_left_ = kEndless;
  // Most often where all was well: after a crash whatever is new counts as something that lost its record.
  if (dice_.Chance(closed ? 60 : 20)) AddForeign();
  stranded_.clear();
  if (last) NoteContents();
}

void SimRun::CutPower() {
  ++cuts_;
  dead_ = true;
  machine_.Kill();
  const auto below = [this](uint64_t n) { return dice_.Below(n); };
  if (rocksdb_ != nullptr) rocksdb_->CutPower(below);
  // The engine keeps what a sync has marked; what else of the log is on the disk does not count.
  const uint64_t unsynced = Keeps(Rule::kOnlySyncedIsBelieved) ? 0 : machine_.engine().UnsyncedCommits();
  if (rocksdb_ == nullptr) machine_.engine().ForgetUnsynced(dice_.Below(unsynced + 1));
  const bool doubled = machine_.backing().CutPower(below);
  machine_.clock().Advance(std::chrono::seconds(60));
  dead_ = false;
  for (auto& [inode, file] : files_) file.known = false;
  reclaimed_.clear();
  if (std::set<uint64_t> seen; doubled) NoteDuplicates(machine_.backing().root(), seen);
  if (!trace_) return;
  TraceDisk(machine_.backing().root(), "    | ");
  TraceHomes();
}

void SimRun::CutPowerAndRecover() {
  CutPower();
  while (dice_.Chance(30)) {
    Trace("recover, and cut the power again");
    steps_left_ = dice_.Below(kMostRecoverySteps);
    recovering_ = true;
    Recover();
    recovering_ = false;
    CutPower();
  }
  FindWhatIsLeft();
}

// As the next mount does, which then changes nothing of it any more.
void SimRun::FindWhatIsLeft() {
  if (rocksdb_ == nullptr) return;
  steps_left_ = kEndless;
  static_cast<void>(OpenRocksdb());
  rocksdb_->Kill();
}

// As far as the power lasts.
void SimRun::Recover() {
  if (!OpenMachine().ok()) return;
  for (const auto& [directory, names] : durable_.names) {
    static_cast<void>(machine_.vfs().OpenDirectory(directory));
    for (const auto& [name, inode] : names) static_cast<void>(machine_.vfs().Lookup(directory, name));
  }
  static_cast<void>(machine_.volume().ReclaimSome(100));
  static_cast<void>(machine_.volume().SettleSome(100));
  if (dice_.Chance(50)) static_cast<void>(machine_.Stop());
}

// The machine goes on: everything is there, and the next mount makes it durable before it begins (OpenVolume).
void SimRun::KillServer() {
  Trace("kill -9");
  machine_.Kill();
  if (rocksdb_ != nullptr) rocksdb_->Kill();
  machine_.backing().SyncEverything();
  machine_.engine().ForgetUnsynced(machine_.engine().UnsyncedCommits());
  TakeForDurable();
}

// RETURNS: false if the power was cut meanwhile.
bool SimRun::Close() {
  Trace("umount");
  for (auto& [inode, file] : files_) {
    for (size_t actor = 0; actor < kSimActors; ++actor) {
      while (!dead_ && file.handles[actor] > 0) ReleaseOf(inode, actor);
    }
  }
  const Status stopped = machine_.Stop();
  if (dead_ || DiskHasFailed()) return false;
  if (!stopped.ok()) Fail("the volume does not close: " + std::string(stopped.error().what));
  CheckInvariants(Moment::kStopped);
  machine_.Kill();
  if (rocksdb_ != nullptr && !rocksdb_->Close().ok()) return false;
  TakeForDurable();
  return true;
}

void SimRun::TakeForDurable() {
  durable_ = now_;
  for (auto& [inode, file] : files_) {
    if (file.known) file.floor = file.history.size() - 1;
  }
}

}  // namespace hardlinkfs
