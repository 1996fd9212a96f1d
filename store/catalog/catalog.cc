// Typed reads: one key or one short scan each. The rules of slots and chains are in docs/format.md.
#include "store/catalog/catalog.h"

#include <spdlog/spdlog.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace hardlinkfs {
namespace {

constexpr uint64_t kFirstBaseSlot = 16;  // leaves 1 and 2, readdir's offsets of "." and ".."
constexpr size_t kInodeKeyBytes = 9, kNameKeyBytes = 17, kLinkKeyBytes = 25;

// Keys of one table all have one length; another one is damage that the functions of keys:: may not be given.
constexpr Error kBadKey{EUCLEAN, "catalog key has a wrong length"};
constexpr Error kAbsent{ENOENT, "catalog holds no such row"};

void LogDamage(const char* what, std::string_view key) {
  spdlog::error("damaged row left out: {} of inode {}", what, key.size() < kInodeKeyBytes ? 0 : Raw(keys::InodeOf(key)));
}

// The first key above `key`.
std::string Above(std::string key) {
  key.push_back('\0');
  return key;
}

Result<std::string> GetPresent(const Engine& engine, const std::string& key) {
  Result<std::optional<std::string>> value = engine.Get(key);
  if (!value.ok()) return value.error();
  if (!*value) return kAbsent;
  return **std::move(value);
}

Result<NameRecord> DecodeRow(const Cursor& cursor) {
  if (cursor.key().size() != kNameKeyBytes) return kBadKey;
  return DecodeNameRecord(cursor.key(), cursor.value());
}

// The inodes of a table whose keys are a letter and an inode.
Result<std::vector<InodeId>> ListInodes(const Engine& engine, std::string_view table, const std::string& after, size_t limit) {
  std::vector<InodeId> inodes;
  const std::unique_ptr<Cursor> cursor = engine.Scan(table, Above(after));
  for (; inodes.size() < limit && cursor->Valid(); cursor->Next()) {
    if (cursor->key().size() != kInodeKeyBytes) return kBadKey;
    inodes.push_back(keys::InodeOf(cursor->key()));
  }
  if (const Status status = cursor->status(); !status.ok()) return status.error();
  return inodes;
}

}  // namespace

uint64_t HashName(std::string_view name, uint64_t seed) { return XXH3_64bits_withSeed(name.data(), name.size(), seed); }

Slot Catalog::FirstSlot(const Name& name) const {
  const uint64_t base = (hash_(name.bytes(), hash_seed_) >> 1) & ~uint64_t{kChainLength - 1};
  return Slot{std::max(base, kFirstBaseSlot)};
}

bool Catalog::MayLieAt(const Name& name, Slot slot) const {
  const uint64_t first = Raw(FirstSlot(name));
  return Raw(slot) >= first && Raw(slot) < first + kChainLength;
}

Result<MetaRecord> Catalog::ReadMeta() {
  const std::string key = keys::Meta();
  const Result<std::string> value = GetPresent(engine_, key);
  if (!value.ok()) return value.error();
  Result<MetaRecord> meta = DecodeMetaRecord(key, *value);
  if (meta.ok()) UseHashSeed(meta->hash_seed);
  return meta;
}

Result<InodeRecord> Catalog::ReadInode(InodeId inode) const {
  const std::string key = keys::Inode(inode);
  const Result<std::string> value = GetPresent(engine_, key);
  if (!value.ok()) return value.error();
  Result<InodeRecord> record = DecodeInodeRecord(key, *value);
  if (record.code() == EUCLEAN) spdlog::error("damaged row left as it is: the record of inode {}", Raw(inode));
  return record;
}

Result<std::optional<NameRecord>> Catalog::ReadRow(InodeId directory, Slot slot) const {
  const std::string key = keys::NameAt(directory, slot);
  const Result<std::optional<std::string>> value = engine_.Get(key);
  if (!value.ok()) return value.error();
  if (!*value) return std::optional<NameRecord>();
  Result<NameRecord> row = DecodeNameRecord(key, **value);
  if (!row.ok()) return row.error();
  return std::optional<NameRecord>(*std::move(row));
}

