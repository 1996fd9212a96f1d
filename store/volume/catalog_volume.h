// CatalogVolume: the regime where the catalog has authority over names, and the mount owns the backing. The only code that changes backing
// and catalog together. Each group of functions has its own source file; they share one state, which is why this header is longer than
// others. What each function of Volume promises volume.h says; here is what is particular.
#ifndef HARDLINKFS_STORE_VOLUME_CATALOG_VOLUME_H_
#define HARDLINKFS_STORE_VOLUME_CATALOG_VOLUME_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include "store/backing/backing.h"
#include "store/backing/name_codec.h"
#include "store/base/acl.h"
#include "store/base/attributes.h"
#include "store/base/capabilities.h"
#include "store/base/clock.h"
#include "store/base/mutex.h"
#include "store/base/name.h"
#include "store/base/result.h"
#include "store/catalog/catalog.h"
#include "store/engine/reserve.h"
#include "store/volume/home_directories.h"
#include "store/volume/inode_set.h"
#include "store/volume/volume.h"

namespace hardlinkfs {

struct VolumeOptions {
  // What entries of a backing without owners and modes get when they are adopted, as vfat's mount options.
  uint32_t uid = 0;
  uint32_t gid = 0;
  // Who owns what is found again after a loss, and may have been private: who runs the server.
  uint32_t keeper_uid = 0;
  uint32_t keeper_gid = 0;
  uint32_t file_mode = 0755;
  uint32_t directory_mode = 0755;
  size_t open_directories = 256;
  Reserve* reserve = nullptr;  // borrowed; while it is not whole, nothing new is begun
  // Of a new volume: where numbers begin that an older catalog of it may have given out.
  uint64_t first_inode = Raw(kFirstFreeInode);
  uint64_t first_session = 0;
  std::function<void()> sync_failed;  // called once, at the first failed sync, from any thread
};

// Numbers are reserved in stretches this long, so that one that was given out is never given out again after a crash.
inline constexpr uint64_t kInodeNumberStretch = 1ULL << 20;

// What to make. The mode is final: umask and ACLs were applied.
struct NewInode {
  FileType type = FileType::kRegular;
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t rdev = 0;
  std::string target;
  bool linkable = false;  // without a name: may get one later
  std::vector<std::pair<std::string, std::string>> xattrs;
};

Attributes ToAttributes(InodeId inode, const InodeRecord& record);

class CatalogVolume final : public Volume {
 public:
  // Borrows all but `homes`. Open makes it ready for use.
  CatalogVolume(Backing& backing, Catalog& catalog, const Clock& clock, const Capabilities& capabilities, BackingDirectoryRef homes,
                VolumeOptions options);

  // recover.cc: begins a session: makes the root on a new volume, finishes what a crash left half done, marks the volume as in use.
  Status Open(const std::string& uuid);
  ~CatalogVolume() override;
  // Ends it: reclaims all orphans, settles all homes, marks the volume clean, syncs.
  Status Close() override;

  void Observe(ChangeObserver* observer) override { observer_ = observer; }
  const Capabilities& capabilities() const override { return capabilities_; }
  Result<BackingSpace> Space() override;
  uint64_t inode_count() const { return inode_count_.load(); }
  // Thread safety: any lock may be held.
  VolumeHealth Health() override;

  // reconcile.cc

  // Compares an inode's record with its home, once a session: takes over what was changed on the bare backing; drops the names of what is
  // gone there.
  Status Prepare(InodeId inode) override;
  // Prepare, and compares the listing of the directory's home with the homes recorded in it: adopts what is new, drops what has vanished.
  Status PrepareDirectory(InodeId directory) override;
  bool IsPrepared(InodeId inode) const override { return verified_.Contains(inode); }

