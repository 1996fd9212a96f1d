// After a fallback to a snapshot: whether what lies at a home is what the record was made for. If not, it may be anybody's secret by now,
// and must not get permissions that were meant for another.
#include <spdlog/spdlog.h>

#include <cerrno>

#include "store/volume/catalog_volume.h"

namespace hardlinkfs {
namespace {

constexpr size_t kEntriesConsidered = 64;
constexpr unsigned kLevelsConsidered = 8;

}  // namespace

// A regular file by its size and time. A directory has nothing of its own by which to know it: but by what lies in it.
Result<bool> CatalogVolume::IsKnownAgain(InodeId inode, const InodeRecord& record, const BackingStat& seen, unsigned levels) {
  if (seen.type != record.type) return false;
  if (record.type == FileType::kRegular) return record.imported && seen.size == record.size && seen.mtime == record.seen_mtime;
  if (record.type != FileType::kDirectory) return true;
  const Result<BackingDirectoryRef> in = directories_.Open(inode);
  if (!in.ok()) return in.error();
  const auto homes = catalog_.ListHomes(inode, std::nullopt, kEntriesConsidered);
  if (!homes.ok()) return homes.error();
  if (homes->empty()) {
    bool any = false;
    const Status listed = backing_.List(*in, [&any](const BackingEntry&) {
      any = true;
      return false;
    });
    if (!listed.ok()) return listed.error();
    return record.listed && !any;
  }
  for (const auto& [name, resident] : *homes) {
    const Result<InodeRecord> inside = catalog_.ReadInode(resident);
    const Result<BackingStat> there = backing_.Stat(*in, name);
    if (!inside.ok() || !there.ok()) continue;
    const bool tells = inside->type == FileType::kRegular || (inside->type == FileType::kDirectory && levels > 0);
    if (!tells) continue;
    const Result<bool> known = IsKnownAgain(resident, *inside, *there, levels - 1);
    if (known.ok() && *known) return true;
  }
  return false;
}

// RETURNS: false when the home is not this inode's any more. REQUIRES: exclusive(inode), an unconfirmed record.
Result<bool> CatalogVolume::Confirm(InodeId inode, InodeRecord& record, const BackingStat& seen, Transaction& transaction) {
  // It stays so: what lies at the home of an orphan of that time is nobody's to remove.
  if (record.nlink == 0) return true;
  const Result<bool> known = IsKnownAgain(inode, record, seen, kLevelsConsidered);
  if (!known.ok()) return known.error();
  if (!*known) {
    const auto names = catalog_.NamesOf(inode, Catalog::kNamesConsidered);
    if (!names.ok()) return names.error();
    // Its name does not lead here: something else took the place, and has a name of its own.
    if (!IsAtOneOf(*record.home, *names)) return false;
    const auto xattrs = catalog_.ListXattrs(inode);
    if (!xattrs.ok()) return xattrs.error();
    for (const std::string& xattr : *xattrs) transaction.DeleteXattr(inode, xattr);
    record.mode = record.type == FileType::kDirectory ? 0700 : 0600;
    record.uid = options_.keeper_uid;
    record.gid = options_.keeper_gid;
    record.imported = false;  // what the backing itself says of it is right
    spdlog::warn("inode {} (\"{}\") was changed after the snapshot of the catalog: it belongs to who runs the server alone", Raw(inode),
                 record.home->name.bytes());
  }
  record.unconfirmed = false;
  transaction.PutInode(inode, record);
  return true;
}

}  // namespace hardlinkfs
