// rename: rows change places in one commit, so it is atomic on any backing; homes follow later.
#include <cerrno>
#include <map>

#include "store/volume/catalog_volume.h"
#include "store/volume/loop_guard.h"

namespace hardlinkfs {

Result<bool> CatalogVolume::IsAncestor(InodeId inode, InodeId below) const {
  LoopGuard guard(below);
  for (InodeId at = below;;) {
    if (at == inode) return true;
    if (at == kRootInode) return false;
    const Result<InodeRecord> record = catalog_.ReadInode(at);
    if (!record.ok()) return record.error();
    at = record->parent;
    if (guard.Repeats(at)) return Error{EUCLEAN, "directories lie inside each other"};
  }
}

namespace {

// Whether `target` may be replaced by `source`, as rename(2) has it.
Status MayReplace(const Catalog& catalog, FileType source, InodeId target, FileType target_type) {
  const bool source_is_directory = source == FileType::kDirectory;
  const bool target_is_directory = target_type == FileType::kDirectory;
  if (source_is_directory && !target_is_directory) return Error{ENOTDIR, "rename of a directory over a file"};
  if (!source_is_directory && target_is_directory) return Error{EISDIR, "rename of a file over a directory"};
  if (!target_is_directory) return {};
  const Result<bool> has_names = catalog.HasNames(target);
  if (!has_names.ok()) return has_names.error();
  if (*has_names) return Error{ENOTEMPTY, "rename over a directory with names in it"};
  return {};
}

}  // namespace

Result<std::optional<LostName>> CatalogVolume::Rename(const Caller& caller, const RenameRequest& r) {
  const Result<NameRow> source_row = catalog_.FindName(r.directory, r.name);
  if (!source_row.ok()) return source_row.error();
  const Result<NameRow> target_row = catalog_.FindName(r.new_directory, r.new_name);
  if (!target_row.ok() && target_row.code() != ENOENT) return target_row.error();
  if (source_row->record.inode != r.inode) return Error{ESTALE, "source was replaced meanwhile"};
  if (target_row.ok() != r.target.has_value() || (target_row.ok() && target_row->record.inode != *r.target)) {
    return Error{ESTALE, "target was replaced meanwhile"};
  }
  if (r.replace == Replace::kRefused && r.target.has_value()) return Error{EEXIST, "rename onto an existing name"};
  if (r.replace == Replace::kExchange && !r.target.has_value()) return Error{ENOENT, "exchange with nothing"};
  // POSIX: two names of one file: nothing happens.
  if (r.target == r.inode) return std::optional<LostName>();

  std::map<InodeId, InodeRecord> records;  // one copy each: directories and inodes may be the same ones
  for (const InodeId id : {r.directory, r.new_directory, r.inode, r.target.value_or(r.inode)}) {
    const Result<InodeRecord> record = catalog_.ReadInode(id);
    if (!record.ok()) return record.error();
    records[id] = *record;
  }
  InodeRecord& from = records[r.directory];
  InodeRecord& to = records[r.new_directory];
  InodeRecord& source = records[r.inode];
  if (from.nlink == 0 || to.nlink == 0) return Error{ENOENT, "directory was removed"};
  const bool source_is_directory = source.type == FileType::kDirectory;
  const bool exchange = r.replace == Replace::kExchange;
  if (r.target.has_value() && !exchange) {
    if (Status may = MayReplace(catalog_, source.type, *r.target, records[*r.target].type); !may.ok()) return may.error();
  }

  Transaction transaction(catalog_);
  const Timestamp now = clock_.Now();
  if (Status removed = transaction.RemoveName(r.directory, r.name); !removed.ok()) return removed.error();
  if (r.target.has_value()) {
    if (Status removed = transaction.RemoveName(r.new_directory, r.new_name); !removed.ok()) return removed.error();
  }
  if (Status added = transaction.AddName(r.new_directory, r.new_name, r.inode, source.type); !added.ok()) return added.error();

  if (source_is_directory) {
    --from.nlink;
    ++to.nlink;
    source.parent = r.new_directory;
  }
  source.ctime = now;
  MarkDetachedIfAt(transaction, r.inode, source, r.directory, r.name);
  std::optional<LostName> lost;
  if (r.target.has_value()) {
    InodeRecord& target = records[*r.target];
    target.ctime = now;
    if (exchange) {
      if (Status added = transaction.AddName(r.directory, r.name, *r.target, target.type); !added.ok()) return added.error();
      if (target.type == FileType::kDirectory) {
        --to.nlink;
        ++from.nlink;
        target.parent = r.directory;
      }
      MarkDetachedIfAt(transaction, *r.target, target, r.new_directory, r.new_name);
    } else {
      if (target.type == FileType::kDirectory) {
        --to.nlink;
        target.nlink = 0;
      } else {
        --target.nlink;
      }
      if (target.nlink == 0) {
        target.in_use = r.target_use == Use::kOpen || IsContentUnsynced(*r.target);
        transaction.PutOrphan(*r.target);
      } else {
        MarkDetachedIfAt(transaction, *r.target, target, r.new_directory, r.new_name);
      }
      lost = LostName{*r.target, target.nlink};
    }
  }
  std::optional<InodeId> made_whiteout;
  if (r.whiteout) {
    const NewInode what{.type = FileType::kCharacterDevice, .mode = 0, .uid = caller.uid, .gid = caller.gid};
    const Result<InodeId> number = NextInode();
    if (!number.ok()) return number.error();
    const InodeId whiteout = *number;
    if (Status added = transaction.AddName(r.directory, r.name, whiteout, what.type); !added.ok()) return added.error();
    AddInode(transaction, whiteout, NewRecord(what, Content{}), what);
    made_whiteout = whiteout;
  }
  Touch(from, now);
  Touch(to, now);
  for (const auto& [inode, record] : records) transaction.PutInode(inode, record);

  // S7: noted before the commit, since the engine may make it durable by itself at once; and under the gate, so that no sync of the log
  // takes the note away before the commit.
  std::shared_lock gate(takeover_gate_);
  if (r.target.has_value()) {
    MutexLock lock(pending_mutex_);
    if (source.type == FileType::kRegular) takeovers_.insert(r.inode);
    if (exchange && records[*r.target].type == FileType::kRegular) takeovers_.insert(*r.target);
  }
  const bool frees = lost.has_value() && lost->nlink == 0;
  if (Status committed = Commit(transaction, frees ? Room::kFromReserve : Room::kNeeded); !committed.ok()) return committed.error();
  if (made_whiteout.has_value()) {
    verified_.Insert(*made_whiteout);
    ++inode_count_;
  }
  return lost;
}

}  // namespace hardlinkfs
