// Catalog: typed reads of the records, and Transaction: edits collected and committed as one batch. The same on every engine; it knows
// nothing of the backing and takes no locks: who may edit what at once is the caller's affair (docs/locking.md).
#ifndef HARDLINKFS_STORE_CATALOG_CATALOG_H_
#define HARDLINKFS_STORE_CATALOG_CATALOG_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/base/result.h"
#include "store/catalog/keys.h"
#include "store/catalog/records.h"
#include "store/engine/engine.h"

namespace hardlinkfs {

// A name with its position in its directory.
struct NameRow {
  InodeId directory{};
  Slot slot{};
  NameRecord record;
};

// 64 well mixed bits of a name; what decides its slot.
using NameHash = uint64_t (*)(std::string_view name, uint64_t seed);
uint64_t HashName(std::string_view name, uint64_t seed);

// Every read RETURNS: ENOENT for what is not there, EUCLEAN for a record that does not verify, EIO. Thread safety: any thread.
class Catalog {
 public:
  // `engine` is borrowed. Tests give a hash that collides; a volume must keep the one that it began with.
  explicit Catalog(Engine& engine, NameHash hash = HashName) : engine_(engine), hash_(hash) {}

  // RETURNS: the volume's row; ENOENT from a catalog that was never used. Sets the hash seed for the names, so: once, before other threads
  // read.
  Result<MetaRecord> ReadMeta();
  void UseHashSeed(uint64_t seed) { hash_seed_ = seed; }

  Result<InodeRecord> ReadInode(InodeId inode) const;
  Result<NameRow> FindName(InodeId directory, const Name& name) const;
  // Lists leave out, and log, what does not verify: a damaged row costs what it describes, and not what lies beside it.
  // RETURNS: up to `limit` rows of `directory` with slots above `after`, in the order of slots.
  Result<std::vector<NameRow>> ListNames(InodeId directory, Slot after, size_t limit) const;
  // EUCLEAN where only damaged rows are left: such a directory is not empty.
  Result<bool> HasNames(InodeId directory) const;
  // For NamesOf: of a file with thousands of links any will do.
  static constexpr size_t kNamesConsidered = 64;
  // RETURNS: up to `limit` names of `inode`, in the order of their directories' numbers and then of slots, after that position (no
  // directory: from the first).
  Result<std::vector<NameRow>> NamesOf(InodeId inode, size_t limit, InodeId after_directory = {}, Slot after = {}) const;

  Result<InodeId> FindHome(const Place& place) const;
  // RETURNS: up to `limit` homes in `directory` after `after` (nullopt: from the first), in the order of backing names.
  Result<std::vector<std::pair<BackingName, InodeId>>> ListHomes(InodeId directory, const std::optional<BackingName>& after,
                                                                 size_t limit) const;

  Result<std::string> ReadXattr(InodeId inode, const std::string& name) const;  // ENODATA if absent
  Result<std::vector<std::string>> ListXattrs(InodeId inode) const;
  Result<std::string> ReadTarget(InodeId inode) const;

  Result<bool> IsOrphan(InodeId inode) const;
  // RETURNS: up to `limit` numbers above `after`.
  Result<std::vector<InodeId>> ListOrphans(InodeId after, size_t limit) const;
  Result<std::vector<InodeId>> ListDetached(InodeId after, size_t limit) const;
  Result<std::vector<IntentRecord>> ListIntents() const;
  // RETURNS: whether `slot` is one of those that `name` may have in its directory.
  bool MayLieAt(const Name& name, Slot slot) const;
  // RETURNS: how many inode records there are, by counting them.
  Result<uint64_t> CountInodes() const;
  // RETURNS: the directory of the first of the names that NamesOf tells, without a look at it; unset when there is none.
  Result<InodeId> FirstDirectoryOf(InodeId inode) const;
  // Calls `visit` for each inode, in the order of numbers, with that directory. REQUIRES: nothing is committed meanwhile.
  Status VisitInodes(const std::function<void(InodeId, const InodeRecord&, InodeId)>& visit) const;

