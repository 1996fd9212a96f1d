// Pass 2: names against the inodes that they name, and against the rows that say the same backwards; chains of slots.
#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "store/volume/scrubber.h"

namespace hardlinkfs {
namespace {

constexpr int kCopiesBeside = 1000;
constexpr size_t kLongestCopied = 240;

std::string At(InodeId directory, Slot slot) { return "slot " + std::to_string(Raw(slot)) + " of directory " + Called(directory); }
std::string Called(const NameRow& row) { return "name " + Quoted(row.record.name) + " in directory " + Called(row.directory); }

}  // namespace

Status Scrubber::CheckNames() {
  if (Status begun = Begin(2, 3 * meta_.inode_count); !begun.ok()) return begun;
  if (Status checked = CheckChains(); !checked.ok()) return checked;
  if (Status checked = CheckLinks(); !checked.ok()) return checked;
  if (Status remade = RemakeInodes(); !remade.ok()) return remade;
  return End();
}

// Names that may be equal, and those that stand in each other's way, share a chain: so eight rows at a time are enough.
Status Scrubber::CheckChains() {
  ScrubRows inodes(engine_, keys::kInodes);
  std::vector<ChainRow> chain;
  InodeId directory{};
  const auto base_of = [](Slot slot) { return Raw(slot) / kChainLength; };
  ScrubRows rows(engine_, keys::kNames);
  for (; rows.Valid(); rows.Next()) {
    const Slot slot = keys::SlotOf(rows.key());
    if (!chain.empty() && (rows.inode() != directory || base_of(slot) != base_of(chain.front().slot))) {
      if (Status checked = OrLater(CheckChain(directory, chain)); !checked.ok()) return checked;
      chain.clear();
    }
    if (rows.inode() != directory) {
      directory = rows.inode();
      if (Status checked = OrLater(CheckDirectoryOfNames(directory, inodes)); !checked.ok()) return checked;
    }
    Result<NameRecord> record = DecodeNameRecord(rows.key(), rows.value());
    chain.push_back({slot, record.ok() ? std::optional(*std::move(record)) : std::nullopt});
    if (Status step = Step(); !step.ok()) return step;
  }
  if (!rows.status().ok()) return rows.status();
  if (chain.empty()) return {};
  return OrLater(CheckChain(directory, chain));
}

Status Scrubber::CheckDirectoryOfNames(InodeId directory, ScrubRows& inodes) {
  if (!inodes.SkipTo(directory)) {
    if (!inodes.status().ok()) return inodes.status();
    const bool reserved = directory != kRootInode && directory < kFirstFreeInode;
    if (directory == kRootInode) return {};  // CheckRoot
    if (!Report(Weight::kMajor, "There are names in directory " + Called(directory) + ", which has no record", "Make it anew")) return {};
    if (!reserved) bad_inodes_.insert(directory);
    return {};
  }
  const Result<InodeRecord> record = DecodeInodeRecord(inodes.key(), inodes.value());
  if (!record.ok() || record->type != FileType::kDirectory || record->nlink > 0) return {};
  // Without names it may be removed; these keep it from that.
  const Result<bool> has_names = catalog_.HasNames(directory);
  if (!has_names.ok() || !*has_names) return {};
  if (!Report(Weight::kMajor, "There are names in the removed directory " + Called(directory), "Bring it back")) return {};
  Result<InodeRecord> current = catalog_.ReadInode(directory);
  if (!current.ok() || current->nlink > 0) return {};
  const Result<uint64_t> subdirectories = CountSubdirectories(directory);
  if (!subdirectories.ok()) return subdirectories.error();
  current->nlink = static_cast<uint32_t>(2 + *subdirectories);
  Transaction transaction(catalog_);
  const auto names = catalog_.NamesOf(directory, 1);
  if (!names.ok()) return names.error();
  if (names->empty()) {
    if (Status reconnected = Reconnect(transaction, directory, *current); !reconnected.ok()) return reconnected;
  } else {
    transaction.DeleteOrphan(directory);
    transaction.PutDetached(directory);
    transaction.PutInode(directory, *current);
  }
  return Apply(transaction);
}

Status Scrubber::CheckChain(InodeId directory, const std::vector<ChainRow>& chain) {
  bool damaged = false;
  for (const ChainRow& row : chain) {
    damaged = damaged || !row.record.has_value();
    if (Status checked = CheckChainRow(directory, row); !checked.ok()) return checked;
  }
  if (damaged) return {};  // pass 1
  if (Status checked = CheckTwice(directory, chain); !checked.ok()) return checked;
  return CheckGaps(directory, chain);
}

Status Scrubber::CheckChainRow(InodeId directory, const ChainRow& row) {
  if (!row.record.has_value() || row.record->name.empty()) return {};
  const NameRow name{directory, row.slot, *row.record};
  const InodeId inode = row.record->inode;
  if (inode == kRootInode || inode < kFirstFreeInode) {
    if (!Report(Weight::kMajor, "The " + Called(name) + " is of " + Called(inode) + ", which has no name", "Delete it")) return {};
    Transaction transaction(catalog_);
    if (Status cleared = transaction.ClearRow(directory, row.slot); !cleared.ok()) return cleared;
    transaction.DeleteLink(inode, directory, row.slot);
    return Apply(transaction);
  }
  if (seed_ == Seed::kUnknown || catalog_.MayLieAt(*Name::From(row.record->name), row.slot)) return {};
  // All of them: said once, by pass 1.
  if (seed_ == Seed::kNew) return Reslot(name);
  if (!Report(Weight::kMinor, "The " + Called(name) + " lies at a wrong slot", "Move it")) return {};
  return Reslot(name);
}

Status Scrubber::Reslot(const NameRow& row) {
  Transaction transaction(catalog_);
  if (Status cleared = transaction.ClearRow(row.directory, row.slot); !cleared.ok()) return cleared;
  transaction.DeleteLink(row.record.inode, row.directory, row.slot);
  const Name name = *Name::From(row.record.name);
  const Result<NameRow> other = catalog_.FindName(row.directory, name);
  // The same name of the same inode is one name, not two.
  if (other.ok() && other->record.inode == row.record.inode) return Apply(transaction);
  if (other.ok()) return GiveAnotherName(row);
  if (other.code() != ENOENT && other.code() != EUCLEAN) return other.error();
  const Status added = transaction.AddName(row.directory, name, row.record.inode, row.record.type);
  if (added.code() == EUCLEAN) return {};  // a damaged row in that chain: the next round
  if (!added.ok()) return added;
  return Apply(transaction);
}

// Two contents claim one name: both stay, one of them beside it.
Status Scrubber::GiveAnotherName(const NameRow& row) {
  Transaction transaction(catalog_);
  if (Status cleared = transaction.ClearRow(row.directory, row.slot); !cleared.ok()) return cleared;
  transaction.DeleteLink(row.record.inode, row.directory, row.slot);
  for (int copy = 2; copy < kCopiesBeside; ++copy) {
    const Result<Name> name = Name::From(row.record.name.substr(0, kLongestCopied) + " (" + std::to_string(copy) + ")");
    if (!name.ok()) return name.error();
    const Status added = transaction.AddName(row.directory, *name, row.record.inode, row.record.type);
    if (added.code() == EEXIST || added.code() == ENOSPC || added.code() == EUCLEAN) continue;
    if (!added.ok()) return added;
    if (Result<InodeRecord> record = catalog_.ReadInode(row.record.inode); record.ok() && record->nlink > 0) {
      transaction.PutDetached(row.record.inode);  // the settler looks whether that is so
    }
    return Apply(transaction);
  }
  return Error{EEXIST, "no free name beside one that is there twice"};
}

Status Scrubber::CheckTwice(InodeId directory, const std::vector<ChainRow>& chain) {
  for (size_t later = 1; later < chain.size(); ++later) {
    const NameRecord& row = *chain[later].record;
    if (row.name.empty()) continue;
    const auto earlier = std::find_if(chain.begin(), chain.begin() + static_cast<ptrdiff_t>(later),
                                      [&](const ChainRow& other) { return other.record->name == row.name; });
    if (earlier == chain.begin() + static_cast<ptrdiff_t>(later)) continue;
    const NameRow name{directory, chain[later].slot, row};
    if (!Report(Weight::kMajor, "The " + Called(name) + " is there twice", "Keep one, or give the other another name")) continue;
    if (earlier->record->inode != row.inode) {
      if (Status renamed = GiveAnotherName(name); !renamed.ok()) return renamed;
      continue;
    }
    Transaction transaction(catalog_);
    if (Status cleared = transaction.ClearRow(directory, chain[later].slot); !cleared.ok()) return cleared;
    transaction.DeleteLink(row.inode, directory, chain[later].slot);
    if (Status applied = Apply(transaction); !applied.ok()) return applied;
  }
  return {};
}

// A lookup ends at the first slot without a row: names behind a gap are not found.
Status Scrubber::CheckGaps(InodeId directory, const std::vector<ChainRow>& chain) {
  const uint64_t base = Raw(chain.front().slot) / kChainLength * kChainLength;
  const auto is_tombstone = [](const ChainRow& row) { return row.record->name.empty(); };
  const auto last = std::find_if_not(chain.rbegin(), chain.rend(), is_tombstone);
  const size_t needed = static_cast<size_t>(chain.rend() - last);  // up to the last name
  const bool gap = needed > 0 && Raw(chain[needed - 1].slot) != base + needed - 1;
  if (!gap && needed == chain.size()) return {};
  const std::string where = "The chain of names at " + At(directory, Slot{base});
  if (!Report(Weight::kMinor, where + (gap ? " has a gap" : " ends with a tombstone"), "Mend it")) return {};
  Transaction transaction(catalog_);
  // By what is there now: a repair of one of its rows may have come in between.
  uint64_t end = 0;
  std::array<bool, kChainLength> there{};
  for (uint64_t position = 0; position < kChainLength; ++position) {
    const Slot slot{base + position};
    const Result<std::optional<std::string>> value = engine_.Get(keys::NameAt(directory, slot));
    if (!value.ok()) return value.error();
    there[position] = value->has_value();
    if (!value->has_value()) continue;
    const Result<NameRecord> record = DecodeNameRecord(keys::NameAt(directory, slot), **value);
    if (!record.ok() || !record->name.empty()) end = position + 1;
  }
  for (uint64_t position = 0; position < kChainLength; ++position) {
    const Slot slot{base + position};
    if (position < end && !there[position]) transaction.PutRow({directory, slot, NameRecord{}});
    if (position >= end && there[position]) transaction.DeleteKey(keys::NameAt(directory, slot));
  }
  return Apply(transaction);
}

// The names of one inode, as its backward rows lead to them.
struct Scrubber::NamesOfInode {
  InodeId inode{};
  std::optional<InodeRecord> record;
  bool at_home = false;   // one of them says where the home is
  uint64_t agreeing = 0;  // rows that say the same in both directions
};

Status Scrubber::CheckLinks() {
  ScrubRows inodes(engine_, keys::kInodes);
  uint64_t agreeing = 0;
  NamesOfInode names;
  const auto finish = [&]() -> Status {
    agreeing += names.agreeing;
    const bool has_home = names.record.has_value() && names.record->home.has_value() && names.record->nlink > 0;
    if (!has_home || names.at_home || names.agreeing == 0) return {};
    const Result<std::optional<std::string>> mark = engine_.Get(keys::Detached(names.inode));
    if (!mark.ok()) return mark.error();
    if (mark->has_value()) return {};
    const std::string home = Called(*names.record->home);
    if (!Report(Weight::kMinor, "The home " + home + " of " + Called(names.inode) + " is at none of its names, and not marked",
                "Mark it")) {
      return {};
    }
    Transaction transaction(catalog_);
    transaction.PutDetached(names.inode);
    return Apply(transaction);
  };
  ScrubRows rows(engine_, keys::kLinks);
  for (; rows.Valid(); rows.Next()) {
    if (rows.inode() != names.inode) {
      if (Status finished = OrLater(finish()); !finished.ok()) return finished;
      names = {.inode = rows.inode()};
      if (inodes.SkipTo(names.inode)) {
        const Result<InodeRecord> record = DecodeInodeRecord(inodes.key(), inodes.value());
        if (record.ok()) names.record = *record;
      } else if (!inodes.status().ok()) {
        return inodes.status();
      } else if (names.inode >= kFirstFreeInode &&
                 Report(Weight::kMajor, "There are names of " + Called(names.inode) + ", which has no record",
                        "Make it anew, or delete them if there is no content")) {
        bad_inodes_.insert(names.inode);
      }
    }
    if (Status checked = OrLater(CheckLink(names, keys::DirectoryOfLink(rows.key()), keys::SlotOf(rows.key()))); !checked.ok())
      return checked;
    if (Status step = Step(); !step.ok()) return step;
  }
  if (!rows.status().ok()) return rows.status();
  if (Status finished = OrLater(finish()); !finished.ok()) return finished;
  // Each backward row leads to a name, no two to the same: if there are as many as names, each name has one.
  if (agreeing == summary_.names) return {};
  return CheckUnlinked();
}

bool Scrubber::IsUnderName(const InodeRecord& record, const NameRow& row) const {
  if (!record.home.has_value() || record.home->directory != row.directory) return false;
  if (record.home->name.bytes() == row.record.name) return true;
  const Result<Name> name = Name::From(row.record.name);
  return name.ok() && std::ranges::any_of(codecs_, [&](const NameCodec& codec) { return codec.Spells(record.home->name, *name); });
}

Status Scrubber::CheckLink(NamesOfInode& names, InodeId directory, Slot slot) {
  const std::string key = keys::NameAt(directory, slot);
  const Result<std::optional<std::string>> value = engine_.Get(key);
  if (!value.ok()) return value.error();
  const Result<NameRecord> row = value->has_value() ? DecodeNameRecord(key, **value) : Result<NameRecord>(Error{ENOENT, "no row"});
  if (!row.ok() && row.code() != ENOENT) return {};  // pass 1
  if (!row.ok() || row->name.empty() || row->inode != names.inode) {
    if (!Report(Weight::kMinor, "A backward row of " + Called(names.inode) + " leads to no name of it: " + At(directory, slot),
                "Delete it")) {
      return {};
    }
    Transaction transaction(catalog_);
    transaction.DeleteLink(names.inode, directory, slot);
    return Apply(transaction);
  }
  ++names.agreeing;
  if (!names.record.has_value()) return {};
  const NameRow name{directory, slot, *row};
  names.at_home = names.at_home || IsUnderName(*names.record, name);
  if (row->type == names.record->type) return {};
  if (!Report(Weight::kMinor, "The " + Called(name) + " has another type than its inode", "Correct it")) return {};
  Transaction transaction(catalog_);
  transaction.PutRow({directory, slot, {names.inode, names.record->type, row->name}});
  return Apply(transaction);
}

Status Scrubber::CheckUnlinked() {
  ScrubRows rows(engine_, keys::kNames);
  for (; rows.Valid(); rows.Next()) {
    const Result<NameRecord> row = DecodeNameRecord(rows.key(), rows.value());
    if (!row.ok() || row->name.empty() || row->inode < kFirstFreeInode) continue;
    const NameRow name{rows.inode(), keys::SlotOf(rows.key()), *row};
    const Result<std::optional<std::string>> link = engine_.Get(keys::Link(row->inode, name.directory, name.slot));
    if (!link.ok()) return link.error();
    if (link->has_value()) continue;
    if (!Report(Weight::kMinor, "The " + Called(name) + " has no backward row", "Add it")) continue;
    Transaction transaction(catalog_);
    transaction.PutLink(row->inode, name.directory, name.slot);
    if (Status applied = Apply(transaction); !applied.ok()) return applied;
  }
  return rows.status();
}

}  // namespace hardlinkfs
