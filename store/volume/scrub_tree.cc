// Pass 3: directories form one tree. Pass 4: link counts, and the small tables that say something of an inode.
#include <algorithm>
#include <cerrno>
#include <string>
#include <unordered_set>

#include "store/volume/scrubber.h"

namespace hardlinkfs {

Status Scrubber::CheckTree() {
  if (Status begun = Begin(3, meta_.inode_count); !begun.ok()) return begun;
  InodeSet reachable;
  reachable.Insert(kRootInode);
  ScrubRows rows(engine_, keys::kInodes);
  for (; rows.Valid(); rows.Next()) {
    if (Status step = Step(); !step.ok()) return step;
    const Result<InodeRecord> record = DecodeInodeRecord(rows.key(), rows.value());
    if (!record.ok() || record->type != FileType::kDirectory || rows.inode() < kFirstFreeInode || record->nlink == 0) continue;
    if (Status checked = OrLater(CheckDirectory(rows.inode(), *record)); !checked.ok()) return checked;
    if (Status checked = OrLater(CheckReachable(rows.inode(), reachable)); !checked.ok()) return checked;
  }
  if (!rows.status().ok()) return rows.status();
  return End();
}

// Of the root everything but its rights is known.
Status Scrubber::CheckRoot() {
  const Result<InodeRecord> root = catalog_.ReadInode(kRootInode);
  if (!root.ok() && root.code() != ENOENT && root.code() != EUCLEAN) return root.error();
  const bool good = root.ok() && root->type == FileType::kDirectory && root->nlink > 0;
  Transaction transaction(catalog_);
  if (!good) {
    const char* const what = root.ok() ? "is no directory" : root.code() == ENOENT ? "is missing" : "is damaged";
    if (!Report(Weight::kMajor, std::string("The record of the root ") + what, "Make it anew")) return {};
    const Result<uint64_t> subdirectories = CountSubdirectories(kRootInode);
    if (!subdirectories.ok()) return subdirectories.error();
    const Result<BackingStat> seen = backing_.StatDirectory(backing_.root());
    if (!seen.ok()) return seen.error();
    InodeRecord record{.type = FileType::kDirectory,
                       .mode = 0700,
                       .uid = target_.keeper_uid,
                       .gid = target_.keeper_gid,
                       .nlink = static_cast<uint32_t>(2 + *subdirectories),
                       .generation = 1,
                       .atime = seen->atime,
                       .mtime = seen->mtime,
                       .ctime = target_.clock.Now(),
                       .btime = seen->btime.value_or(seen->mtime)};
    record.parent = kRootInode;
    record.listed = true;
    transaction.PutInode(kRootInode, record);
    return Apply(transaction);
  }
  if (root->parent == kRootInode && !root->home.has_value()) return {};
  if (!Report(Weight::kMinor, "The root has a parent or a home", "Correct it")) return {};
  InodeRecord record = *root;
  record.parent = kRootInode;
  record.home.reset();
  transaction.PutInode(kRootInode, record);
  return Apply(transaction);
}

Status Scrubber::CheckDirectory(InodeId inode, const InodeRecord& record) {
  const Result<std::vector<NameRow>> names = catalog_.NamesOf(inode, Catalog::kNamesConsidered);
  if (!names.ok()) return names.error();
  Transaction transaction(catalog_);
  if (names->empty()) {
    if (!Report(Weight::kMajor, "Directory " + Called(inode) + " has no name", "Move it to lost+found")) return {};
    const Result<InodeRecord> current = catalog_.ReadInode(inode);
    if (!current.ok()) return current.code() == ENOENT ? Status() : current.status();
    if (Status reconnected = Reconnect(transaction, inode, *current); !reconnected.ok()) return reconnected;
    return Apply(transaction);
  }
  const auto at_parent = [&](const NameRow& row) { return row.directory == record.parent; };
  const auto under = [&](const NameRow& row) { return IsUnderName(record, row); };
  auto kept = std::ranges::find_if(*names, [&](const NameRow& row) { return at_parent(row) && under(row); });
  if (kept == names->end()) kept = std::ranges::find_if(*names, at_parent);
  if (kept == names->end()) kept = names->begin();
  const bool several = names->size() > 1;
  const bool wrong_parent = kept->directory != record.parent;
  if (!several && !wrong_parent) return {};
  if (several) {
    const std::string problem = "Directory " + Called(inode) + " has " + std::to_string(names->size()) + " names";
    if (!Report(Weight::kMajor, problem, "Keep " + Quoted(kept->record.name))) return {};
  } else if (!Report(Weight::kMinor, "Directory " + Called(inode) + " has a wrong parent", "Correct it")) {
    return {};
  }
  for (const NameRow& row : *names) {
    if (row.directory == kept->directory && row.slot == kept->slot) continue;
    if (Status cleared = transaction.ClearRow(row.directory, row.slot); !cleared.ok()) return cleared;
    transaction.DeleteLink(inode, row.directory, row.slot);
  }
  Result<InodeRecord> current = catalog_.ReadInode(inode);
  if (!current.ok()) return current.error();
  current->parent = kept->directory;
  transaction.PutInode(inode, *current);
  transaction.PutDetached(inode);
  return Apply(transaction);
}

// Up to the first directory that is known to be reachable. Each is walked over once, so that this takes no more than two reads each.
Status Scrubber::CheckReachable(InodeId inode, InodeSet& reachable) {
  std::vector<InodeId> path;
  std::unordered_set<InodeId> on_path;
  for (InodeId at = inode; !reachable.Contains(at);) {
    if (!on_path.insert(at).second) {
      if (Report(Weight::kMajor, "Directory " + Called(at) + " lies inside itself", "Move it to lost+found")) {
        if (Status cut = CutLoose(at); !cut.ok()) return cut;
      }
      break;
    }
    path.push_back(at);
    const Result<InodeRecord> record = catalog_.ReadInode(at);
    if (record.code() == EUCLEAN || record.code() == ENOENT) break;  // told of by passes 1 and 2
    if (!record.ok()) return record.error();
    if (record->type != FileType::kDirectory) {
      // What hangs below a file is found by nobody.
      const InodeId below = path.size() > 1 ? path[path.size() - 2] : inode;
      if (Report(Weight::kMajor, "Directory " + Called(below) + " lies in " + Called(at) + ", which is no directory",
                 "Move it to lost+found")) {
        if (Status cut = CutLoose(below); !cut.ok()) return cut;
      }
      break;
    }
    at = record->parent;
  }
  for (const InodeId seen : path) reachable.Insert(seen);
  return {};
}

Status Scrubber::CutLoose(InodeId inode) {
  const Result<InodeRecord> record = catalog_.ReadInode(inode);
  if (!record.ok()) return record.error();
  const Result<std::vector<NameRow>> names = catalog_.NamesOf(inode, Catalog::kNamesConsidered);
  if (!names.ok()) return names.error();
  Transaction transaction(catalog_);
  for (const NameRow& row : *names) {
    if (Status cleared = transaction.ClearRow(row.directory, row.slot); !cleared.ok()) return cleared;
    transaction.DeleteLink(inode, row.directory, row.slot);
  }
  if (Status reconnected = Reconnect(transaction, inode, *record); !reconnected.ok()) return reconnected;
  return Apply(transaction);
}

Status Scrubber::CheckCounts() {
  if (Status begun = Begin(4, meta_.inode_count); !begun.ok()) return begun;
  ScrubRows names(engine_, keys::kNames);
  ScrubRows links(engine_, keys::kLinks);
  ScrubRows orphans(engine_, keys::kOrphans);
  ScrubRows rows(engine_, keys::kInodes);
  for (; rows.Valid(); rows.Next()) {
    if (Status step = Step(); !step.ok()) return step;
    const InodeId inode = rows.inode();
    const Result<InodeRecord> record = DecodeInodeRecord(rows.key(), rows.value());
    if (!record.ok() || (inode != kRootInode && inode < kFirstFreeInode)) continue;
    uint64_t count = 0;
    for (links.SkipTo(inode); links.Valid() && links.inode() == inode; links.Next()) ++count;
    uint64_t subdirectories = 0;
    if (record->type == FileType::kDirectory) {
      for (names.SkipTo(inode); names.Valid() && names.inode() == inode; names.Next()) {
        const Result<NameRecord> name = DecodeNameRecord(names.key(), names.value());
        if (name.ok() && !name->name.empty() && name->type == FileType::kDirectory) ++subdirectories;
      }
    }
    const bool is_orphan = orphans.SkipTo(inode);
    if (Status checked = OrLater(CheckCount(inode, *record, count, subdirectories, is_orphan)); !checked.ok()) return checked;
  }
  for (const ScrubRows* table : {&names, &links, &orphans, &rows}) {
    if (!table->status().ok()) return table->status();
  }
  if (Status checked = CheckSmallTables(); !checked.ok()) return checked;
  return End();
}

// What has no name is removed if its row among the orphans says so as well; a content is not given up on the word of one row.
Status Scrubber::CheckCount(InodeId inode, const InodeRecord& record, uint64_t names, uint64_t subdirectories, bool is_orphan) {
  const bool is_directory = record.type == FileType::kDirectory;
  const bool named = names > 0 || inode == kRootInode;
  if (!named && record.nlink == 0 && is_orphan) {
    Note("The unnamed " + Called(inode) + " is to be removed");
    return {};
  }
  Transaction transaction(catalog_);
  if (!named) {
    if (is_directory && record.nlink > 0) return {};  // pass 3
    if (!Report(Weight::kMajor, "The " + Called(inode) + " has no name, and was not removed", "Move it to lost+found")) return {};
    const Result<InodeRecord> current = catalog_.ReadInode(inode);
    if (!current.ok()) return current.error();
    if (Status reconnected = Reconnect(transaction, inode, *current); !reconnected.ok()) return reconnected;
    return Apply(transaction);
  }
  const uint64_t right = is_directory ? 2 + subdirectories : names;
  const bool marked_wrong = is_orphan || record.linkable;
  if (record.nlink == right && !marked_wrong) return {};
  std::string problem =
      "The " + Called(inode) + " has the link count " + std::to_string(record.nlink) + ", should be " + std::to_string(right);
  if (record.nlink == right) problem = "The " + Called(inode) + " has a name, and is marked as having none";
  if (!Report(Weight::kMinor, problem, "Correct it")) return {};
  Result<InodeRecord> current = catalog_.ReadInode(inode);
  if (!current.ok()) return current.error();
  current->nlink = static_cast<uint32_t>(right);
  current->linkable = false;
  current->in_use = false;
  transaction.DeleteOrphan(inode);
  transaction.PutInode(inode, *current);
  return Apply(transaction);
}

// Last of all that goes by rows alone: until here a target or an xattr could still be wanted by a record that was made anew.
Status Scrubber::CheckSmallTables() {
  for (const std::string_view table : {keys::kDetached, keys::kIntents, keys::kOrphans, keys::kTargets, keys::kXattrs}) {
    InodeId known{};
    Result<InodeRecord> record = Error{ENOENT, "none yet"};
    ScrubRows rows(engine_, table);
    for (; rows.Valid(); rows.Next()) {
      if (rows.inode() != known) record = catalog_.ReadInode(rows.inode());
      known = rows.inode();
      if (!record.ok() && record.code() != ENOENT && record.code() != EUCLEAN && record.code() != ENOTSUP) return record.error();
      const bool of_wrong_type = record.ok() && table == keys::kTargets && record->type != FileType::kSymlink;
      if (record.code() != ENOENT && !of_wrong_type) continue;
      std::string what = "A row of table " + std::string(table) + " is of " + Called(known);
      if (table == keys::kXattrs) what = "The xattr " + Quoted(keys::TailOf(rows.key())) + " is of " + Called(known);
      const char* const why = of_wrong_type ? ", which is no symlink" : ", which does not exist";
      if (!Report(Weight::kMinor, what + why, "Delete it")) continue;
      Transaction transaction(catalog_);
      transaction.DeleteKey(std::string(rows.key()));
      if (Status applied = Apply(transaction); !applied.ok()) return applied;
    }
    if (!rows.status().ok()) return rows.status();
  }
  return {};
}

}  // namespace hardlinkfs
