// Pass 1: each row by itself: its key, its checksum, its fields. What is damaged is restored from the rows that say the same.
#include <algorithm>
#include <cerrno>

#include "store/volume/scrubber.h"

namespace hardlinkfs {
namespace {

// A pass that finds more damage than this leaves the rest to the next round.
constexpr size_t kAtOnce = 65536;
constexpr size_t kLongestTarget = 4095;
constexpr size_t kBeforeTarget = 1, kBehindTarget = 4;  // version, checksum

std::string Hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    hex.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    hex.push_back(kDigits[static_cast<unsigned char>(c) & 15]);
  }
  return hex;
}

}  // namespace

bool IsWellFormedKey(std::string_view key) {
  switch (key.empty() ? '\0' : key.front()) {
    case 'M':
      return key.size() == 1;
    case 'I':
    case 'T':
    case 'O':
    case 'D':
    case 'J':
      return key.size() == 9;
    case 'N':
      return key.size() == 17;
    case 'L':
      return key.size() == 25;
    case 'H':
    case 'X':
      return key.size() > 9;
    default:
      return false;
  }
}

Status Scrubber::CheckRecords() {
  if (Status begun = Begin(1, 1); !begun.ok()) return begun;
  bad_inodes_.clear();
  bad_names_.clear();
  bad_homes_.clear();
  if (Status checked = CheckMeta(); !checked.ok()) return checked;
  if (Status checked = OrLater(CheckRoot()); !checked.ok()) return checked;
  total_ = std::max<uint64_t>(4 * meta_.inode_count, 1);
  {
    const std::unique_ptr<Cursor> cursor = engine_.Scan("", "");
    for (; cursor->Valid(); cursor->Next()) {
      if (Status checked = OrLater(CheckRow(cursor->key(), cursor->value())); !checked.ok()) return checked;
      if (Status step = Step(); !step.ok()) return step;
    }
    if (Status read = cursor->status(); !read.ok()) return read;
  }
  if (Status restored = RestoreHomeRows(); !restored.ok()) return restored;
  if (Status remade = RemakeInodes(); !remade.ok()) return remade;
  if (Status restored = RestoreNames(); !restored.ok()) return restored;
  return End();
}

Status Scrubber::CheckRow(std::string_view key, std::string_view value) {
  if (!IsWellFormedKey(key)) {
    if (!Report(Weight::kMajor, "A row has a key that belongs to no table: " + Hex(key), "Delete it")) return {};
    Transaction transaction(catalog_);
    transaction.DeleteKey(std::string(key));
    return Apply(transaction);
  }
  switch (key.front()) {
    case 'I':
      return CheckInodeRow(key, value);
    case 'H':
      return CheckHomeRow(key, value);
    case 'N':
      return CheckNameRow(key, value);
    case 'X':
      return CheckXattrRow(key, value);
    case 'T':
      return CheckTargetRow(key, value);
    case 'J':
      return CheckIntentRow(key, value);
    case 'M':
      return {};
    default:
      return CheckEmptyRow(key, value);
  }
}

Status Scrubber::CheckInodeRow(std::string_view key, std::string_view value) {
  const InodeId inode = keys::InodeOf(key);
  ++summary_.inodes;
  const Result<InodeRecord> record = DecodeInodeRecord(key, value);
  if (record.ok() && record->type == FileType::kDirectory) ++summary_.directories;
  if (record.code() == ENOTSUP) {
    Report(Weight::kBeyond, "The record of " + Called(inode) + " was written by a newer version");
    return {};
  }
  const bool reserved = inode != kRootInode && inode < kFirstFreeInode;
  if (reserved) {
    if (!Report(Weight::kMajor, "There is a record of " + Called(inode) + ", a number that is never given out", "Delete it")) return {};
    Transaction transaction(catalog_);
    transaction.DeleteInode(inode);
    return Apply(transaction);
  }
  if (record.ok() && record->type != FileType::kUnknown) return {};
  if (bad_inodes_.size() >= kAtOnce) return {};
  if (inode == kRootInode) return {};  // CheckRoot
  if (Report(Weight::kMajor, "The record of " + Called(inode) + " is damaged", "Make it anew")) bad_inodes_.insert(inode);
  return {};
}

