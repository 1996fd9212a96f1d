// Quotas: asking the ledger for room before something grows, and telling it what has become of it.
#include <linux/capability.h>

#include <cerrno>
#include <chrono>
#include <limits>
#include <thread>
#include <utility>

#include "fuse/vfs/vfs.h"

namespace hardlinkfs {
namespace {

// What was unlinked counts until its content is gone, and the kernel says a moment later that nobody uses it any longer. Whoever has
// removed something, and at once makes something else, is not refused for that.
constexpr std::chrono::milliseconds kForgetOnItsWay{20};

constexpr uint32_t kSetGroupId = 02000;

}  // namespace

Status Vfs::LoadPolicy(std::shared_ptr<const LoadedPolicy> policy) {
  MutexLock loading(loading_);
  std::shared_ptr<Ledger> ledger;
  if (!policy->policy.quotas.empty()) {
    // What is written to open files the records do not tell before somebody asks.
    for (const InodeId inode : table_.OpenInodes()) {
      const auto held = volume_.locks().Exclusive(inode);
      if (const std::shared_ptr<OpenContent> open = table_.FindOpen(inode); open != nullptr) static_cast<void>(Refresh(inode, *open));
    }
    ledger = std::make_shared<Ledger>(policy->policy, volume_);
  }
  if (Status counting = volume_.CountFor(ledger); !counting.ok()) return counting;
  has_ledger_.store(ledger != nullptr);
  ledger_.store(std::move(ledger));
  gate_.Load(std::move(policy));
  return {};
}

std::vector<AccountState> Vfs::Accounts(const AccountKey& first, size_t limit) const {
  const std::shared_ptr<Ledger> ledger = this->ledger();
  return ledger == nullptr ? std::vector<AccountState>() : ledger->Accounts(first, limit);
}

void Vfs::AwaitReclaim() {
  const std::shared_ptr<Ledger> ledger = this->ledger();
  const auto until = std::chrono::steady_clock::now() + kForgetOnItsWay;
  while (ledger != nullptr && ledger->HasUnnamed()) {
    const Result<size_t> reclaimed = volume_.ReclaimSome(kReclaimForSpace);
    if (!reclaimed.ok() || *reclaimed > 0 || std::chrono::steady_clock::now() >= until) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Status Vfs::Refuse(const Asked& asked, const Refusal& refusal) {
  const Result<Attributes> inode = AttributesOf(asked);
  return inode.ok() ? gate_.Refuse(FactsOf(asked, *inode), refusal) : ToStatus(refusal);
}

// `ask` asks the ledger, with limits or without. As for the kernel's own quotas, CAP_SYS_RESOURCE is exempt (dquot_add_space); it costs
// something to find out, so only who is refused is looked at.
template <typename Room, typename Ask>
Result<Room> Vfs::AskFor(const Asked& asked, Attempt attempt, const Ask& ask) {
  std::variant<Room, Refusal> asked_for = ask(Ledger::Limits::kKept);
  const auto* const refusal = std::get_if<Refusal>(&asked_for);
  if (refusal == nullptr) return std::get<Room>(std::move(asked_for));
  if (!asked.caller.Holds(CAP_SYS_RESOURCE)) {
    if (attempt == Attempt::kFirst) return Error{refusal->code, kOverQuotaAtFirst};
    if (Status refused = Refuse(asked, *refusal); !refused.ok()) return refused.error();
  }
  std::variant<Room, Refusal> exempt = ask(Ledger::Limits::kExempt);
  return std::get<Room>(std::move(exempt));
}

Result<Ledger::Reservation> Vfs::ReserveNew(const Asked& asked, InodeId directory, uint64_t bytes, Attempt attempt) {
  const std::shared_ptr<Ledger> ledger = this->ledger();
  if (ledger == nullptr) return Ledger::Reservation();
  const Result<Attributes> parent = volume_.Stat(directory);
  if (!parent.ok()) return parent.error();
  const Footprint made{.uid = asked.caller.uid,
                       .gid = (parent->mode & kSetGroupId) != 0 ? parent->gid : asked.caller.gid,
                       .names = asked.to.has_value() ? 1U : 0U,
                       .bytes = bytes,
                       .directory = directory};
  return AskFor<Ledger::Reservation>(asked, attempt,
                                     [&](Ledger::Limits limits) { return ledger->Reserve({}, std::nullopt, made, limits); });
}

Result<Ledger::Reservation> Vfs::ReserveName(const Asked& asked, Attempt attempt) {
  const std::shared_ptr<Ledger> ledger = this->ledger();
  if (ledger == nullptr) return Ledger::Reservation();
  const Result<Footprint> before = volume_.FootprintOf(asked.inode, ledger->directories());
  if (!before.ok()) return before.error();
  if (const Decision refusal = ledger->MayName(asked.inode, asked.to->directory)) {
    if (Status refused = Refuse(asked, *refusal); !refused.ok()) return refused.error();
  }
  Footprint after = *before;
  if (after.names++ == 0) after.directory = asked.to->directory;
  return ReserveChange(*ledger, asked, *before, after, attempt);
}

Result<Ledger::Reservation> Vfs::ReserveOwner(const Asked& asked, const AttributeChange& change, Attempt attempt) {
  const std::shared_ptr<Ledger> ledger = this->ledger();
  if (ledger == nullptr || (!change.uid.has_value() && !change.gid.has_value())) return Ledger::Reservation();
  const Result<Footprint> before = volume_.FootprintOf(asked.inode, ledger->directories());
  if (!before.ok()) return before.error();
  Footprint after = *before;
  after.uid = change.uid.value_or(after.uid);
  after.gid = change.gid.value_or(after.gid);
  return ReserveChange(*ledger, asked, *before, after, attempt);
}

Result<Ledger::Reservation> Vfs::ReserveChange(Ledger& ledger, const Asked& asked, const Footprint& before, const Footprint& after,
                                               Attempt attempt) {
  // A writer that nobody sees would go on past the quota.
  const bool becomes_limited = ledger.LimitsBytes(asked.inode, after) && !ledger.LimitsBytes(asked.inode, before);
  if (becomes_limited && !asked.caller.Holds(CAP_SYS_RESOURCE)) {
    if (Status seen = CheckNoUnseenWriters(asked.inode); !seen.ok()) return seen.error();
  }
  return AskFor<Ledger::Reservation>(asked, attempt,
                                     [&](Ledger::Limits limits) { return ledger.Reserve(asked.inode, before, after, limits); });
}

Status Vfs::CheckNoUnseenWriters(InodeId inode) {
  const std::shared_ptr<OpenContent> open = table_.FindOpen(inode);
  if (open != nullptr && open->unseen_writers() > 0) return Error{EBUSY, "it is open for writing by passthrough"};
  return table_.MayBeMapped(inode) ? CheckNoWriters(inode, open.get()) : Status();
}

bool Vfs::LimitsBytes(InodeId inode) {
  const std::shared_ptr<Ledger> ledger = this->ledger();
  if (ledger == nullptr) return false;
  const Result<Footprint> footprint = volume_.FootprintOf(inode, ledger->directories());
  return footprint.ok() && ledger->LimitsBytes(inode, *footprint);
}

Result<Ledger::Growth> Vfs::GrowLocked(const Asked& asked, const Ledger::WantedSize& wanted, Attempt attempt) {
  const std::shared_ptr<Ledger> ledger = this->ledger();
  if (ledger == nullptr) return Ledger::Growth();
  const Result<Footprint> now = volume_.FootprintOf(asked.inode, ledger->directories());
  if (!now.ok()) return now.error();
  return AskFor<Ledger::Growth>(asked, attempt, [&](Ledger::Limits limits) { return ledger->Grow(asked.inode, *now, wanted, limits); });
}

Result<Ledger::Growth> Vfs::Grow(const Asked& asked, const Ledger::WantedSize& wanted) {
  const std::shared_ptr<Ledger> ledger = this->ledger();
  if (ledger == nullptr) return Ledger::Growth();
  if (std::optional<Ledger::Growth> granted = ledger->GrowWithinGrant(asked.inode, wanted)) return *std::move(granted);
  return WithQuota([&](Attempt attempt) {
    const auto held = volume_.locks().Shared(asked.inode);
    return GrowLocked(asked, wanted, attempt);
  });
}

void Vfs::EndGrowth(Ledger::Growth& growth, InodeId inode, OpenContent& open, bool whole) {
  const bool counts = growth.counts();
  growth.End();
  if (!counts || whole) return;
  const auto held = volume_.locks().Exclusive(inode);
  // What cannot be found out now is as soon as it is closed.
  static_cast<void>(RefreshCounted(inode, *open.file, {}));
}

Result<Attributes> Vfs::RefreshCounted(InodeId inode, BackingFile& content, const ContentUse& use) {
  const std::shared_ptr<Ledger> ledger = this->ledger();
  if (ledger == nullptr) return volume_.RefreshContent(inode, content, use);
  const uint64_t begun = ledger->BeginRefresh(inode);
  Result<Attributes> fresh = volume_.RefreshContent(inode, content, use);
  if (!fresh.ok()) return fresh;
  if (const Result<Footprint> now = volume_.FootprintOf(inode, ledger->directories()); now.ok()) ledger->EndRefresh(inode, begun, *now);
  return fresh;
}

Result<Attributes> Vfs::TruncateCounted(const Asked& asked, BackingFile& content, uint64_t size, Attempt attempt) {
  Result<Ledger::Growth> growth = GrowLocked(
      asked, [size](uint64_t /*now*/) { return size; }, attempt);
  if (!growth.ok()) return growth.error();
  Result<Attributes> cut = volume_.Truncate(asked.inode, content, size);
  growth->End();
  const std::shared_ptr<Ledger> ledger = this->ledger();
  if (ledger == nullptr) return cut;
  // The record says by now what has become of it, unless the volume is behind.
  const uint64_t begun = ledger->BeginRefresh(asked.inode);
  const Result<Footprint> now = volume_.FootprintOf(asked.inode, ledger->directories());
  if (now.ok() && !volume_.IsBehind(asked.inode)) ledger->EndRefresh(asked.inode, begun, *now);
  return cut;
}

// What is allocated behind the end of a file shows in no size, and would count for nobody.
Status Vfs::MayAllocateBehind(const Asked& asked, uint64_t end) {
  const std::shared_ptr<Ledger> ledger = this->ledger();
  if (ledger == nullptr) return {};
  const auto held = volume_.locks().Shared(asked.inode);
  const Result<Footprint> now = volume_.FootprintOf(asked.inode, ledger->directories());
  if (!now.ok()) return now.error();
  const bool counts = ledger->LimitsBytes(asked.inode, *now) && end > ledger->SizeOf(asked.inode, *now);
  if (!counts || asked.caller.Holds(CAP_SYS_RESOURCE)) return {};
  return Error{EOPNOTSUPP, "allocation behind the end of a file that a quota is about"};
}

}  // namespace hardlinkfs