Result<NameRow> Catalog::FindName(InodeId directory, const Name& name) const {
  const Slot first = FirstSlot(name);
  for (unsigned position = 0; position < kChainLength; ++position) {
    const Slot slot{Raw(first) + position};
    Result<std::optional<NameRecord>> row = ReadRow(directory, slot);
    if (!row.ok()) return row.error();
    if (!*row) break;
    if ((*row)->name == name.bytes()) return NameRow{directory, slot, **std::move(row)};
  }
  return Error{ENOENT, "no such name"};
}

Result<std::vector<NameRow>> Catalog::ListNames(InodeId directory, Slot after, size_t limit) const {
  std::vector<NameRow> rows;
  const std::unique_ptr<Cursor> cursor = engine_.Scan(keys::NamePrefix(directory), Above(keys::NameAt(directory, after)));
  for (; rows.size() < limit && cursor->Valid(); cursor->Next()) {
    Result<NameRecord> record = DecodeRow(*cursor);
    if (!record.ok()) LogDamage("a name in the directory", cursor->key());
    if (!record.ok() || record->name.empty()) continue;  // without a name: a tombstone
    rows.push_back({directory, keys::SlotOf(cursor->key()), *std::move(record)});
  }
  if (const Status status = cursor->status(); !status.ok()) return status.error();
  return rows;
}

Result<bool> Catalog::HasNames(InodeId directory) const {
  Status damaged;
  const std::unique_ptr<Cursor> cursor = engine_.Scan(keys::NamePrefix(directory), "");
  for (; cursor->Valid(); cursor->Next()) {
    const Result<NameRecord> record = DecodeRow(*cursor);
    if (record.ok() && !record->name.empty()) return true;
    if (!record.ok()) damaged = record.error();
  }
  if (const Status status = cursor->status(); !status.ok()) return status.error();
  if (!damaged.ok()) return damaged.error();
  return false;
}

Result<std::vector<NameRow>> Catalog::NamesOf(InodeId inode, size_t limit, InodeId after_directory, Slot after) const {
  std::vector<NameRow> rows;
  const std::unique_ptr<Cursor> cursor = engine_.Scan(keys::LinkPrefix(inode), Above(keys::Link(inode, after_directory, after)));
  for (; rows.size() < limit && cursor->Valid(); cursor->Next()) {
    if (cursor->key().size() != kLinkKeyBytes) continue;
    const InodeId directory = keys::DirectoryOfLink(cursor->key());
    const Slot slot = keys::SlotOf(cursor->key());
    // The cursor is a snapshot and this read is not: a name removed in between is gone, not damaged.
    Result<std::optional<NameRecord>> row = ReadRow(directory, slot);
    if (row.code() == EUCLEAN) continue;
    if (!row.ok()) return row.error();
    if (!*row || (*row)->inode != inode) continue;
    rows.push_back({directory, slot, **std::move(row)});
  }
  if (const Status status = cursor->status(); !status.ok()) return status.error();
  return rows;
}

Result<InodeId> Catalog::FindHome(const Place& place) const {
  const std::string key = keys::Home(place);
  const Result<std::string> value = GetPresent(engine_, key);
  if (!value.ok()) return value.error();
  return DecodeInode(key, *value);
}

Result<std::vector<std::pair<BackingName, InodeId>>> Catalog::ListHomes(InodeId directory, const std::optional<BackingName>& after,
                                                                        size_t limit) const {
  std::vector<std::pair<BackingName, InodeId>> homes;
  const std::string from = after ? Above(keys::Home({directory, *after})) : "";
  const std::unique_ptr<Cursor> cursor = engine_.Scan(keys::HomePrefix(directory), from);
  for (; homes.size() < limit && cursor->Valid(); cursor->Next()) {
    const Result<InodeId> inode = DecodeInode(cursor->key(), cursor->value());
    if (!inode.ok()) LogDamage("a home in the directory", cursor->key());
    if (!inode.ok()) continue;
    homes.emplace_back(BackingName(std::string(keys::TailOf(cursor->key()))), *inode);
  }
  if (const Status status = cursor->status(); !status.ok()) return status.error();
  return homes;
}

