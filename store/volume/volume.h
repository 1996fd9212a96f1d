// Volume: the filesystem without kernel or caller, in the regime where the catalog has authority over names. The only code that changes
// backing and catalog together. Each group of functions has its own source file; they share one state,
// which is why this header is longer than others.
//
// Locks (docs/locking.md): "REQUIRES exclusive(x)" means that the caller holds x of locks(). Prepare and PrepareDirectory take locks
// themselves and must be called before; once an inode is prepared it stays so until the volume is closed.
#ifndef HARDLINKFS_STORE_VOLUME_VOLUME_H_
#define HARDLINKFS_STORE_VOLUME_VOLUME_H_

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
#include <unordered_set>
#include <utility>
#include <vector>

#include "store/backing/backing.h"
#include "store/backing/name_codec.h"
#include "store/base/attributes.h"
#include "store/base/capabilities.h"
#include "store/base/clock.h"
#include "store/base/mutex.h"
#include "store/base/name.h"
#include "store/base/result.h"
#include "store/catalog/catalog.h"
#include "store/engine/reserve.h"
#include "store/volume/change_observer.h"
#include "store/volume/content_times.h"
#include "store/volume/home_directories.h"
#include "store/volume/inode_set.h"
#include "store/volume/lock_table.h"
#include "store/volume/volume_health.h"

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
  uint32_t max_links = 65000;  // EMLINK beyond it, as ext4
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

struct CreatedInode {
  InodeId inode{};
  InodeRecord record;
  std::unique_ptr<BackingFile> content;  // of a regular file
};

// An inode that lost a name. When nlink is 0 it is an orphan: give it to Reclaim once nobody uses it any longer.
struct LostName {
  InodeId inode{};
  uint32_t nlink = 0;
};

// Whether an inode that loses its last name is open.
enum class Use { kIdle, kOpen };

enum class Replace { kAllowed, kRefused, kExchange };

Attributes ToAttributes(InodeId inode, const InodeRecord& record);

class Volume {
 public:
  // Borrows all but `homes`. Open makes it ready for use.
  Volume(Backing& backing, Catalog& catalog, const Clock& clock, const Capabilities& capabilities, BackingDirectoryRef homes,
         VolumeOptions options);

  // recover.cc: begins a session: makes the root on a new volume, finishes what a crash left half done, marks the volume as in use.
  Status Open(const std::string& uuid);
  ~Volume();
  // Ends it: reclaims all orphans, settles all homes, marks the volume clean, syncs.
  Status Close();

  LockTable& locks() { return locks_; }

  // Has `observer` (null: nobody) told of what reconciling changes. REQUIRES: no operation is under way.
  void Observe(ChangeObserver* observer) { observer_ = observer; }

  // reconcile.cc

  // Compares an inode's record with its home, once a session: takes over what was changed on the bare backing; drops the names of what is
  // gone there. RETURNS: ENOENT when there is no such inode or its home has vanished. REQUIRES: no lock held.
  Status Prepare(InodeId inode);
  // Prepare, and compares the listing of the directory's home with the homes recorded in it: adopts what is new, drops what has vanished.
  // RETURNS: as Prepare; ENOTDIR. REQUIRES: no lock held.
  Status PrepareDirectory(InodeId directory);

  // RETURNS: whether Prepare has nothing to do; cheap, and any lock may be held.
  bool IsPrepared(InodeId inode) const { return verified_.Contains(inode); }

  // Reads. REQUIRES: what they read is prepared.
  Result<InodeRecord> Read(InodeId inode) const { return catalog_.ReadInode(inode); }
  Result<NameRow> Find(InodeId directory, const Name& name) const { return catalog_.FindName(directory, name); }
  const Catalog& catalog() const { return catalog_; }
  const Capabilities& capabilities() const { return capabilities_; }
  Result<BackingSpace> Space() { return backing_.Space(); }
  uint64_t inode_count() const { return inode_count_.load(); }
  // Thread safety: any lock may be held.
  VolumeHealth Health();

  // create.cc