Status Scrubber::CheckHomeRow(std::string_view key, std::string_view value) {
  if (DecodeInode(key, value).ok() || bad_homes_.size() >= kAtOnce) return {};
  const Place place{keys::InodeOf(key), BackingName(std::string(keys::TailOf(key)))};
  if (Report(Weight::kMinor, "The row of the home " + Called(place) + " is damaged", "Restore it")) bad_homes_.insert(place);
  return {};
}

Status Scrubber::CheckNameRow(std::string_view key, std::string_view value) {
  const Result<NameRecord> record = DecodeNameRecord(key, value);
  if (record.ok()) {
    if (!record->name.empty()) ++summary_.names;
    return {};
  }
  if (bad_names_.size() >= kAtOnce) return {};
  const InodeId directory = keys::InodeOf(key);
  const Slot slot = keys::SlotOf(key);
  const std::string problem = "A name in directory " + Called(directory) + " is damaged, at slot " + std::to_string(Raw(slot));
  if (Report(Weight::kMajor, problem, "Restore it, or move what it named to lost+found")) bad_names_.emplace(directory, slot);
  return {};
}

// What an access ACL withheld from a group, the mode alone would grant: its group bits are the ACL's mask.
Status Scrubber::CheckXattrRow(std::string_view key, std::string_view value) {
  if (DecodeBytes(key, value).ok()) return {};
  const InodeId inode = keys::InodeOf(key);
  const std::string name(keys::TailOf(key));
  if (!Report(Weight::kMajor, "The xattr " + Quoted(name) + " of " + Called(inode) + " is damaged", "Remove it")) return {};
  Transaction transaction(catalog_);
  transaction.DeleteXattr(inode, name);
  if (name == "system.posix_acl_access") {
    Result<InodeRecord> record = catalog_.ReadInode(inode);
    if (record.ok()) {
      record->mode &= ~070U;
      transaction.PutInode(inode, *record);
    }
  }
  return Apply(transaction);
}

// What is left of it may be of use to somebody who looks at it, but shall lead nowhere.
Status Scrubber::CheckTargetRow(std::string_view key, std::string_view value) {
  if (DecodeBytes(key, value).ok()) return {};
  const InodeId inode = keys::InodeOf(key);
  if (!Report(Weight::kMajor, "The target of the symlink " + Called(inode) + " is damaged", "Mark it as damaged")) return {};
  std::string left;
  if (value.size() > kBeforeTarget + kBehindTarget) left = value.substr(kBeforeTarget, value.size() - kBeforeTarget - kBehindTarget);
  std::string target = kDamagedTarget + left;
  target.resize(std::min(target.size(), kLongestTarget));
  std::replace(target.begin(), target.end(), '\0', '?');
  Transaction transaction(catalog_);
  transaction.PutTarget(inode, target);
  Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (record.ok() && record->type == FileType::kSymlink) {
    record->size = target.size();
    transaction.PutInode(inode, *record);
  }
  return Apply(transaction);
}

// It said that a home was on its way from one place to another. Where it is now, the backing tells.
Status Scrubber::CheckIntentRow(std::string_view key, std::string_view value) {
  const InodeId inode = keys::InodeOf(key);
  const Result<IntentRecord> intent = DecodeIntentRecord(key, value);
  if (intent.ok() && intent->inode == inode) {
    in_motion_.insert({intent->from, intent->to});
    Note("The home of " + Called(inode) + " was being moved from " + Called(intent->from) + " to " + Called(intent->to));
    return {};
  }
  if (!Report(Weight::kMinor, "The intent to move the home of " + Called(inode) + " is damaged", "Find the home")) return {};
  Transaction transaction(catalog_);
  transaction.DeleteIntent(inode);
  Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (record.ok()) transaction.PutDetached(inode);
  if (record.ok() && record->home.has_value()) {
    const Result<std::optional<BackingStat>> there = StatAt(*record->home);
    if (!there.ok()) return there.error();
    if (!there->has_value() || (*there)->type != record->type) {
      const auto names = catalog_.NamesOf(inode, Catalog::kNamesConsidered);
      if (!names.ok()) return names.error();
      const Result<std::optional<Place>> found = FindContent(inode, record->type, *names);
      if (!found.ok()) return found.error();
      if (found->has_value()) {
        transaction.DeleteHome(*record->home);
        record->home = **found;
        transaction.PutHome(*record->home, inode);
        transaction.PutInode(inode, *record);
        HomesChanged();
      }
    }
  }
  return Apply(transaction);
}

