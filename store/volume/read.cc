// Looking: attributes, names and listings as the records tell them.
#include <algorithm>
#include <cerrno>

#include "store/volume/catalog_volume.h"

namespace hardlinkfs {
namespace {

constexpr size_t kBatch = 128;
// The slots of names begin above these.
constexpr uint64_t kAfterDot = 1;
constexpr uint64_t kAfterDotDot = 2;
// Directories that are moved all the time while their path is looked for could make it endless.
constexpr size_t kMaxPath = 1U << 20U;

}  // namespace

Result<Attributes> CatalogVolume::Stat(InodeId inode) {
  const Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (!record.ok()) return record.error();
  return ToAttributes(inode, *record);
}

Result<InodeRef> CatalogVolume::Lookup(InodeId directory, const Name& name) {
  const Result<NameRow> row = catalog_.FindName(directory, name);
  if (!row.ok()) return row.error();
  return InodeRef(row->record.inode);
}

Result<InodeRef> CatalogVolume::Parent(InodeId directory) {
  const Result<InodeRecord> record = catalog_.ReadInode(directory);
  if (!record.ok()) return record.error();
  return InodeRef(record->parent);
}

Result<std::vector<NameOfInode>> CatalogVolume::NamesOf(InodeId inode, const NamePosition& after) {
  auto rows = catalog_.NamesOf(inode, kBatch, after.directory, Slot{after.offset});
  if (!rows.ok()) return rows.error();
  std::vector<NameOfInode> names;
  names.reserve(rows->size());
  for (NameRow& row : *rows) names.push_back({{row.directory, Raw(row.slot)}, std::move(row.record.name)});
  return names;
}

// Each step is looked at by itself: while directories above are moved it is a path of no single moment, as any path.
Result<std::string> CatalogVolume::PathOf(InodeId directory) {
  std::vector<std::string> upwards;
  size_t bytes = 0;
  for (InodeId at = directory; at != kRootInode;) {
    auto rows = catalog_.NamesOf(at, 1);
    if (!rows.ok()) return rows.error();
    if (rows->empty()) return Error{ENOENT, "path of a directory that was removed"};
    upwards.push_back(std::move(rows->front().record.name));
    bytes += upwards.back().size() + 1;
    if (bytes > kMaxPath) return Error{ENAMETOOLONG, "directories that are nested too deep"};
    at = rows->front().directory;
  }
  if (upwards.empty()) return std::string("/");
  std::string path;
  path.reserve(bytes);
  for (auto name = upwards.rbegin(); name != upwards.rend(); ++name) path.append("/").append(*name);
  return path;
}

Result<std::string> CatalogVolume::ReadLink(InodeId inode) {
  Result<std::string> target = catalog_.ReadTarget(inode);
  if (target.code() == ENOENT) return Error{EINVAL, "readlink of something that is no symlink"};
  return target;
}

// An offset says all that there is to remember.
Result<std::unique_ptr<DirectoryStream>> CatalogVolume::OpenDirectory(InodeId /*directory*/) { return std::make_unique<DirectoryStream>(); }

Result<std::vector<ListedName>> CatalogVolume::List(InodeId directory, DirectoryStream& /*stream*/, uint64_t offset) {
  std::vector<ListedName> names;
  if (offset < kAfterDotDot) {
    const Result<InodeRecord> record = catalog_.ReadInode(directory);
    if (!record.ok()) return record.error();
    if (record->nlink == 0) return names;  // removed: empty, without "." even, as elsewhere
    if (offset < kAfterDot) names.push_back({".", FileType::kDirectory, Raw(directory), kAfterDot, directory});
    names.push_back({"..", FileType::kDirectory, Raw(record->parent), kAfterDotDot, record->parent});
  }
  auto rows = catalog_.ListNames(directory, Slot{std::max(offset, kAfterDotDot)}, kBatch);
  if (!rows.ok()) return rows.error();
  names.reserve(names.size() + rows->size());
  for (NameRow& row : *rows) {
    names.push_back({.name = std::move(row.record.name),
                     .type = row.record.type,
                     .number = Raw(row.record.inode),
                     .offset = Raw(row.slot),
                     .inode = row.record.inode});
  }
  return names;
}

// A home in this directory was seen when the directory was listed; one elsewhere has to be looked for before its name is shown.
bool CatalogVolume::MayBeListed(InodeId directory, InodeId inode) const {
  if (IsPrepared(inode)) return true;
  const Result<InodeRecord> record = catalog_.ReadInode(inode);
  return !record.ok() || (record->home.has_value() && record->home->directory == directory);
}

}  // namespace hardlinkfs
