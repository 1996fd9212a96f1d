// Stage: a machine whose calls to the backing and to the engine are counted as one sequence and can be made to fail, with short words for
// what scenarios do above the volume.
#ifndef HARDLINKFS_TESTS_FAULTS_STAGE_H_
#define HARDLINKFS_TESTS_FAULTS_STAGE_H_

#include <fcntl.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/model/machine.h"

namespace hardlinkfs {

enum class Failing {
  kOnce,      // only this call
  kFromHere,  // and all that follow: the device has vanished
};

struct Fault {
  uint64_t call = 0;  // 1 is the first
  Failing failing = Failing::kOnce;
  int code = 0;
};

class Stage {
 public:
  explicit Stage(const MachineOptions& options);

  Machine& machine() { return machine_; }
  Vfs& vfs() { return machine_.vfs(); }
  CatalogVolume& volume() { return machine_.volume(); }
  bool is_open() const { return machine_.is_open(); }

  // From now on calls are counted, and `fault` happens.
  void Arm(const Fault& fault);
  // Until now. RETURNS: how many calls there were.
  uint64_t Disarm();
  // Everything that comes after the next success of `call` fails, until Reappear.
  void VanishAfter(BackingCall call);
  void Reappear();
  // RETURNS: which of the calls since Arm were the engine's.
  const std::vector<bool>& of_engine() const { return of_engine_; }
  // RETURNS: what was made to fail, for messages.
  const std::string& failed() const { return failed_; }
  // RETURNS: whether a call failed that would have removed something.
  bool removal_failed() const { return removal_failed_; }

  // --- All RETURN 0 or an errno. A path has no slash in front; "" is the root. What a path leads to stays looked up, as in a kernel.
  int Look(const std::string& path);
  int File(const std::string& path, const std::string& content = "");
  int Create(const std::string& path, int open_flags = O_RDWR);  // stays open
  int Make(const std::string& path, const NodeRequest& request);
  int Temporary(const std::string& directory, const std::string& as);  // stays open; can be named as `as` although it has no name
  int Link(const std::string& path, const std::string& to);
  int Unlink(const std::string& path);
  int Rmdir(const std::string& path);
  int Rename(const std::string& path, const std::string& to, RenameMode mode = RenameMode::kReplace);
  int Set(const std::string& path, const AttributeChange& change);
  int SetXattr(const std::string& path, const std::string& name, const std::string& value);
  int RemoveXattr(const std::string& path, const std::string& name);
  int Open(const std::string& path, int open_flags = O_RDWR);
  int Write(const std::string& path, const std::string& bytes, uint64_t offset = 0);  // of one that is open
  int Release(const std::string& path, int open_flags = O_RDWR);
  int Sync(const std::string& path);
  int List(const std::string& path);
  int Stat(const std::string& path);
  // The kernel forgets all that was looked up, so that what has no name can go.
  void Forget();
  // Whoever knew of anything has gone with the session.
  void ForgetAll();
  // RETURNS: the number of what a path leads to. REQUIRES: it was looked up.
  InodeId Inode(const std::string& path) const { return known_.at(path); }

  // --- Below, between two sessions.
  void BareFile(const BackingDirectoryRef& in, const std::string& name, const std::string& content);
  BackingDirectoryRef BareDirectory(const std::string& name);

 private:
  struct Parent {
    int code = 0;
    InodeId directory{};
    std::string name;
  };
  Parent ParentOf(const std::string& path);
  void Know(const std::string& path, InodeId inode);
  enum class Called { kBacking, kEngine };
  int Enter(Called called, const std::string& what, bool removes);

  Machine machine_;
  const Caller root_{};
  std::map<std::string, InodeId> known_{{"", kRootInode}};
  std::map<InodeId, uint64_t> lookups_;
  Fault fault_;
  bool armed_ = false;
  std::optional<BackingCall> vanish_after_;
  bool vanished_ = false;
  uint64_t calls_ = 0;
  std::vector<bool> of_engine_;
  std::string failed_;
  bool removal_failed_ = false;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_TESTS_FAULTS_STAGE_H_
