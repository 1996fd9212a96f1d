#include "fuse/vfs/ledger.h"

#include <algorithm>
#include <cerrno>
#include <limits>

#include "store/volume/loop_guard.h"

namespace hardlinkfs {
namespace {

uint32_t DeepestOf(const std::vector<QuotaRule>& quotas) {
  uint32_t deepest = 0;
  for (const QuotaRule& quota : quotas) {
    for (const Glob& glob : quota.paths) {
      const std::vector<std::string> components = ComponentsOf(glob.pattern());
      const bool any_depth = std::find(components.begin(), components.end(), "**") != components.end();
      deepest = std::max(deepest, any_depth ? std::numeric_limits<uint32_t>::max() : static_cast<uint32_t>(components.size()));
    }
  }
  return deepest;
}

// Of what one operation adds and takes away for the same account only the sum counts.
void Merge(Usage& into, const Usage& usage, bool subtract) {
  if (subtract) {
    into -= usage;
  } else {
    into += usage;
  }
}

Usage PositivePart(const Usage& usage) {
  return {
      .inodes = std::max<Amount>(usage.inodes, 0), .names = std::max<Amount>(usage.names, 0), .bytes = std::max<Amount>(usage.bytes, 0)};
}

Usage Smaller(const Usage& a, const Usage& b) {
  return {.inodes = std::min(a.inodes, b.inodes), .names = std::min(a.names, b.names), .bytes = std::min(a.bytes, b.bytes)};
}

}  // namespace

Ledger::Reservation::~Reservation() {
  if (ledger_ != nullptr) ledger_->EndReservation();
}

void Ledger::Growth::End() {
  if (const std::shared_ptr<Ledger> ledger = std::exchange(ledger_, nullptr); ledger != nullptr) ledger->EndGrowth(inode_);
}

Ledger::Ledger(const Policy& policy, Volume& volume)
    : quotas_(policy.quotas),
      charge_(policy.quota_charge),
      volume_(volume),
      goes_by_paths_(policy.HasQuotasOfPaths()),
      deepest_(DeepestOf(policy.quotas)) {}

InodeId Ledger::DomainInside(InodeId directory) {
  std::vector<InodeId> unknown;
  Position at;
  LoopGuard guard(directory);
  for (InodeId above = directory; above != kRootInode && above != InodeId{};) {
    {
      MutexLock lock(mutex_);
      const auto known = positions_.find(above);
      if (known != positions_.end()) {
        at = known->second;
        break;
      }
    }
    unknown.push_back(above);
    const Result<InodeRef> parent = volume_.Parent(above);
    // What is damaged counts as outside, and as long as this lives.
    if (!parent.ok()) break;
    above = parent->inode();
    if (guard.Repeats(above)) break;
  }
  for (size_t i = unknown.size(); i > 0; --i) Resolve(unknown[i - 1], at);
  return at.domain;
}

// `at` is the position of the directory above, and becomes that of `directory`.
InodeId Ledger::Resolve(InodeId directory, Position& at) {
  ++at.depth;
  const QuotaRule* rule = nullptr;
  if (at.depth <= deepest_) {
    const Result<std::string> path = volume_.PathOf(directory);
    if (path.ok()) rule = QuotaOfDirectory(quotas_, *path);
  }
  MutexLock lock(mutex_);
  if (rule != nullptr) {
    at.domain = directory;
    domains_.emplace(directory, rule);
  }
  // Somebody else may have been faster.
  at = positions_.emplace(directory, at).first->second;
  return at.domain;
}

InodeId Ledger::DomainOf(InodeId inode, const Footprint& footprint) {
  if (!goes_by_paths_) return {};
  if (footprint.names > 0) return DomainInside(footprint.directory);
  MutexLock lock(mutex_);
  const auto found = unnamed_.find(inode);
  return found == unnamed_.end() ? InodeId{} : found->second;
}

uint64_t Ledger::CountedSize(InodeId inode, uint64_t bytes) const {
  const auto grant = grants_.find(inode);
  return grant == grants_.end() ? bytes : std::max(bytes, grant->second.size);
}

void Ledger::Add(std::vector<Entry>& entries, const Footprint& footprint, InodeId domain, uint64_t size, bool subtract) const {
  const Usage cost = CostOf(footprint.names, size, charge_);
  const auto add = [&](const AccountKey& key, const QuotaRule* rule) {
    if (rule == nullptr) return;
    const auto found = std::find_if(entries.begin(), entries.end(), [&key](const Entry& entry) { return entry.key == key; });
    Entry& entry = found == entries.end() ? entries.emplace_back(Entry{key, rule, {}}) : *found;
    Merge(entry.usage, cost, subtract);
  };
  add({QuotaSubject::kUid, footprint.uid}, QuotaOfUid(quotas_, footprint.uid));
  add({QuotaSubject::kGid, footprint.gid}, QuotaOfGid(quotas_, footprint.gid));
  if (domain == InodeId{}) return;
  const auto found = domains_.find(domain);
  add({QuotaSubject::kPath, Raw(domain)}, found == domains_.end() ? nullptr : found->second);
}

Decision Ledger::MayAdd(const std::vector<Entry>& entries) const {
  for (const Entry& entry : entries) {
    const auto found = accounts_.find(entry.key);
    if (Decision refusal = MayHave(*entry.rule, found == accounts_.end() ? Usage{} : found->second.used, entry.usage)) return refusal;
  }
  return std::nullopt;
}

void Ledger::Apply(const Entry& entry) {
  if (entry.usage == Usage{}) return;
  const auto account = accounts_.try_emplace(entry.key, Account{entry.rule, {}}).first;
  account->second.used += entry.usage;
  if (account->second.used != Usage{}) return;
  accounts_.erase(account);
  // Of a directory that is gone.
  const InodeId directory{entry.key.id};
  if (entry.key.kind == QuotaSubject::kPath && !positions_.contains(directory)) domains_.erase(directory);
}

void Ledger::Changed(InodeId inode, const std::optional<Footprint>& before, const std::optional<Footprint>& after) {
  const InodeId domain_before = before.has_value() ? DomainOf(inode, *before) : InodeId{};
  const InodeId domain_named = after.has_value() && after->names > 0 ? DomainOf(inode, *after) : InodeId{};
  MutexLock lock(mutex_);
  const auto held = held_.find(std::this_thread::get_id());
  InodeId domain_after = domain_named;
  if (after.has_value() && after->names == 0) {
    domain_after = domain_before;
    if (!before.has_value() && held != held_.end()) domain_after = held->second.domain;
    unnamed_[inode] = domain_after;
  } else {
    unnamed_.erase(inode);
  }
  std::vector<Entry> entries;
  if (before.has_value()) Add(entries, *before, domain_before, CountedSize(inode, before->bytes), true);
  if (after.has_value()) Add(entries, *after, domain_after, CountedSize(inode, after->bytes), false);
  for (Entry& entry : entries) {
    // What was reserved for it has been counted.
    if (held != held_.end()) {
      for (Entry& reserved : held->second.entries) {
        if (reserved.key != entry.key) continue;
        const Usage used = Smaller(reserved.usage, PositivePart(entry.usage));
        reserved.usage -= used;
        entry.usage -= used;
      }
    }
    Apply(entry);
  }
  if (after.has_value()) return;
  grants_.erase(inode);
  positions_.erase(inode);
  if (!accounts_.contains({QuotaSubject::kPath, Raw(inode)})) domains_.erase(inode);
}

std::variant<Ledger::Reservation, Refusal> Ledger::Reserve(InodeId inode, const std::optional<Footprint>& before, const Footprint& after,
                                                           Limits limits) {
  const bool is_new = !before.has_value();
  const InodeId domain_before = is_new ? InodeId{} : DomainOf(inode, *before);
  InodeId domain_after = domain_before;
  if (goes_by_paths_ && (is_new || after.names > 0)) domain_after = DomainInside(after.directory);
  MutexLock lock(mutex_);
  std::vector<Entry> entries;
  if (!is_new) Add(entries, *before, domain_before, CountedSize(inode, before->bytes), true);
  Add(entries, after, domain_after, is_new ? after.bytes : CountedSize(inode, after.bytes), false);
  if (limits == Limits::kKept) {
    if (const Decision refusal = MayAdd(entries)) return *refusal;
  }
  for (Entry& entry : entries) {
    entry.usage = PositivePart(entry.usage);
    Apply(entry);
  }
  held_[std::this_thread::get_id()] = {std::move(entries), domain_after};
  return Reservation(shared_from_this());
}

void Ledger::EndReservation() {
  MutexLock lock(mutex_);
  const auto held = held_.find(std::this_thread::get_id());
  if (held == held_.end()) return;
  for (const Entry& entry : held->second.entries) {
    Entry back = entry;
    back.usage = {};
    back.usage -= entry.usage;
    Apply(back);
  }
  held_.erase(held);
}

std::optional<Ledger::Growth> Ledger::GrowWithinGrant(InodeId inode, const WantedSize& wanted) {
  MutexLock lock(mutex_);
  const auto grant = grants_.find(inode);
  if (grant == grants_.end() || wanted(grant->second.size) > grant->second.size) return std::nullopt;
  ++grant->second.writers;
  ++grant->second.changes;
  return Growth(shared_from_this(), inode);
}

std::variant<Ledger::Growth, Refusal> Ledger::Grow(InodeId inode, const Footprint& now, const WantedSize& wanted, Limits limits) {
  if (!LimitsBytes(inode, now)) return Growth();
  const InodeId domain = DomainOf(inode, now);
  MutexLock lock(mutex_);
  const uint64_t size = CountedSize(inode, now.bytes);
  const uint64_t larger = std::max(size, wanted(size));
  std::vector<Entry> entries;
  Add(entries, now, domain, size, true);
  Add(entries, now, domain, larger, false);
  if (limits == Limits::kKept) {
    if (const Decision refusal = MayAdd(entries)) return *refusal;
  }
  for (const Entry& entry : entries) Apply(entry);
  Grant& grant = grants_[inode];
  grant.size = larger;
  ++grant.writers;
  ++grant.changes;
  return Growth(shared_from_this(), inode);
}

void Ledger::EndGrowth(InodeId inode) {
  MutexLock lock(mutex_);
  const auto grant = grants_.find(inode);
  if (grant == grants_.end()) return;  // the inode is gone
  --grant->second.writers;
  ++grant->second.changes;
}

uint64_t Ledger::BeginRefresh(InodeId inode) const {
  MutexLock lock(mutex_);
  const auto grant = grants_.find(inode);
  return grant == grants_.end() ? 0 : grant->second.changes;
}

void Ledger::EndRefresh(InodeId inode, uint64_t begun, const Footprint& now) {
  const InodeId domain = DomainOf(inode, now);
  MutexLock lock(mutex_);
  const auto grant = grants_.find(inode);
  if (grant == grants_.end() || grant->second.writers > 0 || grant->second.changes != begun) return;
  std::vector<Entry> entries;
  Add(entries, now, domain, CountedSize(inode, now.bytes), true);
  Add(entries, now, domain, now.bytes, false);
  for (const Entry& entry : entries) Apply(entry);
  grants_.erase(grant);
}

bool Ledger::LimitsBytes(InodeId inode, const Footprint& footprint) {
  const InodeId domain = DomainOf(inode, footprint);
  MutexLock lock(mutex_);
  std::vector<Entry> entries;
  Add(entries, footprint, domain, 0, false);
  return std::any_of(entries.begin(), entries.end(), [](const Entry& entry) { return entry.rule->bytes.has_value(); });
}

uint64_t Ledger::SizeOf(InodeId inode, const Footprint& footprint) const {
  MutexLock lock(mutex_);
  return CountedSize(inode, footprint.bytes);
}

Decision Ledger::MayName(InodeId inode, InodeId directory) {
  if (!goes_by_paths_) return std::nullopt;
  const InodeId there = DomainInside(directory);
  MutexLock lock(mutex_);
  const auto here = unnamed_.find(inode);
  if (here == unnamed_.end() || here->second == there) return std::nullopt;
  const auto rule = domains_.find(there != InodeId{} ? there : here->second);
  const char* const name = rule == domains_.end() ? "quota" : rule->second->name.c_str();
  return Refusal{EXDEV, name, "it was made where another quota holds"};
}

bool Ledger::HasUnnamed() const {
  MutexLock lock(mutex_);
  return !unnamed_.empty();
}

std::vector<AccountState> Ledger::Accounts(const AccountKey& first, size_t limit) const {
  std::vector<AccountState> states;
  {
    MutexLock lock(mutex_);
    for (auto account = accounts_.lower_bound(first); account != accounts_.end() && states.size() < limit; ++account) {
      states.push_back({.key = account->first, .path = {}, .rule = *account->second.rule, .used = account->second.used});
    }
  }
  for (AccountState& state : states) {
    if (state.key.kind != QuotaSubject::kPath) continue;
    if (Result<std::string> path = volume_.PathOf(InodeId{state.key.id}); path.ok()) state.path = *std::move(path);
  }
  return states;
}

}  // namespace hardlinkfs
