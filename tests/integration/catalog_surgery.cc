#include "tests/integration/catalog_surgery.h"

#include <cerrno>

#include "store/catalog/catalog.h"
#include "store/catalog/keys.h"
#include "store/engine/rocksdb_engine.h"

namespace hardlinkfs {
namespace {

Result<std::unique_ptr<Engine>> OpenEngine(const std::string& source) {
  return OpenRocksdbEngine(source + "/.hardlinkfs/catalog", {.mode = RocksdbMode::kMustExist});
}

Errno FlipBitAt(Engine& engine, const std::string& key) {
  Result<std::optional<std::string>> value = engine.Get(key);
  if (!value.ok()) return Errno{value.code()};
  if (!value->has_value()) return Errno{ENOENT};
  std::string damaged = **value;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  Batch batch;
  batch.Put(key, damaged);
  if (const Status committed = engine.Commit(batch); !committed.ok()) return Errno{committed.code()};
  return Errno{engine.Sync().code()};
}

}  // namespace

Errno SetStoredNlink(const std::string& source, uint64_t inode, uint32_t nlink) {
  const Result<std::unique_ptr<Engine>> engine = OpenEngine(source);
  if (!engine.ok()) return Errno{engine.code()};
  Catalog catalog(**engine);
  Result<InodeRecord> record = catalog.ReadInode(InodeId{inode});
  if (!record.ok()) return Errno{record.code()};
  record->nlink = nlink;
  Transaction transaction(catalog);
  transaction.PutInode(InodeId{inode}, *record);
  if (const Status committed = transaction.Commit(); !committed.ok()) return Errno{committed.code()};
  return Errno{(*engine)->Sync().code()};
}

Errno DamageStoredRecord(const std::string& source, uint64_t inode) {
  const Result<std::unique_ptr<Engine>> engine = OpenEngine(source);
  if (!engine.ok()) return Errno{engine.code()};
  return FlipBitAt(**engine, keys::Inode(InodeId{inode}));
}

Errno MarkStoredUnclean(const std::string& source) {
  const Result<std::unique_ptr<Engine>> engine = OpenEngine(source);
  if (!engine.ok()) return Errno{engine.code()};
  Catalog catalog(**engine);
  Result<MetaRecord> meta = catalog.ReadMeta();
  if (!meta.ok()) return Errno{meta.code()};
  meta->clean = false;
  Transaction transaction(catalog);
  transaction.PutMeta(*meta);
  if (const Status committed = transaction.Commit(); !committed.ok()) return Errno{committed.code()};
  return Errno{(*engine)->Sync().code()};
}

Errno DamageStoredName(const std::string& source, uint64_t directory, const std::string& name) {
  const Result<std::unique_ptr<Engine>> engine = OpenEngine(source);
  if (!engine.ok()) return Errno{engine.code()};
  Catalog catalog(**engine);
  const Result<MetaRecord> meta = catalog.ReadMeta();  // with the seed of the slots
  if (!meta.ok()) return Errno{meta.code()};
  const Result<Name> wanted = Name::From(name);
  if (!wanted.ok()) return Errno{wanted.code()};
  const Result<NameRow> row = catalog.FindName(InodeId{directory}, *wanted);
  if (!row.ok()) return Errno{row.code()};
  return FlipBitAt(**engine, keys::NameAt(InodeId{directory}, row->slot));
}

}  // namespace hardlinkfs