Status Scrubber::CheckEmptyRow(std::string_view key, std::string_view value) {
  if (key.front() == 'O') ++summary_.orphans;
  if (key.front() == 'D') ++summary_.detached;
  if (value.empty()) return {};
  if (!Report(Weight::kMinor, "A row that has no value has one: " + Hex(key), "Empty it")) return {};
  Transaction transaction(catalog_);
  transaction.PutKey(std::string(key));
  return Apply(transaction);
}

// The record of who lives there says so too.
Status Scrubber::RestoreHomeRows() {
  if (bad_homes_.empty()) return {};
  std::map<Place, InodeId> found;
  for (ScrubRows rows(engine_, keys::kInodes); rows.Valid(); rows.Next()) {
    const Result<InodeRecord> record = DecodeInodeRecord(rows.key(), rows.value());
    if (record.ok() && record->home.has_value() && bad_homes_.contains(*record->home)) found.emplace(*record->home, rows.inode());
  }
  for (const Place& place : bad_homes_) {
    Transaction transaction(catalog_);
    const auto owner = found.find(place);
    if (owner != found.end()) {
      transaction.PutHome(place, owner->second);
    } else {
      transaction.DeleteHome(place);  // what lies there is unknown from now on, and will be adopted as private
    }
    if (Status applied = Apply(transaction); !applied.ok()) return applied;
  }
  return {};
}

Status Scrubber::RestoreNames() {
  if (bad_names_.empty()) return {};
  std::map<std::pair<InodeId, Slot>, InodeId> found;
  for (ScrubRows rows(engine_, keys::kLinks); rows.Valid(); rows.Next()) {
    const std::pair at{keys::DirectoryOfLink(rows.key()), keys::SlotOf(rows.key())};
    if (bad_names_.contains(at)) found.emplace(at, rows.inode());
  }
  for (const auto& at : bad_names_) {
    const auto inode = found.find(at);
    const auto known = inode == found.end() ? std::nullopt : std::optional(inode->second);
    if (Status restored = OrLater(RestoreName(at.first, at.second, known)); !restored.ok()) return restored;
  }
  return {};
}

// The slot is a hash of the name: a candidate that hashes to it is the name, beyond doubt.
Status Scrubber::RestoreName(InodeId directory, Slot slot, std::optional<InodeId> inode) {
  const Result<InodeRecord> record = inode ? catalog_.ReadInode(*inode) : Result<InodeRecord>(Error{ENOENT, "nobody knows whose"});
  Transaction transaction(catalog_);
  if (record.ok() && record->home.has_value() && record->home->directory == directory) {
    for (const Result<Name>& name : {codecs_.front().Decode(record->home->name), Name::From(record->home->name.bytes())}) {
      if (!name.ok() || !catalog_.MayLieAt(*name, slot)) continue;
      transaction.PutRow({directory, slot, {*inode, record->type, name->bytes()}});
      return Apply(transaction);
    }
  }
  if (Status cleared = transaction.ClearRow(directory, slot); !cleared.ok()) return cleared;
  if (inode) transaction.DeleteLink(*inode, directory, slot);
  const auto names = record.ok() ? catalog_.NamesOf(*inode, 1) : std::vector<NameRow>();
  if (!names.ok()) return names.error();
  // The row itself cannot be read, so what is found are others.
  if (record.ok() && names->empty()) {
    if (Status reconnected = Reconnect(transaction, *inode, *record); !reconnected.ok()) return reconnected;
  }
  return Apply(transaction);
}

}  // namespace hardlinkfs