  // read.cc
  Result<Attributes> Stat(InodeId inode) override;
  Result<InodeRef> Lookup(InodeId directory, const Name& name) override;
  Result<InodeRef> Parent(InodeId directory) override;
  Result<std::vector<NameOfInode>> NamesOf(InodeId inode, const NamePosition& after) override;
  Result<std::string> PathOf(InodeId directory) override;
  Result<std::string> ReadLink(InodeId inode) override;
  Result<std::string> GetXattr(InodeId inode, const std::string& name) override { return catalog_.ReadXattr(inode, name); }
  Result<std::vector<std::string>> ListXattrs(InodeId inode) override { return catalog_.ListXattrs(inode); }
  Result<std::unique_ptr<DirectoryStream>> OpenDirectory(InodeId directory) override;
  // An offset is the slot of the last name shown, so it stays true whatever comes or goes meanwhile, and after a remount.
  Result<std::vector<ListedName>> List(InodeId directory, DirectoryStream& stream, uint64_t offset) override;
  bool MayBeListed(InodeId directory, InodeId inode) const override;
  // The records behind them.
  Result<InodeRecord> Read(InodeId inode) const { return catalog_.ReadInode(inode); }
  Result<NameRow> Find(InodeId directory, const Name& name) const { return catalog_.FindName(directory, name); }
  const Catalog& catalog() const { return catalog_; }

  // create.cc
  Result<CreatedInode> Create(const Caller& caller, InodeId directory, const Name& name, const NodeRequest& request) override;
  Result<CreatedInode> CreateUnnamed(const Caller& caller, InodeId directory, uint32_t mode, Linkable linkable) override;
  // The same of what inherits nothing. REQUIRES: as the above.
  Result<CreatedInode> Create(InodeId directory, const Name& name, const NewInode& what);
  Result<CreatedInode> CreateUnnamed(InodeId directory, const NewInode& what);

  // link.cc
  Result<Attributes> Link(const Caller& caller, InodeId inode, InodeId directory, const Name& name) override;
  Result<LostName> Unlink(const Caller& caller, InodeId directory, const Name& name, InodeId inode, Use use) override;
  Result<LostName> RemoveDirectory(const Caller& caller, InodeId directory, const Name& name, InodeId inode) override;

  // rename.cc
  Result<std::optional<LostName>> Rename(const Caller& caller, const RenameRequest& request) override;
  Result<bool> IsAncestor(InodeId inode, InodeId below) const override;

  // attributes.cc
  // In one commit.
  Result<Attributes> ChangeAttributes(const Caller& caller, InodeId inode, const AttributeChange& change,
                                      const XattrChanges& xattrs) override;
  // xattr.cc
  Result<Attributes> SetXattr(const Caller& caller, InodeId inode, const std::string& name, std::string_view value,
                              XattrMode mode) override;
  Result<uint32_t> GetFlags(InodeId inode) override;
  Result<Attributes> SetFlags(const Caller& caller, InodeId inode, uint32_t flags) override;
  Status RemoveXattr(const Caller& caller, InodeId inode, const std::string& name) override;

  // content.cc
  Status MayWrite(const Caller& /*caller*/, InodeId /*inode*/) override { return {}; }  // the kernel knows
  Result<std::unique_ptr<BackingFile>> OpenContent(InodeId inode) override;
  // Brings size, blocks and times of the record up to what `content` shows now. What cannot be told or kept now is owed: IsBehind then,
  // until a later call can.
  Result<Attributes> RefreshContent(InodeId inode, BackingFile& content, const ContentUse& use) override;
  bool IsBehind(InodeId inode) override;
  Result<Attributes> Truncate(InodeId inode, BackingFile& content, uint64_t size) override;
  Status NoteRead(InodeId inode) override;

  // usage.cc
  Status CountFor(std::shared_ptr<UsageObserver> observer) override;
  Result<Footprint> FootprintOf(InodeId inode, Directories directories) override;

  // sync.cc

