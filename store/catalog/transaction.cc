// Edits become rows of a batch here. Names keep one rule: a chain has no gap, and does not end with a tombstone; so a name that was never
// followed by one of equal hash costs no tombstone.
#include <cerrno>
#include <utility>

#include "store/catalog/catalog.h"

namespace hardlinkfs {
namespace {

bool IsTombstone(const NameRecord& row) { return row.name.empty(); }

}  // namespace

void Transaction::PutMeta(const MetaRecord& meta) {
  std::string key = keys::Meta();
  std::string value = Encode(key, meta);
  batch_.Put(std::move(key), std::move(value));
}

void Transaction::PutInode(InodeId inode, const InodeRecord& record) {
  std::string key = keys::Inode(inode);
  std::string value = Encode(key, record);
  batch_.Put(std::move(key), std::move(value));
}

void Transaction::DeleteInode(InodeId inode) {
  batch_.Delete(keys::Inode(inode));
  batch_.Delete(keys::Target(inode));
  DeleteOrphan(inode);
  DeleteDetached(inode);
  DeleteIntent(inode);
}

Result<std::optional<NameRecord>> Transaction::RowAt(InodeId directory, Slot slot) const {
  const auto touched = touched_.find({directory, slot});
  if (touched != touched_.end()) return touched->second;
  return catalog_.ReadRow(directory, slot);
}

void Transaction::SetRow(InodeId directory, Slot slot, std::optional<NameRecord> row) {
  std::string key = keys::NameAt(directory, slot);
  if (row) {
    std::string value = Encode(key, *row);
    batch_.Put(std::move(key), std::move(value));
  } else {
    batch_.Delete(std::move(key));
  }
  touched_.insert_or_assign({directory, slot}, std::move(row));
}

Status Transaction::AddName(InodeId directory, const Name& name, InodeId inode, FileType type) {
  const Slot first = catalog_.FirstSlot(name);
  std::optional<Slot> free;
  for (unsigned position = 0; position < kChainLength; ++position) {
    const Slot slot{Raw(first) + position};
    const Result<std::optional<NameRecord>> row = RowAt(directory, slot);
    if (!row.ok()) return row.error();
    if (*row && (*row)->name == name.bytes()) return Error{EEXIST, "name is taken"};
    if (!free && (!*row || IsTombstone(**row))) free = slot;
    if (!*row) break;
  }
  if (!free) return Error{ENOSPC, "too many names with one hash"};
  SetRow(directory, *free, NameRecord{inode, type, name.bytes()});
  batch_.Put(keys::Link(inode, directory, *free), "");
  return {};
}

Result<Transaction::Found> Transaction::Find(InodeId directory, const Name& name) const {
  const Slot first = catalog_.FirstSlot(name);
  for (unsigned position = 0; position < kChainLength; ++position) {
    const Slot slot{Raw(first) + position};
    Result<std::optional<NameRecord>> row = RowAt(directory, slot);
    if (!row.ok()) return row.error();
    if (!*row) break;
    if ((*row)->name == name.bytes()) return Found{slot, position, **std::move(row)};
  }
  return Error{ENOENT, "no such name to remove"};
}

Status Transaction::RemoveName(InodeId directory, const Name& name) {
  const Result<Found> found = Find(directory, name);
  if (!found.ok()) return found.error();

  bool last = found->position + 1 == kChainLength;
  if (!last) {
    const Result<std::optional<NameRecord>> next = RowAt(directory, Slot{Raw(found->slot) + 1});
    if (!next.ok()) return next.error();
    last = !*next;
  }
  // Read before the first edit: an error must not leave half a removal in the batch.
  unsigned tombstones = 0;
  for (; last && tombstones < found->position; ++tombstones) {
    const Result<std::optional<NameRecord>> before = RowAt(directory, Slot{Raw(found->slot) - tombstones - 1});
    if (!before.ok()) return before.error();
    if (!*before || !IsTombstone(**before)) break;
  }

  batch_.Delete(keys::Link(found->row.inode, directory, found->slot));
  if (!last) {
    SetRow(directory, found->slot, NameRecord{});
    return {};
  }
  for (unsigned back = 0; back <= tombstones; ++back) SetRow(directory, Slot{Raw(found->slot) - back}, std::nullopt);
  return {};
}

// A damaged row is some row: nothing may be concluded from it.
Result<Transaction::Occupant> Transaction::OccupantOf(InodeId directory, Slot slot) const {
  const Result<std::optional<NameRecord>> row = RowAt(directory, slot);
  if (row.code() == EUCLEAN || row.code() == ENOTSUP) return Occupant::kOther;
  if (!row.ok()) return row.error();
  if (!*row) return Occupant::kNone;
  return IsTombstone(**row) ? Occupant::kTombstone : Occupant::kOther;
}

Status Transaction::ClearRow(InodeId directory, Slot slot) {
  const Result<Occupant> here = OccupantOf(directory, slot);
  if (!here.ok()) return here.error();
  if (*here == Occupant::kNone) return {};
  const uint64_t position = Raw(slot) % kChainLength;
  if (position + 1 < kChainLength) {
    const Result<Occupant> next = OccupantOf(directory, Slot{Raw(slot) + 1});
    if (!next.ok()) return next.error();
    if (*next != Occupant::kNone) {
      SetRow(directory, slot, NameRecord{});
      return {};
    }
  }
  SetRow(directory, slot, std::nullopt);
  for (uint64_t back = 1; back <= position; ++back) {
    const Slot before{Raw(slot) - back};
    const Result<Occupant> occupant = OccupantOf(directory, before);
    if (!occupant.ok()) return occupant.error();
    if (*occupant != Occupant::kTombstone) break;
    SetRow(directory, before, std::nullopt);
  }
  return {};
}

void Transaction::PutLink(InodeId inode, InodeId directory, Slot slot) { batch_.Put(keys::Link(inode, directory, slot), ""); }
void Transaction::DeleteLink(InodeId inode, InodeId directory, Slot slot) { batch_.Delete(keys::Link(inode, directory, slot)); }

void Transaction::PutHome(const Place& place, InodeId inode) {
  std::string key = keys::Home(place);
  std::string value = EncodeInode(key, inode);
  batch_.Put(std::move(key), std::move(value));
}

void Transaction::DeleteHome(const Place& place) { batch_.Delete(keys::Home(place)); }

void Transaction::PutXattr(InodeId inode, const std::string& name, std::string_view value) {
  std::string key = keys::Xattr(inode, name);
  std::string record = EncodeBytes(key, value);
  batch_.Put(std::move(key), std::move(record));
}

void Transaction::DeleteXattr(InodeId inode, const std::string& name) { batch_.Delete(keys::Xattr(inode, name)); }

void Transaction::PutTarget(InodeId inode, std::string_view target) {
  std::string key = keys::Target(inode);
  std::string record = EncodeBytes(key, target);
  batch_.Put(std::move(key), std::move(record));
}

void Transaction::PutOrphan(InodeId inode) { batch_.Put(keys::Orphan(inode), ""); }
void Transaction::DeleteOrphan(InodeId inode) { batch_.Delete(keys::Orphan(inode)); }
void Transaction::PutDetached(InodeId inode) { batch_.Put(keys::Detached(inode), ""); }
void Transaction::DeleteDetached(InodeId inode) { batch_.Delete(keys::Detached(inode)); }

void Transaction::PutIntent(const IntentRecord& intent) {
  std::string key = keys::Intent(intent.inode);
  std::string value = Encode(key, intent);
  batch_.Put(std::move(key), std::move(value));
}

void Transaction::DeleteIntent(InodeId inode) { batch_.Delete(keys::Intent(inode)); }

// From the batch, so that a transaction that nobody asks costs nothing.
std::map<InodeId, Transaction::ChangedInode> Transaction::ChangedInodes() const {
  std::map<InodeId, ChangedInode> changed;
  for (const Batch::Edit& edit : batch_.edits()) {
    if (edit.key.starts_with(keys::kInodes)) {
      ChangedInode& change = changed[keys::InodeOf(edit.key)];
      change.deleted = !edit.value.has_value();
      change.record.reset();
      if (!edit.value.has_value()) continue;
      // It was encoded just now.
      if (const Result<InodeRecord> record = DecodeInodeRecord(edit.key, *edit.value); record.ok()) change.record = *record;
    } else if (edit.key.starts_with(keys::kLinks)) {
      ChangedInode& change = changed[keys::InodeOf(edit.key)];
      change.names = true;
      const InodeId directory = keys::DirectoryOfLink(edit.key);
      const bool is_first = change.first_new_directory == InodeId{} || directory < change.first_new_directory;
      if (edit.value.has_value() && is_first) change.first_new_directory = directory;
    }
  }
  return changed;
}

Status Transaction::Commit() {
  if (batch_.empty()) return {};
  return catalog_.engine().Commit(batch_);
}

}  // namespace hardlinkfs
