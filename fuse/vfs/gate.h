// Gate: where operations are judged by the policy that is in force, and what was decided is told. The policy can be exchanged at any time;
// each decision is by one of them as a whole.
#ifndef HARDLINKFS_FUSE_VFS_GATE_H_
#define HARDLINKFS_FUSE_VFS_GATE_H_

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "policy/decide.h"
#include "policy/policy.h"
#include "store/base/clock.h"
#include "store/base/mutex.h"
#include "store/base/result.h"
#include "store/base/timestamp.h"

namespace hardlinkfs {

// One decision, with all that it takes to understand it later.
struct Decided {
  uint64_t number = 0;  // of refusals, from 1
  Timestamp when;
  Operation operation = Operation::kCreate;
  uint32_t uid = 0;
  uint32_t gid = 0;
  pid_t pid = 0;
  std::vector<std::string> names;  // some of them; long ones are cut at the beginning
  bool by_name = false;            // the caller has used that name
  std::string new_name;            // empty: none
  int code = 0;                    // errno; 0: it was allowed
  std::string rule;                // empty: none
  std::string reason;
  bool dry_run = false;  // it was allowed all the same
};

class AuditSink {
 public:
  virtual ~AuditSink() = default;
  // Must not block, nor ask the mount for anything. Thread safety: any thread, under any lock.
  virtual void Note(const Decided& decided) = 0;
};

// What a policy comes to be in force with. Several operations use it at once, and may do so while the next one is loaded.
struct LoadedPolicy {
  Policy policy;
  std::string source;                // the file; empty: none
  std::shared_ptr<AuditSink> audit;  // null: none
};

// Thread safety: any thread.
class Gate {
 public:
  // Borrows the clock.
  Gate(const Clock& clock, std::shared_ptr<const LoadedPolicy> loaded);
  ~Gate();

  // From now on; returns when nobody goes by the one before any longer. Faults begin to count anew. REQUIRES: no inode lock held; one
  // thread at a time.
  void Load(std::shared_ptr<const LoadedPolicy> loaded);
  std::shared_ptr<const LoadedPolicy> loaded() const;

  // RETURNS: whether the policy could say anything to it. Cheap: an operation that nothing is said of pays no more than this.
  bool Watches(Operation operation) const { return watched_.load(std::memory_order_relaxed).Has(operation); }
  // RETURNS: whether the policy goes by names. Cheap.
  bool goes_by_paths() const { return goes_by_paths_.load(std::memory_order_relaxed); }
  bool goes_by_size() const { return goes_by_size_.load(std::memory_order_relaxed); }
  // RETURNS: the refusal by the rules. REQUIRES: it is not one that can only be made to fail.
  Status Judge(const Facts& facts);
  // RETURNS: whether a fault could strike it. Cheap.
  bool MayFail(Operation operation) const { return failing_.load(std::memory_order_relaxed).Has(operation); }
  // RETURNS: the error of a fault that strikes. Its delay passes here, unless they are ended. REQUIRES: no lock held.
  Status Strike(const Facts& facts);
  // From now on nobody is delayed.
  void EndDelays();
  // Notes what flags have refused.
  void NoteRefusal(const Facts& facts, const Refusal& refusal);

  // RETURNS: the refusal of something else of the policy (quotas), noted; none with dry_run.
  Status Refuse(const Facts& facts, const Refusal& refusal);

  // RETURNS: the last refusals, oldest first, after the one of that number.
  std::vector<Decided> Refusals(uint64_t after) const;

 private:
  struct InForce;
  std::shared_ptr<InForce> in_force() const { return in_force_.load(); }
  void Delay(std::chrono::milliseconds delay);
  // Notes what the policy says. RETURNS: what is made of that: none with dry_run.
  Status Conclude(const LoadedPolicy& loaded, KnownPaths& paths, const Judgement& judgement);
  void Note(const LoadedPolicy& loaded, KnownPaths& paths, const Judgement& judgement, bool dry_run);

  const Clock& clock_;
  std::atomic<std::shared_ptr<InForce>> in_force_;
  std::atomic<OperationSet> watched_;
  std::atomic<OperationSet> failing_;
  std::atomic<bool> goes_by_paths_;
  std::atomic<bool> goes_by_size_;
  Mutex delays_;
  ConditionVariable delays_end_;
  bool delays_are_over_ GUARDED_BY(delays_) = false;
  mutable Mutex mutex_;
  uint64_t last_ GUARDED_BY(mutex_) = 0;
  std::deque<Decided> refusals_ GUARDED_BY(mutex_);
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_VFS_GATE_H_