  // Makes every acknowledged change of the catalog durable, and what those rely on (S2, S7). REQUIRES: no lock held.
  Status SyncCatalog();
  Status SyncInode(InodeId /*inode*/) override { return SyncCatalog(); }
  Status SyncNames() override { return NeedsSync() ? SyncCatalog() : Status(); }
  // SyncCatalog and all contents and entries that changed. REQUIRES: no lock held.
  Status SyncAll() override;
  bool NeedsSync() override;
  uint64_t commits() const override { return committed_.load(); }
  // A sync that failed is never tried again as if it had succeeded: from then on nothing is changed and nothing promised until the volume
  // is opened anew (S6). RETURNS: EIO for a failure, which is noted; ENOENT, of something removed, is none; nor are EMFILE and ENFILE,
  // which are returned.
  Status NoteSync(Status synced);
  // Noted so. The only way to fsync of a content: meanwhile nothing is moved on the backing.
  Status SyncFile(BackingFile& file) override;
  // RETURNS: EROFS after a failed sync.
  Status Writable() const;
  // A part of the catalog cannot be read: the next session is to look at all of it, as after a crash.
  void DoubtCatalog() { doubted_ = true; }

  // reclaim.cc
  void Reclaim(InodeId orphan) override;
  Result<size_t> ReclaimSome(size_t limit) override;
  bool NeedsReclaim() override;

  // settle.cc

  // Moves up to `limit` detached homes to a place that one of their names says. RETURNS: how many moved. REQUIRES: no lock held.
  Result<size_t> SettleSome(size_t limit) override;
  // RETURNS: whether there may be detached homes.
  bool NeedsSettling() const override { return may_be_detached_.load(); }

 private:
  // A new number; commits the new bound when one is due.
  Result<InodeId> NextInode();
  // With kNeeded it is refused with ENOSPC while there is no more than the reserve; what frees space, or a reader cannot do without,
  // may take from it.
  enum class Room { kFromReserve, kNeeded };
  Status Commit(Transaction& transaction, Room room = Room::kFromReserve);
  // RETURNS: whether a home called `home` lies where `name`, in the same directory, says.
  bool LiesUnder(const BackingName& home, const Name& name) const;
  void MarkDetachedIfAt(Transaction& transaction, InodeId inode, const InodeRecord& record, InodeId directory, const Name& name);
  static void Touch(InodeRecord& record, Timestamp now);  // mtime and ctime
  Result<InodeRecord> ReadLiveDirectory(InodeId directory) const;

  // recover.cc
  Result<MetaRecord> MakeRoot(const std::string& uuid, Transaction& transaction);
  Result<std::set<InodeId>> ResolveIntents();
  enum class IfNowhere { kWait, kGiveUp };
  Result<bool> ResolveIntent(const IntentRecord& intent, IfNowhere if_nowhere);
  void NoteUnresolved(const IntentRecord& intent);
  std::optional<IntentRecord> UnresolvedMove(InodeId inode);
  bool IsAwaited(const Place& place);
  bool IsThere(InodeId directory);
  Result<std::optional<BackingStat>> LookFor(const InodeRecord& record, const Place& place);
  struct Spot {
    Place place;
    std::optional<BackingStat> seen;
  };
  Result<Place> PartTwins(const IntentRecord& intent, const Spot& home, const Spot& other);
  Result<Place> PartTwinDirectories(const IntentRecord& intent, const Spot& home, const Spot& other);
  Status RemoveTwin(const Place& place, FileType type);
  Status QueueOrphans();

  // torn.cc
  Result<std::optional<Spot>> FindTorn(const IntentRecord& intent, FileType type);
  enum class Likeness { kNo, kEmpty, kPerhaps, kYes };
  Result<Likeness> Compare(const IntentRecord& intent, const BackingDirectoryRef& in, const BackingName& name, const BackingStat& seen);
  Result<bool> IsKnownBy(const IntentRecord& intent, const Place& place);
  Result<bool> IsKnownByAnother(const IntentRecord& intent, const Place& place);
  Result<bool> MayBeWithoutKnown(InodeId directory) const;

  // sweep.cc
  void SweepHomes();
  Status RescueFromHomes(const BackingName& name);

