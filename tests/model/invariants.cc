// What a scrub finds, and besides what it takes for no damage, or cannot know: that the backing holds what the catalog says and nothing
// else, that inodes are counted, and that after a clean end everything lies under its name.
#include "tests/model/invariants.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "store/backing/name_codec.h"
#include "store/catalog/keys.h"

namespace hardlinkfs {
namespace {

std::string Show(InodeId inode) { return "#" + std::to_string(Raw(inode)); }
std::string Show(const Place& place) { return Show(place.directory) + "/" + place.name.bytes(); }

class Judge {
 public:
  explicit Judge(Machine& machine) : machine_(machine), codec_(machine.capabilities()) {}

  std::vector<std::string> Run(Moment moment) {
    ScrubLog log;
    const Result<ScrubSummary> summary = machine_.Scrub(log);
    if (!summary.ok()) return {summary.error().what};
    for (const Finding& finding : log.findings) {
      const bool is_orphan = finding.pass == 4 && finding.weight == Finding::Weight::kNote;
      if (!is_orphan) Wrong(finding.problem);
    }
    if (machine_.volume().inode_count() != summary->inodes) {
      Wrong("inode_count is " + std::to_string(machine_.volume().inode_count()) + " of " + std::to_string(summary->inodes));
    }
    if (moment == Moment::kStopped) Stopped(*summary);
    if (const auto& policy = machine_.vfs().gate().loaded()->policy; !policy.quotas.empty() && !policy.HasQuotasOfPaths()) {
      if (Accounts(machine_) != RecountedAccounts(machine_)) Wrong("the ledger is wrong");
    }
    return wrong_;
  }

 private:
  void Wrong(const std::string& what) { wrong_.push_back(what); }

  void Stopped(const ScrubSummary& summary) {
    if (summary.orphans > 0) Wrong("orphans are left: " + std::to_string(summary.orphans));
    if (summary.detached > 0) Wrong("detached homes are left: " + std::to_string(summary.detached));
    const Catalog& catalog = machine_.volume().catalog();
    for (const auto cursor = machine_.engine().Scan(keys::kInodes, ""); cursor->Valid(); cursor->Next()) {
      const InodeId inode = keys::InodeOf(cursor->key());
      const auto record = DecodeInodeRecord(cursor->key(), cursor->value());
      if (!record.ok() || !record->home.has_value()) continue;
      const Place& home = *record->home;
      if (home.directory == kHomesDirectory) Wrong(Show(inode) + " is left in homes");
      const auto names = catalog.NamesOf(inode, 100'000);
      if (!names.ok()) return Wrong("names of " + Show(inode) + " cannot be read");
      const auto lies_there = [&](bool natural_only) {
        return std::ranges::any_of(*names, [&](const NameRow& row) {
          const Result<Name> name = Name::From(row.record.name);
          if (!name.ok() || row.directory != home.directory) return false;
          return row.record.name == home.name.bytes() || codec_.Natural(*name) == home.name ||
                 (!natural_only && codec_.Spells(home.name, *name));
        });
      };
      if (!lies_there(false)) Wrong(Show(inode) + " lies at " + Show(home) + ", which is none of its names");
      const bool may_clash = !machine_.capabilities().case_sensitive;
      if (!may_clash && !lies_there(true)) Wrong(Show(inode) + " has an alternate spelling without need: " + Show(home));
    }
  }

  Machine& machine_;
  const NameCodec codec_;
  std::vector<std::string> wrong_;
};

}  // namespace

namespace {

std::vector<std::string> Lines(const std::vector<AccountState>& accounts) {
  std::vector<std::string> lines;
  for (const AccountState& account : accounts) {
    const auto show = [](Amount amount) { return " " + std::to_string(static_cast<int64_t>(amount)); };
    lines.push_back(account.rule.name + " " + std::to_string(account.key.id) + " " + account.path + ":" + show(account.used.inodes) +
                    show(account.used.names) + show(account.used.bytes));
  }
  return lines;
}

}  // namespace

std::vector<std::string> Accounts(Machine& machine) { return Lines(machine.vfs().Accounts({}, SIZE_MAX)); }

std::vector<std::string> RecountedAccounts(Machine& machine) {
  CatalogVolume& volume = machine.volume();
  const auto ledger = std::make_shared<Ledger>(machine.vfs().gate().loaded()->policy, volume);
  for (const auto cursor = machine.engine().Scan(keys::kInodes, ""); cursor->Valid(); cursor->Next()) {
    const InodeId inode = keys::InodeOf(cursor->key());
    const Result<Footprint> footprint = volume.FootprintOf(inode, ledger->directories());
    if (footprint.ok()) ledger->Changed(inode, std::nullopt, *footprint);
  }
  return Lines(ledger->Accounts({}, SIZE_MAX));
}

std::vector<std::string> BrokenInvariants(Machine& machine, Moment moment) { return Judge(machine).Run(moment); }

}  // namespace hardlinkfs
