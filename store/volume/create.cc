// Making inodes: the home first, at its natural place where that is free, then one commit.
#include <cerrno>

#include "store/backing/case_fold.h"
#include "store/base/rules.h"
#include "store/volume/catalog_volume.h"

namespace hardlinkfs {

namespace {

// What a backing says of a name that is taken, or that it cannot hold after all; backings disagree about the second.
bool IsRefusedName(int code) { return code == EEXIST || code == EINVAL || code == ENOENT || code == EILSEQ || code == ENAMETOOLONG; }

}  // namespace

Result<CatalogVolume::Content> CatalogVolume::MakeContentAt(const Place& place, const NewInode& what) {
  // The catalog is asked first: a row whose home vanished from the backing still stands for an inode that has not been looked at yet.
  const Result<bool> taken = IsTaken(place);
  if (!taken.ok()) return taken.error();
  if (*taken) return Error{EEXIST, "place is taken"};
  if (Status removed = RemoveLeftover(place); !removed.ok()) return removed.error();
  const Result<BackingDirectoryRef> in = directories_.Open(place.directory);
  if (!in.ok()) return in.error();
  Content content{.home = place};
  // The mode is given at once: on a backing that keeps modes nobody may look into a private file even for a moment.
  if (what.type == FileType::kDirectory) {
    if (Status made = backing_.MakeDirectory(*in, place.name, BackingMode(what.type, what.mode)); !made.ok()) return made.error();
  } else {
    Result<std::unique_ptr<BackingFile>> file = backing_.CreateFile(*in, place.name, BackingMode(what.type, what.mode));
    if (!file.ok()) return file.error();
    content.file = *std::move(file);
  }
  Status finished = MirrorOwnerAndMode(place, what.type, what.mode, what.uid, what.gid);
  if (finished.ok() && content.file != nullptr) {
    const Result<BackingStat> seen = content.file->Stat();
    finished = seen.status();
    if (seen.ok()) content.seen = *seen;
  }
  if (!finished.ok()) {
    RemoveContentAfterFailure(content, what.type);
    return finished.error();
  }
  NoteNewEntries(place.directory);
  return content;
}

// The intent to move away from it is settled, but may come back in a power cut: whatever lies there then is taken for what was to be moved.
void CatalogVolume::LeavePlace(const Place& place) {
  MutexLock lock(pending_mutex_);
  announced_.erase(AsTheBackingSees(place));
  if (Keeps(Rule::kLeftPlaceIsTaken)) left_.insert(AsTheBackingSees(place));
}

Place CatalogVolume::AsTheBackingSees(const Place& place) const {
  return capabilities_.case_sensitive ? place : Place{place.directory, BackingName(CaseFold(place.name.bytes()))};
}

Result<bool> CatalogVolume::IsTaken(const Place& place) {
  {
    const Place seen = AsTheBackingSees(place);
    MutexLock lock(pending_mutex_);
    if (announced_.contains(seen) || left_.contains(seen)) return true;
  }
  const Result<InodeId> resident = catalog_.FindHome(place);
  if (!resident.ok() && resident.code() != ENOENT) return resident.error();
  return resident.ok() && Keeps(Rule::kHomeIsTaken);
}

// Whether a power cut could bring back a state in which nobody had looked into the directory. What was made in it since would then be taken
// for a stranger's, with its permissions; in homes/ it is not.
bool CatalogVolume::IsFreshListing(InodeId directory) {
  MutexLock lock(pending_mutex_);
  return fresh_listings_.contains(directory) && Keeps(Rule::kFreshListingKeepsApart);
}

Result<CatalogVolume::Content> CatalogVolume::MakeContent(InodeId directory, const Name& name, InodeId inode, const NewInode& what) {
  if (what.type != FileType::kDirectory && what.type != FileType::kRegular) return Content{};
  const Place natural{directory, codec_.Natural(name)};
  Result<Content> content = Error{EEXIST, "the listing of the directory is not durable yet"};
  if (!IsFreshListing(directory)) content = MakeContentAt(natural, what);
  if (content.ok() || !IsRefusedName(content.code())) return content;
  // Taken. By a home that only waits to be moved or removed: wait in homes/ for the place. By another name that this backing takes for the
  // same (a change of case): that stays, so the other spelling is the place for good.
  const Result<bool> taken = IsTaken(natural);
  if (!taken.ok()) return taken.error();
  if (!*taken && !IsFreshListing(directory)) {
    content = MakeContentAt({directory, codec_.Alternate(name)}, what);
    if (content.ok() || !IsRefusedName(content.code())) return content;
  }
  content = MakeContentAt(HomesPlace(inode), what);
  if (content.ok()) content->detached = true;
  return content;
}

// What cannot be removed now is tried again later; a session that ends before leaves an entry that nobody knows, and will be adopted as
// one.
void CatalogVolume::RemoveContentAfterFailure(const Content& content, FileType type) {
  if (!content.home.has_value()) return;
  {
    MutexLock lock(pending_mutex_);
    leftovers_[*content.home] = type;
  }
  static_cast<void>(RemoveLeftover(*content.home));
}

Status CatalogVolume::RemoveLeftover(const Place& place) {
  FileType type{};
  {
    MutexLock lock(pending_mutex_);
    const auto found = leftovers_.find(place);
    if (found == leftovers_.end()) return {};
    type = found->second;
  }
  const Result<InodeId> resident = catalog_.FindHome(place);
  if (!resident.ok() && resident.code() != ENOENT) return resident.error();
  const Result<BackingDirectoryRef> in = directories_.Open(place.directory);
  if (!in.ok() && in.code() != ENOENT) return in.error();
  // It may have been adopted meanwhile, and is somebody's then.
  if (in.ok() && !resident.ok()) {
    const Status removed = type == FileType::kDirectory ? backing_.RemoveDirectory(*in, place.name) : backing_.RemoveFile(*in, place.name);
    if (!removed.ok() && removed.code() != ENOENT) return removed;
  }
  MutexLock lock(pending_mutex_);
  leftovers_.erase(place);
  return {};
}

void CatalogVolume::RemoveLeftovers() {
  std::map<Place, FileType> left;
  {
    MutexLock lock(pending_mutex_);
    left = leftovers_;
  }
  for (const auto& [place, type] : left) {
    MutexLock home_lock(HomeLock(place.directory));
    static_cast<void>(RemoveLeftover(place));
  }
}

InodeRecord CatalogVolume::NewRecord(const NewInode& what, const Content& content) const {
  const Timestamp now = clock_.Now();
  InodeRecord record{.type = what.type,
                     .mode = what.mode,
                     .uid = what.uid,
                     .gid = what.gid,
                     .nlink = what.type == FileType::kDirectory ? 2U : 1U,
                     .generation = generation_,
                     .rdev = what.rdev,
                     .atime = now,
                     .mtime = now,
                     .ctime = now,
                     .btime = now};
  record.home = content.home;
  if (what.type == FileType::kSymlink) record.size = what.target.size();
  record.seen_mtime = content.seen.mtime;
  record.blocks = content.seen.blocks;
  return record;
}

void CatalogVolume::AddInode(Transaction& transaction, InodeId inode, const InodeRecord& record, const NewInode& what) {
  transaction.PutInode(inode, record);
  if (record.home.has_value()) transaction.PutHome(*record.home, inode);
  if (what.type == FileType::kSymlink) transaction.PutTarget(inode, what.target);
  for (const auto& [name, value] : what.xattrs) transaction.PutXattr(inode, name, value);
}

// As inode(7) and acl(5) describe.
Result<NewInode> CatalogVolume::Inheritance(const Caller& caller, InodeId directory, FileType type, uint32_t mode) const {
  const Result<InodeRecord> parent = catalog_.ReadInode(directory);
  if (!parent.ok()) return parent.error();
  const Result<std::optional<Acl>> parent_default = ReadAcl(directory, kDefaultAclXattr);
  if (!parent_default.ok()) return parent_default.error();
  const InheritedAcl inherited = Inherit(*parent_default, type, mode & 07777U, caller.umask);
  NewInode what{.type = type, .mode = inherited.mode, .uid = caller.uid, .gid = caller.gid};
  constexpr uint32_t kSetGroupId = 02000;
  if ((parent->mode & kSetGroupId) != 0) {
    what.gid = parent->gid;
    if (type == FileType::kDirectory) what.mode |= kSetGroupId;
  }
  if (inherited.access_acl.has_value()) what.xattrs.emplace_back(kAccessAclXattr, Encode(*inherited.access_acl));
  if (inherited.default_acl.has_value()) what.xattrs.emplace_back(kDefaultAclXattr, Encode(*inherited.default_acl));
  return what;
}

Result<CreatedInode> CatalogVolume::Create(const Caller& caller, InodeId directory, const Name& name, const NodeRequest& request) {
  Result<NewInode> what = Inheritance(caller, directory, request.type, request.mode);
  if (!what.ok()) return what.error();
  what->rdev = request.rdev;
  what->target = request.target;
  if (request.type == FileType::kSymlink) what->mode = 0777;
  return Create(directory, name, *what);
}

Result<CreatedInode> CatalogVolume::CreateUnnamed(const Caller& caller, InodeId directory, uint32_t mode, Linkable linkable) {
  Result<NewInode> what = Inheritance(caller, directory, FileType::kRegular, mode);
  if (!what.ok()) return what.error();
  what->linkable = linkable == Linkable::kYes;
  return CreateUnnamed(directory, *what);
}

Result<CreatedInode> CatalogVolume::Create(InodeId directory, const Name& name, const NewInode& what) {
  if (Status writable = Writable(); !writable.ok()) return writable.error();
  Result<InodeRecord> parent = ReadLiveDirectory(directory);
  if (!parent.ok()) return parent.error();
  const Result<InodeId> number = NextInode();
  if (!number.ok()) return number.error();
  const InodeId inode = *number;
  Transaction transaction(catalog_);
  if (Status added = transaction.AddName(directory, name, inode, what.type); !added.ok()) return added.error();

  MutexLock home_lock(HomeLock(directory));
  Result<Content> content = MakeContent(directory, name, inode, what);
  if (!content.ok()) return content.error();
  InodeRecord record = NewRecord(what, *content);
  if (what.type == FileType::kDirectory) {
    record.parent = directory;
    record.listed = true;
    record.trusted_since = generation_;
    ++parent->nlink;
  }
  Touch(*parent, record.ctime);
  AddInode(transaction, inode, record, what);
  transaction.PutInode(directory, *parent);
  if (content->detached) {
    transaction.PutDetached(inode);
    may_be_detached_ = true;
  }
  if (Status committed = Commit(transaction, Room::kNeeded); !committed.ok()) {
    RemoveContentAfterFailure(*content, what.type);
    return committed.error();
  }
  ++inode_count_;
  verified_.Insert(inode);
  if (what.type == FileType::kDirectory) reconciled_.Insert(inode);
  return CreatedInode{InodeRef(inode), ToAttributes(inode, record), std::move(content->file)};
}

Result<CreatedInode> CatalogVolume::CreateUnnamed(InodeId directory, const NewInode& what) {
  if (Status writable = Writable(); !writable.ok()) return writable.error();
  if (Result<InodeRecord> parent = ReadLiveDirectory(directory); !parent.ok()) return parent.error();
  const Result<InodeId> number = NextInode();
  if (!number.ok()) return number.error();
  const InodeId inode = *number;
  Transaction transaction(catalog_);
  MutexLock home_lock(HomeLock(kHomesDirectory));
  Result<Content> content = MakeContentAt(HomesPlace(inode), what);
  if (!content.ok()) return content.error();
  InodeRecord record = NewRecord(what, *content);
  record.nlink = 0;
  record.linkable = what.linkable;
  AddInode(transaction, inode, record, what);
  transaction.PutOrphan(inode);
  if (Status committed = Commit(transaction, Room::kNeeded); !committed.ok()) {
    RemoveContentAfterFailure(*content, what.type);
    return committed.error();
  }
  ++inode_count_;
  verified_.Insert(inode);
  return CreatedInode{InodeRef(inode), ToAttributes(inode, record), std::move(content->file)};
}

}  // namespace hardlinkfs