  // create.cc
  // What a new inode in `directory` begins with: group and sgid of the directory, umask or default ACL.
  Result<NewInode> Inheritance(const Caller& caller, InodeId directory, FileType type, uint32_t mode) const;
  struct Content {
    std::optional<Place> home;
    bool detached = false;
    std::unique_ptr<BackingFile> file;  // of a regular file, as is `seen`
    BackingStat seen;
  };
  Result<bool> IsTaken(const Place& place);
  void LeavePlace(const Place& place);
  Place AsTheBackingSees(const Place& place) const;
  bool IsFreshListing(InodeId directory);
  Result<Content> MakeContent(InodeId directory, const Name& name, InodeId inode, const NewInode& what);
  Result<Content> MakeContentAt(const Place& place, const NewInode& what);
  void RemoveContentAfterFailure(const Content& content, FileType type);
  // An entry that a creation has left behind since it could not be removed either. REQUIRES: the home lock of its directory.
  Status RemoveLeftover(const Place& place);
  void RemoveLeftovers();
  InodeRecord NewRecord(const NewInode& what, const Content& content) const;
  uint32_t BackingMode(FileType type, uint32_t mode) const;
  void AddInode(Transaction& transaction, InodeId inode, const InodeRecord& record, const NewInode& what);
  Status MirrorOwnerAndMode(const Place& home, FileType type, std::optional<uint32_t> mode, std::optional<uint32_t> uid,
                            std::optional<uint32_t> gid);

  // reconcile.cc
  Result<bool> Verify(InodeId inode);
  Status IsNotBeingMoved(InodeId inode);
  Status Import(InodeId inode, InodeRecord& record, const BackingStat& seen, const BackingDirectoryRef& in, Transaction& transaction);
  // kNone: what is adopted may have been anybody's secret.
  enum class Trust { kAsTheDirectory, kNone };
  Status Adopt(InodeId directory, const std::vector<BackingEntry>& entries, Trust trust = Trust::kAsTheDirectory);
  // What a directory's home shows that its rows do not say. Compare adopts what is new by itself.
  struct Differences {
    bool done_before = false;
    std::vector<InodeId> vanished;
    std::vector<std::pair<InodeId, BackingName>> respelled;
  };
  std::vector<BackingName> LookAlikes(const BackingDirectoryRef& in, const BackingName& home, const std::vector<BackingEntry>& entries);
  Result<Differences> Compare(InodeId directory);
  bool HoldsStrangers(InodeId directory);
  Status FollowRespelling(InodeId directory, InodeId inode, const BackingName& spelling);
  Status AdoptReplacement(const Place& place, Trust trust = Trust::kAsTheDirectory);
  Status DropVanished(InodeId inode);
  Status DropName(const NameRow& row);
  Status DropDangling(const NameRow& row);
  Result<InodeId> LostAndFound();
  bool IsLostAndFound(InodeId inode) const;
  void TellAttributes(InodeId inode) const;
  void TellListing(InodeId directory) const;
  void TellName(InodeId directory, const Name& name) const;
  Status RemakeHome(InodeId inode, const InodeRecord& record);

  // confirm.cc
  Result<bool> IsKnownAgain(InodeId inode, const InodeRecord& record, const BackingStat& seen, unsigned levels);
  Result<bool> Confirm(InodeId inode, InodeRecord& record, const BackingStat& seen, Transaction& transaction);

  // xattr.cc
  // RETURNS: ACLs as they are stored, nullopt where there is none.
  Result<std::optional<Acl>> ReadAcl(InodeId inode, std::string_view xattr) const;

  // content.cc
  Result<std::unique_ptr<BackingFile>> OpenContentAt(const Place& place);
  Result<InodeRecord> TakeAndKeep(InodeId inode, BackingFile& content, const ContentUse& use);
  Result<InodeRecord> KeepContent(InodeId inode, const InodeRecord& record);
  ContentUse WithOwed(InodeId inode, const ContentUse& use);
  void Owe(InodeId inode, const ContentUse& use);

