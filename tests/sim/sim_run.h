// SimRun: random operations on a volume over a disk that loses what was not synced; a power cut before any step, also during recovery; and
// the judgement of what is found afterwards, over several sessions. From a seed, so that a failure can be had again.
#ifndef HARDLINKFS_TESTS_SIM_SIM_RUN_H_
#define HARDLINKFS_TESTS_SIM_SIM_RUN_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/model/dice.h"
#include "tests/model/invariants.h"
#include "tests/model/machine.h"
#include "tests/sim/mirrored_engine.h"
#include "tests/sim/sim_kinds.h"
#include "tests/sim/sim_state.h"

namespace hardlinkfs {

// What it was that did not hold; the text is for people.
class SimFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

using SimTrace = std::function<void(const std::string&)>;

class SimRun {
 public:
  // With `cut` there is one session, and the power is cut before that step of it.
  SimRun(const SimKind& kind, uint64_t seed, std::optional<uint64_t> cut, SimTrace trace);

  // Throws SimFailure.
  void Run();
  // RETURNS: how often the power was cut, and before which step of its session the last time.
  uint64_t cuts() const { return cuts_; }
  uint64_t last_cut() const { return step_; }

 private:
  enum class Ending { kPowerCut, kKill, kClose };
  enum class Syncs { kMay, kNever };
  struct Weighted {
    void (SimRun::*operation)();
    unsigned weight;
    Syncs syncs;
  };

  // sim_operations.cc: names.
  static const std::vector<Weighted>& Operations();
  void Operate();
  void OperateOnFailedDisk();
  void MakeFile();
  void MakeFileInUnseen();
  void MakeNode();
  void MakeDirectory();
  void MakeTemporary();
  void Link();
  void Unlink();
  void RemoveDirectory();
  void Rename();
  void ReplaceByRename();
  void SaveByRename();
  void LookUp();
  void List();
  void UseRemovedDirectory();
  void CreateIn(InodeId directory, const std::string& name, int flags);
  void MakeIn(InodeId directory, const std::string& name, const NodeRequest& request);
  void RenameTo(InodeId from, const std::string& name, InodeId to, const std::string& new_name, RenameMode mode);
  bool MayMove(InodeId inode, InodeId to) const;
  void LoseName(InodeId directory, const std::string& name);

  // sim_contents.cc: contents, attributes, syncs, and what goes on in the background.
  void Write();
  void Truncate();
  void Release();
  void Forget();
  void SetAttributes();
  void SetXattr();
  void SyncFile();
  void SyncDirectory();
  void SyncAll();
  void Persist();
  void Settle();
  void Reclaim();
  void FailSync();
  InodeId PickOpenFile();
  bool OpenFor(InodeId inode, size_t actor);
  void WriteTo(InodeId inode);
  void WriteOpen();
  void ReleaseOf(InodeId inode, size_t actor);
  void Counted(InodeId inode);

  // sim_pick.cc
  InodeId PickDirectory();
  std::string PickName();
  // RETURNS: an existing name, or an empty one.
  std::pair<InodeId, std::string> PickEntry();
  InodeId PickFile();
  InodeId PickNode();
  Caller PickCaller();
  bool IsBelow(InodeId directory, InodeId below) const;
  bool IsDirectory(InodeId inode) const { return now_.names.contains(inode); }
  bool HasRoom() const;
  // RETURNS: whether it was acknowledged. Fails when it was refused with something else than what the model says.
  bool Acknowledged(int code, int expected);
  void Done();
  bool DiskHasFailed();

  // sim_run.cc: the course of a run.
  void ShareThePower();
  bool Step();
  void Die();
  void NoteSync();
  void NoteSyncThatMayBeLost();
  void TakeBackSync();
  void TakeNames();
  Status OpenRocksdb();
  Status OpenMachine();
  void Mount();
  void Begin();
  void Session(bool last);
  Ending EndOfSession();
  void CutPower();
  void CutPowerAndRecover();
  void FindWhatIsLeft();
  void KillServer();
  bool Close();
  void Recover();
  void TakeForDurable();
  void ForgetTheUnsynced();

