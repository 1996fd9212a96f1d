// Ledger: who has how much of a volume, for the quotas of one policy. It hears of each change of the volume, and is asked before something
// is to grow: what is promised then is counted at once, so that two cannot get the last unit. Nothing of it is kept on the disk.
//
// What a user, a group or a directory has is the sum of what its inodes count for (CostOf), each with the size of its record, or a larger
// one that a write under way was allowed (a grant); and of what is reserved for operations under way.
//
// Which directory with a quota an inode is in is found out once for each directory. It cannot change by an operation (MayLeaveQuota); what
// reconciling moves to lost+found, or dry_run has let through, is counted where it was until it is counted anew.
#ifndef HARDLINKFS_FUSE_VFS_LEDGER_H_
#define HARDLINKFS_FUSE_VFS_LEDGER_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "policy/policy.h"
#include "policy/quota.h"
#include "store/base/inode_id.h"
#include "store/base/mutex.h"
#include "store/volume/usage_observer.h"
#include "store/volume/volume.h"

namespace hardlinkfs {

// One user, group or directory.
struct AccountKey {
  QuotaSubject kind = QuotaSubject::kUid;
  uint64_t id = 0;  // of a directory its inode
  auto operator<=>(const AccountKey&) const = default;
};

// What it has, and may have.
struct AccountState {
  AccountKey key;
  std::string path;  // of a directory; empty when it was removed
  QuotaRule rule;
  Usage used;
};

// Thread safety: any thread.
class Ledger final : public UsageObserver, public std::enable_shared_from_this<Ledger> {
 public:
  // Exempt: whoever the quotas are not for.
  enum class Limits { kKept, kExempt };

  // Room for one operation of this thread. What the volume is told to change before it ends is taken out of it; the rest is given back at
  // its end. One at a time a thread.
  class Reservation {
   public:
    Reservation() = default;  // of nothing
    Reservation(Reservation&&) noexcept = default;
    Reservation& operator=(Reservation&&) = delete;
    ~Reservation();

   private:
    friend class Ledger;
    explicit Reservation(std::shared_ptr<Ledger> ledger) : ledger_(std::move(ledger)) {}
    std::shared_ptr<Ledger> ledger_;
  };

  // A size that a content may grow to until this ends. Afterwards it counts as that large until it was looked at (EndRefresh).
  class Growth {
   public:
    Growth() = default;  // of nothing that is counted
    Growth(Growth&&) noexcept = default;
    Growth& operator=(Growth&&) = delete;
    ~Growth() { End(); }
    void End();
    // RETURNS: whether it is counted, and has not ended.
    bool counts() const { return ledger_ != nullptr; }

   private:
    friend class Ledger;
    Growth(std::shared_ptr<Ledger> ledger, InodeId inode) : ledger_(std::move(ledger)), inode_(inode) {}
    std::shared_ptr<Ledger> ledger_;
    InodeId inode_{};
  };

  // Borrows the volume, which is to be told to count for it (Volume::CountFor).
  Ledger(const Policy& policy, Volume& volume);

  Directories directories() const override { return goes_by_paths_ ? Directories::kNeeded : Directories::kIgnored; }
  void Changed(InodeId inode, const std::optional<Footprint>& before, const std::optional<Footprint>& after) override;

  // For an operation that makes `after` of `before` (nullopt: of nothing; then of what has no name `after.directory` is where it is made).
  // RETURNS: EDQUOT, with texts that live as long as this. REQUIRES: exclusive(inode), unless it is new.
  std::variant<Reservation, Refusal> Reserve(InodeId inode, const std::optional<Footprint>& before, const Footprint& after, Limits limits);
  // For a content that is to become as large as `wanted` says, of the size that it counts as. REQUIRES: shared(inode) or more since `now`
  // was read.
  using WantedSize = std::function<uint64_t(uint64_t size)>;
  std::variant<Growth, Refusal> Grow(InodeId inode, const Footprint& now, const WantedSize& wanted, Limits limits);
  // The same where that was allowed before; no lock is needed. RETURNS: nullopt: it was not.
  std::optional<Growth> GrowWithinGrant(InodeId inode, const WantedSize& wanted);

  // Around a look at how large a content is, that the record is brought up to: what was granted and not written is given back. Not while
  // anybody is writing. REQUIRES: exclusive(inode).
  uint64_t BeginRefresh(InodeId inode) const;
  void EndRefresh(InodeId inode, uint64_t begun, const Footprint& now);

  // RETURNS: whether a quota of bytes is about it. REQUIRES: shared(inode) or more.
  bool LimitsBytes(InodeId inode, const Footprint& footprint);
  // RETURNS: the size that it counts as. REQUIRES: shared(inode) or more.
  uint64_t SizeOf(InodeId inode, const Footprint& footprint) const;
  // RETURNS: EXDEV when a file that was made without a name in one directory with a quota, or outside, would get one in another.
  Decision MayName(InodeId inode, InodeId directory);
  // RETURNS: whether anything counts that has no name any longer: to be given back soon, perhaps.
  bool HasUnnamed() const;

  // RETURNS: up to `limit` of those that have anything, from `first` on.
  std::vector<AccountState> Accounts(const AccountKey& first, size_t limit) const;

 private:
  struct Account {
    const QuotaRule* rule = nullptr;
    Usage used;
  };
  // What comes to, or goes from, one account.
  struct Entry {
    AccountKey key;
    const QuotaRule* rule = nullptr;
    Usage usage;
  };
  // Where a directory lies.
  struct Position {
    InodeId domain{};    // the innermost directory with a quota that its entries are in; unset: none
    uint32_t depth = 0;  // of the root 0
  };
  struct Grant {
    uint64_t size = 0;
    uint32_t writers = 0;
    uint64_t changes = 0;  // of it, and of its writers
  };
  struct Held {
    std::vector<Entry> entries;
    InodeId domain{};  // of what is made without a name
  };

  InodeId DomainInside(InodeId directory);
  InodeId DomainOf(InodeId inode, const Footprint& footprint);
  InodeId Resolve(InodeId directory, Position& at);
  uint64_t CountedSize(InodeId inode, uint64_t bytes) const REQUIRES(mutex_);
  void Add(std::vector<Entry>& entries, const Footprint& footprint, InodeId domain, uint64_t size, bool subtract) const REQUIRES(mutex_);
  Decision MayAdd(const std::vector<Entry>& entries) const REQUIRES(mutex_);
  void Apply(const Entry& entry) REQUIRES(mutex_);
  void EndReservation();
  void EndGrowth(InodeId inode);

  const std::vector<QuotaRule> quotas_;
  const QuotaCharge charge_;
  Volume& volume_;
  const bool goes_by_paths_;
  const uint32_t deepest_;  // directory that a quota may be about

  mutable Mutex mutex_;  // leaf
  std::map<AccountKey, Account> accounts_ GUARDED_BY(mutex_);
  std::unordered_map<std::thread::id, Held> held_ GUARDED_BY(mutex_);
  std::unordered_map<InodeId, Grant> grants_ GUARDED_BY(mutex_);
  std::unordered_map<InodeId, InodeId> unnamed_ GUARDED_BY(mutex_);  // inodes without names, and the domains that they count in
  std::unordered_map<InodeId, Position> positions_ GUARDED_BY(mutex_);
  std::unordered_map<InodeId, const QuotaRule*> domains_ GUARDED_BY(mutex_);
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_FUSE_VFS_LEDGER_H_