  // usage.cc
  struct Recount {
    InodeId inode{};
    Transaction::ChangedInode change;
    std::optional<Footprint> before;
  };
  Result<std::vector<Recount>> BeginRecount(const Transaction& transaction);
  void EndRecount(const std::vector<Recount>& recounts);

  // attributes.cc
  Status MirrorTimes(const AttributeChange& change, InodeRecord& record);
  void TakeBackTimes(const InodeRecord& before, const InodeRecord& after);

  // sync.cc
  void NoteNewEntries(InodeId directory);
  bool IsContentUnsynced(InodeId inode);
  // As NoteSync, of a sync that cannot be asked for again: EMFILE and ENFILE are failures too.
  Status NoteFinalSync(const Status& synced);
  Status SyncContentOf(InodeId inode);
  Status SyncEntries(InodeId directory);
  enum class HomesMayMove { kNo, kYes };
  Status SyncReliedOn(HomesMayMove homes_may_move);
  Status SyncTakeovers(HomesMayMove homes_may_move);
  Status SyncNewEntries();
  Status BeforePersist();

  // reclaim.cc
  Result<bool> RemoveOrphan(InodeId orphan);
  bool LeaveToAdoption(const Place& home);
  Status Distrust(InodeId directory);
  Result<bool> DistrustSome();
  Status RescueAbandoned();
  Result<bool> RemoveHome(InodeId orphan, const InodeRecord& record);

  // settle.cc
  struct Move : IntentRecord {
    bool to_homes = false;
  };
  Result<std::optional<Move>> PlanMove(InodeId inode, bool break_cycles);
  Result<bool> IsSettled(InodeId directory) const;
  bool IsAtOneOf(const Place& place, const std::vector<NameRow>& names) const;
  bool IsFat() const;
  Result<bool> WritesBothEntries(InodeId from, InodeId to) const;
  Result<bool> MakeMove(const Move& move);
  Status MoveEntry(const Place& from, const Place& to, FileType type, const BackingDirectoryRef& from_ref,
                   const BackingDirectoryRef& to_ref, const IntentRecord* announced = nullptr);
  // A file or a directory, open since before the move; neither of what has no content.
  struct Moved {
    BackingFile* file = nullptr;
    BackingDirectoryRef directory;
  };
  Status SyncMoved(const Moved& moved);
  Status SyncMove(const Moved& moved, const BackingDirectoryRef& to, uint64_t size_before);
  void LeavePlaces(const Move& move);
  Result<size_t> MakeAnnouncedMoves(const std::vector<Move>& moves);
  Status DescribeMove(Move& move);
  // By what the rest of an entry may be recognized: where it lay, size and time (none of a directory).
  using LookOfMoved = std::tuple<InodeId, uint64_t, Timestamp>;
  Status KeepApart(const Move& move, std::set<LookOfMoved>& leaving);
  Result<size_t> MakeMoves(std::vector<Move> moves);
  Result<size_t> SettleBatch(size_t limit);
  bool IsRefused(const Place& place);

  Mutex& HomeLock(InodeId directory) { return home_locks_[Raw(directory) % home_locks_.size()]; }
  Mutex& EntriesLock(InodeId directory) { return entries_locks_[Raw(directory) % entries_locks_.size()]; }
  static Place HomesPlace(InodeId inode);

  Backing& backing_;
  Catalog& catalog_;
  const Clock& clock_;
  const Capabilities capabilities_;
  const NameCodec codec_;
  const VolumeOptions options_;
  ChangeObserver* observer_ = nullptr;
  HomeDirectories directories_;

  InodeSet verified_;      // Prepare has succeeded
  InodeSet reconciled_;    // PrepareDirectory has succeeded
  InodeSet synced_above_;  // the directory above is, or waits to be, synced in this session