  // RETURNS: EEXIST, ENOENT (the directory was removed), ENOSPC ... REQUIRES: exclusive(directory), prepared.
  Result<CreatedInode> Create(InodeId directory, const Name& name, const NewInode& what);
  // A file without a name, that Link may give one if `what.linkable`: O_TMPFILE. `directory` is only checked to exist.
  Result<CreatedInode> CreateUnnamed(InodeId directory, const NewInode& what);

  // link.cc

  // As link(2): EPERM (directory), ENOENT (nlink is 0 and it is not linkable), EMLINK, EEXIST. REQUIRES: exclusive(inode, directory).
  Result<InodeRecord> Link(InodeId inode, InodeId directory, const Name& name);
  // As unlink(2) and rmdir(2): EISDIR, ENOTDIR, ENOTEMPTY. REQUIRES: exclusive(directory, inode). RETURNS: ESTALE when the name is
  // not `inode`'s any longer.
  Result<LostName> Unlink(InodeId directory, const Name& name, InodeId inode, Use use = Use::kIdle);
  Result<LostName> RemoveDirectory(InodeId directory, const Name& name, InodeId inode);

  // rename.cc

  // As renameat2(2). `whiteout` leaves a character device 0:0 at the old name. RETURNS: the inode that lost its name, if one was replaced.
  // REQUIRES: exclusive(both directories, both inodes); `inode` is what `name` shows, `target` what `new_name` shows (nullopt: nothing),
  // else ESTALE.
  struct RenameRequest {
    InodeId directory{};
    Name name;
    InodeId inode{};
    InodeId new_directory{};
    Name new_name;
    std::optional<InodeId> target;
    Use target_use = Use::kIdle;
    Replace replace = Replace::kAllowed;
    std::optional<NewInode> whiteout;
  };
  Result<std::optional<LostName>> Rename(const RenameRequest& request);
  // RETURNS: whether `inode` is `below` or one of the directories above it.
  Result<bool> IsAncestor(InodeId inode, InodeId below) const;

  // attributes.cc

  // All of `change` but the size, and xattrs with it (nullopt removes one), in one commit. RETURNS: the new record. REQUIRES:
  // exclusive(inode).
  using XattrChanges = std::vector<std::pair<std::string, std::optional<std::string>>>;
  Result<InodeRecord> ChangeAttributes(InodeId inode, const AttributeChange& change, const XattrChanges& xattrs = {});

  // content.cc

  // RETURNS: the open content of a regular file. REQUIRES: shared(inode) or more.
  Result<std::unique_ptr<BackingFile>> OpenContent(InodeId inode);
  // Brings size, blocks and times of the record up to what `content` shows now. What cannot be told or kept now is owed: IsBehind then,
  // until a later call can. REQUIRES: exclusive(inode).
  Result<InodeRecord> RefreshContent(InodeId inode, BackingFile& content, const ContentUse& use);
  // RETURNS: whether the record is known to be behind the content. Cheap, and any lock may be held.
  bool IsBehind(InodeId inode);
  // truncate(2). REQUIRES: exclusive(inode).
  Result<InodeRecord> Truncate(InodeId inode, BackingFile& content, uint64_t size);
  // Notes a read that has just happened, by the rule of relatime in mount(8). REQUIRES: exclusive(inode).
  Status NoteRead(InodeId inode);

  // sync.cc

  // Makes every acknowledged change of the catalog durable, and what those rely on (S2, S7). REQUIRES: no lock held.
  Status SyncCatalog();
  // SyncCatalog and all contents and entries that changed. REQUIRES: no lock held.
  Status SyncAll();
  // RETURNS: whether SyncAll has anything to do.
  bool NeedsSync();
  // RETURNS: how many commits this session has made; to see whether there was one.
  uint64_t commits() const { return committed_.load(); }
  // A sync that failed is never tried again as if it had succeeded: from then on nothing is changed and nothing promised until the volume
  // is opened anew (S6). RETURNS: EIO for a failure, which is noted; ENOENT, of something removed, is none; nor are EMFILE and ENFILE,
  // which are returned.
  Status NoteSync(Status synced);
  // fsync of a content, noted so. The only way to it: meanwhile nothing is moved on the backing.
  Status SyncFile(BackingFile& file);
  // RETURNS: EROFS after a failed sync.
  Status Writable() const;
  // A part of the catalog cannot be read: the next session is to look at all of it, as after a crash.
  void DoubtCatalog() { doubted_ = true; }