  // sim_bare.cc: what somebody else does to the bare backing, and what lies there.
  void AddForeign();
  void NoteContents();
  void NoteContentsIn(const BackingDirectoryRef& directory, std::optional<InodeId> inode, const std::string& path);
  void ForgetReachable();
  void NoteDuplicates(const BackingDirectoryRef& directory, std::set<uint64_t>& seen);
  void TraceHomes();
  void TraceDisk(const BackingDirectoryRef& directory, const std::string& indent);

  // sim_check.cc: what has to be found.
  void Check();
  void CheckInvariants(Moment moment);
  void CheckDirectories(InodeId directory, const std::string& path, std::map<InodeId, uint32_t>& names);
  // At the first touch of a directory in a session: its listing is as it was, and what is found beside it is taken into the model.
  void Visit(InodeId directory);
  void Absorb(InodeId directory, const std::string& name, InodeId inode, FileType type);
  void CheckStranger(const std::string& name, const SimNode& node, const SimContent& content);
  void CheckAttributes(InodeId inode);
  // Of a content not looked at since the last power cut: it is one that was promised, or later; and that is what it is from now on.
  void Learn(InodeId inode);
  SimContent ReadContent(InodeId inode);
  SimContent ContentOf(const std::string& bytes, const std::string& whose) const;
  void CheckContent(InodeId inode, const SimFile& file, const SimContent& found);

  template <typename... Parts>
  void Trace(const Parts&... parts) const {
    if (!trace_) return;
    std::ostringstream line;
    (line << ... << Show(parts));
    trace_(line.str());
  }
  static std::string Show(InodeId inode) { return "#" + std::to_string(Raw(inode)); }
  template <typename Part>
  static const Part& Show(const Part& part) {
    return part;
  }
  [[noreturn]] void Fail(const std::string& what) const { throw SimFailure(what); }

  const SimKind& kind_;
  const std::optional<uint64_t> cut_;
  const SimTrace trace_;
  Dice dice_;
  Durability durability_ = Durability::kOnRequest;
  MirroredEngine* rocksdb_ = nullptr;  // the machine's; none in a kind without
  Machine machine_;

  SimState now_;
  SimState durable_;  // as of the last sync of the log
  std::map<InodeId, SimFile> files_;
  std::map<InodeId, uint64_t> lookups_;  // that the kernel would give back
  std::set<InodeId> takeovers_;          // since the last sync of the log
  std::set<InodeId> removed_;            // directories that somebody has open
  std::set<InodeId> visited_;            // directories, in this session
  std::set<InodeId> ever_;               // numbers are never given out twice
  uint64_t last_stamp_ = 0;

  std::set<uint64_t> reclaimed_;                 // stamps of contents that were removed
  std::set<uint64_t> gone_;                      // and durably so
  std::set<uint64_t> duplicates_;                // of contents that the disk had left under two names
  std::set<uint64_t> foreign_;                   // made by somebody else, on the bare backing
  std::map<std::string, std::string> stranded_;  // contents that lay on the backing after the last cut, and where

  // What a sync changes of the above, as it was before: RocksDB's takes several steps, and may be lost.
  struct BeforeSync {
    SimState durable;
    std::map<InodeId, size_t> floors;
    std::set<uint64_t> gone;
    std::string unsynced_parent;
  };
  BeforeSync before_sync_;

  uint64_t steps_left_ = 0;
  uint64_t step_ = 0;
  uint64_t syncs_ = 0;
  bool dead_ = false;
  bool recovering_ = false;
  bool log_synced_ = false;      // by the operation that is under way
  std::string unsynced_parent_;  // a directory whose ".." was not durable when the log was
  uint64_t cuts_ = 0;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_SIM_SIM_RUN_H_