  Engine& engine() const { return engine_; }

 private:
  friend class Transaction;
  // RETURNS: the first of the kChainLength slots that `name` may have.
  Slot FirstSlot(const Name& name) const;
  // RETURNS: the row, also if it is a tombstone; nullopt if there is none.
  Result<std::optional<NameRecord>> ReadRow(InodeId directory, Slot slot) const;

  Engine& engine_;
  NameHash hash_;
  uint64_t hash_seed_ = 0;
};

// Collects edits. Reads of the catalog do not see them, except that AddName and RemoveName of one transaction see each other. Not
// thread-safe.
class Transaction {
 public:
  explicit Transaction(Catalog& catalog) : catalog_(catalog) {}

  void PutMeta(const MetaRecord& meta);
  void PutInode(InodeId inode, const InodeRecord& record);
  // Deletes the inode's record, its symlink target and its orphan, detached and intent rows. Its xattrs, names and home are deleted singly.
  void DeleteInode(InodeId inode);

  // Adds the row and its backward row. RETURNS: EEXIST, ENOSPC when more than eight names of one directory share a hash, EIO, EUCLEAN.
  Status AddName(InodeId directory, const Name& name, InodeId inode, FileType type);
  // Removes the row and its backward row. RETURNS: ENOENT.
  Status RemoveName(InodeId directory, const Name& name);

  // For repairs, which go by slots. PutRow writes a row over whatever is there. ClearRow removes the row, damaged or not, so that its chain
  // stays without a gap and a tombstone at its end; where there is none it does nothing. Neither touches backward rows.
  void PutRow(const NameRow& row) { SetRow(row.directory, row.slot, row.record); }
  Status ClearRow(InodeId directory, Slot slot);
  void PutLink(InodeId inode, InodeId directory, Slot slot);
  void DeleteLink(InodeId inode, InodeId directory, Slot slot);
  // A row that no table has, or with a value that nobody can read.
  void DeleteKey(std::string key) { batch_.Delete(std::move(key)); }
  void PutKey(std::string key) { batch_.Put(std::move(key), ""); }  // without a value

  void PutHome(const Place& place, InodeId inode);
  void DeleteHome(const Place& place);
  void PutXattr(InodeId inode, const std::string& name, std::string_view value);
  void DeleteXattr(InodeId inode, const std::string& name);
  void PutTarget(InodeId inode, std::string_view target);
  void PutOrphan(InodeId inode);
  void DeleteOrphan(InodeId inode);
  void PutDetached(InodeId inode);
  void DeleteDetached(InodeId inode);
  void PutIntent(const IntentRecord& intent);
  void DeleteIntent(InodeId inode);

  // What becomes of one inode.
  struct ChangedInode {
    bool deleted = false;
    std::optional<InodeRecord> record;  // unset: it stays as it is
    bool names = false;                 // some come, or go
    InodeId first_new_directory{};      // of those that come, the lowest
  };
  // RETURNS: all inodes whose record or names will be others.
  std::map<InodeId, ChangedInode> ChangedInodes() const;

  bool empty() const { return batch_.empty(); }
  // Commits all edits atomically; see Engine::Commit. At most once a transaction.
  Status Commit();

 private:
  struct Found {
    Slot slot{};
    unsigned position = 0;  // in its chain
    NameRecord row;
  };
  Result<Found> Find(InodeId directory, const Name& name) const;
  // RETURNS: the row at a slot as this transaction will leave it; nullopt if there is none. A row with an empty name is a tombstone: it
  // keeps the chain of equal hashes together after a deletion.
  Result<std::optional<NameRecord>> RowAt(InodeId directory, Slot slot) const;
  void SetRow(InodeId directory, Slot slot, std::optional<NameRecord> row);
  enum class Occupant { kNone, kTombstone, kOther };
  Result<Occupant> OccupantOf(InodeId directory, Slot slot) const;

  Catalog& catalog_;
  Batch batch_;
  std::map<std::pair<InodeId, Slot>, std::optional<NameRecord>> touched_;
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_CATALOG_CATALOG_H_