  // reclaim.cc

  // The orphan is used by nobody any longer: its content will be removed, soon. Thread safety: any lock may be held.
  void Reclaim(InodeId orphan);
  // Removes the contents of up to `limit` reclaimable orphans. RETURNS: how many. REQUIRES: no lock held.
  Result<size_t> ReclaimSome(size_t limit);
  // RETURNS: whether ReclaimSome has anything to do.
  bool NeedsReclaim();

  // settle.cc

  // Moves up to `limit` detached homes to a place that one of their names says. RETURNS: how many moved. REQUIRES: no lock held.
  Result<size_t> SettleSome(size_t limit);
  // RETURNS: whether there may be detached homes.
  bool NeedsSettling() const { return may_be_detached_.load(); }

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

  // content.cc
  Result<std::unique_ptr<BackingFile>> OpenContentAt(const Place& place);
  Result<InodeRecord> TakeAndKeep(InodeId inode, BackingFile& content, const ContentUse& use);
  Result<InodeRecord> KeepContent(InodeId inode, const InodeRecord& record);
  ContentUse WithOwed(InodeId inode, const ContentUse& use);
  void Owe(InodeId inode, const ContentUse& use);

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
  void LeavePlaces(const Move& move);
  Result<size_t> MakeAnnouncedMoves(const std::vector<Move>& moves);
  Status DescribeMove(Move& move);
  Result<size_t> MakeMoves(std::vector<Move> moves);

  Mutex& HomeLock(InodeId directory) { return home_locks_[Raw(directory) % home_locks_.size()]; }
  Mutex& EntriesLock(InodeId directory) { return entries_locks_[Raw(directory) % entries_locks_.size()]; }
  static Place HomesPlace(InodeId inode);

  Backing& backing_;
  Catalog& catalog_;
  const Clock& clock_;
  const Capabilities capabilities_;
  const NameCodec codec_;
  const VolumeOptions options_;
  LockTable locks_;
  ChangeObserver* observer_ = nullptr;
  HomeDirectories directories_;

  InodeSet verified_;      // Prepare has succeeded
  InodeSet reconciled_;    // PrepareDirectory has succeeded
  InodeSet synced_above_;  // the directory above is, or waits to be, synced in this session

  // Who changes the entries of a directory's home, and their rows: creation, settler, reclaim. After the inode locks; held over I/O.
  std::array<Mutex, 64> home_locks_;
  // One fsync of a directory at a time; held over it, before move_gate_ and pending_mutex_.
  std::array<Mutex, 16> entries_locks_;
  // Each fsync of a content or of a directory with users' entries passes it shared; a move holds it alone until its new entry is durable. On
  // FAT the fsync of one thing also writes what others have in the same block, and so could have the old entry go before.
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

  Mutex sync_mutex_;                                        // one SyncCatalog at a time; held over I/O; before takeover_gate_
  std::shared_mutex takeover_gate_;                         // replacing renames commit under it shared; the sync of the log holds it alone
  std::shared_mutex commit_gate_;                           // shared over each commit; alone while it is settled what a sync covers
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
  std::set<Place> announced_ GUARDED_BY(pending_mutex_);  // an intent says that its inode may lie there
  std::set<Place> left_ GUARDED_BY(pending_mutex_);       // with an intent that is gone, but not durably
  std::map<InodeId, Place> torn_ GUARDED_BY(pending_mutex_);  // of an intent, where what was to leave is shown by a short name
  std::map<InodeId, IntentRecord> unresolved_ GUARDED_BY(pending_mutex_);  // moves that were made or not; both places are kept for them
  std::deque<InodeId> reclaimable_ GUARDED_BY(pending_mutex_);
  std::map<Place, FileType> leftovers_ GUARDED_BY(pending_mutex_);   // entries of creations that failed
  std::map<InodeId, ContentUse> behind_ GUARDED_BY(pending_mutex_);  // what their records do not tell yet
  std::atomic<size_t> behind_count_{0};                              // of them
  std::optional<SyncFailure> failure_ GUARDED_BY(pending_mutex_);
  Mutex background_mutex_;  // one ReclaimSome or SettleSome at a time; first of all
};

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_VOLUME_H_