Result<std::string> Catalog::ReadXattr(InodeId inode, const std::string& name) const {
  const std::string key = keys::Xattr(inode, name);
  const Result<std::optional<std::string>> value = engine_.Get(key);
  if (!value.ok()) return value.error();
  if (!*value) return Error{ENODATA, "no such xattr"};
  return DecodeBytes(key, **value);
}

Result<std::vector<std::string>> Catalog::ListXattrs(InodeId inode) const {
  std::vector<std::string> names;
  const std::unique_ptr<Cursor> cursor = engine_.Scan(keys::XattrPrefix(inode), "");
  for (; cursor->Valid(); cursor->Next()) names.emplace_back(keys::TailOf(cursor->key()));
  if (const Status status = cursor->status(); !status.ok()) return status.error();
  return names;
}

Result<std::string> Catalog::ReadTarget(InodeId inode) const {
  const std::string key = keys::Target(inode);
  const Result<std::string> value = GetPresent(engine_, key);
  if (!value.ok()) return value.error();
  return DecodeBytes(key, *value);
}

Result<bool> Catalog::IsOrphan(InodeId inode) const {
  const Result<std::optional<std::string>> value = engine_.Get(keys::Orphan(inode));
  if (!value.ok()) return value.error();
  return value->has_value();
}

Result<std::vector<InodeId>> Catalog::ListOrphans(InodeId after, size_t limit) const {
  return ListInodes(engine_, keys::kOrphans, keys::Orphan(after), limit);
}

Result<std::vector<InodeId>> Catalog::ListDetached(InodeId after, size_t limit) const {
  return ListInodes(engine_, keys::kDetached, keys::Detached(after), limit);
}

Result<std::vector<IntentRecord>> Catalog::ListIntents() const {
  std::vector<IntentRecord> intents;
  const std::unique_ptr<Cursor> cursor = engine_.Scan(keys::kIntents, "");
  for (; cursor->Valid(); cursor->Next()) {
    Result<IntentRecord> intent = DecodeIntentRecord(cursor->key(), cursor->value());
    if (!intent.ok()) return intent.error();
    intents.push_back(*std::move(intent));
  }
  if (const Status status = cursor->status(); !status.ok()) return status.error();
  return intents;
}

Result<uint64_t> Catalog::CountInodes() const {
  uint64_t count = 0;
  const std::unique_ptr<Cursor> cursor = engine_.Scan(keys::kInodes, "");
  for (; cursor->Valid(); cursor->Next()) ++count;
  if (const Status status = cursor->status(); !status.ok()) return status.error();
  return count;
}

Result<InodeId> Catalog::FirstDirectoryOf(InodeId inode) const {
  const std::unique_ptr<Cursor> cursor = engine_.Scan(keys::LinkPrefix(inode), "");
  if (const Status status = cursor->status(); !status.ok()) return status.error();
  return cursor->Valid() && cursor->key().size() == kLinkKeyBytes ? keys::DirectoryOfLink(cursor->key()) : InodeId{};
}

// Both tables are in the order of inodes.
Status Catalog::VisitInodes(const std::function<void(InodeId, const InodeRecord&, InodeId)>& visit) const {
  const std::unique_ptr<Cursor> inodes = engine_.Scan(keys::kInodes, "");
  const std::unique_ptr<Cursor> links = engine_.Scan(keys::kLinks, "");
  for (; inodes->Valid(); inodes->Next()) {
    if (inodes->key().size() != kInodeKeyBytes) continue;
    const InodeId inode = keys::InodeOf(inodes->key());
    while (links->Valid() && (links->key().size() != kLinkKeyBytes || keys::InodeOf(links->key()) < inode)) links->Next();
    const bool has_name = links->Valid() && keys::InodeOf(links->key()) == inode;
    const Result<InodeRecord> record = DecodeInodeRecord(inodes->key(), inodes->value());
    if (!record.ok()) LogDamage("the record", inodes->key());
    if (record.ok()) visit(inode, *record, has_name ? keys::DirectoryOfLink(links->key()) : InodeId{});
  }
  if (const Status status = inodes->status(); !status.ok()) return status;
  return links->status();
}

}  // namespace hardlinkfs