  // Who changes the entries of a directory's home, and their rows: creation, settler, reclaim. After the inode locks; held over I/O.
  std::array<Mutex, 64> home_locks_;
  // One fsync of a directory at a time; held over it, before move_gate_ and pending_mutex_.
  std::array<Mutex, 16> entries_locks_;
  // Each fsync of a content, of a directory with users' entries, or of the log passes it shared; a move holds it alone until its new entry
  // is durable. On FAT the fsync of one thing also writes what others have in the same block, on exFAT whatever there is, and so could have
  // the old entry go before.
  std::shared_timed_mutex move_gate_;

  Mutex meta_mutex_;  // leaf
  MetaRecord meta_ GUARDED_BY(meta_mutex_);
  uint64_t next_inode_ GUARDED_BY(meta_mutex_) = 0;

  std::atomic<uint64_t> inode_count_{0};
  std::atomic<uint64_t> committed_{0};
  std::atomic<uint64_t> synced_{0};
  std::atomic<bool> may_be_detached_{false};
  std::atomic<bool> sync_failed_{false};  // and then also failure_, a moment later
  std::atomic<bool> doubted_{false};
  uint64_t generation_ = 0;
  uint64_t crash_session_ = 0;  // 0: there was none

  Mutex sync_mutex_;                 // one SyncCatalog at a time; held over I/O; before takeover_gate_
  std::shared_mutex takeover_gate_;  // replacing renames commit under it shared; the sync of the log holds it alone
  std::shared_mutex commit_gate_;    // shared over each commit; alone while it is settled what a sync covers
  // Changed under commit_gate_ alone, used under it shared: by each commit to the end of what it has to tell.
  std::shared_ptr<UsageObserver> usage_observer_;
  Mutex pending_mutex_;                                     // leaf
  std::set<InodeId> takeovers_ GUARDED_BY(pending_mutex_);  // contents that took over a name since the last sync
  std::set<InodeId> syncing_takeovers_;                     // taken out of it; changed under pending_mutex_, by whoever has sync_mutex_
  std::unordered_set<InodeId> unsynced_directories_ GUARDED_BY(pending_mutex_);  // homes with new or moved entries
  std::unordered_set<InodeId> unsynced_contents_ GUARDED_BY(pending_mutex_);
  std::unordered_set<InodeId> syncing_contents_ GUARDED_BY(pending_mutex_);     // taken out of it by a SyncAll under way
  std::unordered_set<InodeId> syncing_directories_ GUARDED_BY(pending_mutex_);  // taken out of it, and not done yet
  std::unordered_set<InodeId> fresh_listings_ GUARDED_BY(pending_mutex_);       // directories listed for the first time since the last sync
  std::set<InodeId> distrusted_ GUARDED_BY(pending_mutex_);        // directories in which something is about to be left without a record
  std::vector<BackingName> abandoned_ GUARDED_BY(pending_mutex_);  // in homes/, without a record
  // AsTheBackingSees.
  std::set<Place> announced_ GUARDED_BY(pending_mutex_);      // an intent says that its inode may lie there
  std::set<Place> left_ GUARDED_BY(pending_mutex_);           // with an intent that is gone, but not durably
  std::map<InodeId, Place> torn_ GUARDED_BY(pending_mutex_);  // of an intent, where what was to leave is shown by a short name
  // As they are spelled: to a move of this session, though nothing is to be seen there.
  std::set<Place> refused_ GUARDED_BY(pending_mutex_);
  std::map<InodeId, IntentRecord> unresolved_ GUARDED_BY(pending_mutex_);  // moves that were made or not; both places are kept for them
  std::deque<InodeId> reclaimable_ GUARDED_BY(pending_mutex_);
  std::map<Place, FileType> leftovers_ GUARDED_BY(pending_mutex_);   // entries of creations that failed
  std::map<InodeId, ContentUse> behind_ GUARDED_BY(pending_mutex_);  // what their records do not tell yet
  std::atomic<size_t> behind_count_{0};                              // of them
  std::optional<SyncFailure> failure_ GUARDED_BY(pending_mutex_);
  Mutex background_mutex_;  // one ReclaimSome or SettleSome at a time; first of all
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_CATALOG_VOLUME_H_
