// Scrubber: one run of Scrub (scrub.h). A round of five passes is repeated until a round repairs nothing: so a repair may rely on what is
// there now, and leave what follows from it to the next round.
#ifndef HARDLINKFS_STORE_VOLUME_SCRUBBER_H_
#define HARDLINKFS_STORE_VOLUME_SCRUBBER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "store/backing/name_codec.h"
#include "store/catalog/catalog.h"
#include "store/volume/home_directories.h"
#include "store/volume/inode_set.h"
#include "store/volume/scrub.h"
#include "store/volume/scrub_rows.h"

namespace hardlinkfs {

class Scrubber {
 public:
  Scrubber(const ScrubTarget& target, ScrubListener& listener);
  Result<ScrubSummary> Run();

 private:
  using Weight = Finding::Weight;

  // --- scrub.cc
  Status Round();
  // Tells of a finding. RETURNS: whether it is to be repaired, now.
  bool Report(Weight weight, std::string problem, std::string remedy = {});
  void Note(std::string text) { Report(Weight::kNote, std::move(text)); }
  Status Apply(Transaction& transaction);
  // A repair that meets other damage waits for the next round. RETURNS: other errors.
  Status OrLater(Status status);
  Status Begin(unsigned pass, uint64_t total);
  Status Step();  // one of `total`; ECANCELED when it is to stop
  Status End();
  HomeDirectories& directories();
  void HomesChanged() { directories_.reset(); }

  // --- scrub_meta.cc: the volume's row
  Status CheckMeta();
  Status RemakeMeta(const std::optional<std::string>& damaged);
  Status CheckNumbers();
  Result<InodeId> TakeNumber(Transaction& transaction);

  // --- scrub_records.cc: pass 1, keys and values by themselves
  Status CheckRecords();
  Status CheckRow(std::string_view key, std::string_view value);
  Status CheckInodeRow(std::string_view key, std::string_view value);
  Status CheckHomeRow(std::string_view key, std::string_view value);
  Status CheckNameRow(std::string_view key, std::string_view value);
  Status CheckXattrRow(std::string_view key, std::string_view value);
  Status CheckTargetRow(std::string_view key, std::string_view value);
  Status CheckIntentRow(std::string_view key, std::string_view value);
  Status CheckEmptyRow(std::string_view key, std::string_view value);
  Status RestoreHomeRows();
  Status RestoreNames();
  Status RestoreName(InodeId directory, Slot slot, std::optional<InodeId> inode);

  // --- scrub_names.cc: pass 2, names against inodes
  struct ChainRow {
    Slot slot{};
    std::optional<NameRecord> record;  // unset: damaged
  };
  struct NamesOfInode;
  Status CheckNames();
  Status CheckChains();
  Status CheckChain(InodeId directory, const std::vector<ChainRow>& chain);
  Status CheckChainRow(InodeId directory, const ChainRow& row);
  Status CheckGaps(InodeId directory, const std::vector<ChainRow>& chain);
  Status CheckTwice(InodeId directory, const std::vector<ChainRow>& chain);
  Status CheckDirectoryOfNames(InodeId directory, ScrubRows& inodes);
  Status CheckLinks();
  Status CheckLink(NamesOfInode& names, InodeId directory, Slot slot);
  Status CheckUnlinked();
  Status Reslot(const NameRow& row);
  Status GiveAnotherName(const NameRow& row);

  // --- scrub_tree.cc: pass 3, directories; pass 4, counts and small tables
  Status CheckTree();
  Status CheckRoot();
  Status CheckDirectory(InodeId inode, const InodeRecord& record);
  Status CheckReachable(InodeId inode, InodeSet& reachable);
  Status CutLoose(InodeId inode);
  Status CheckCounts();
  Status CheckCount(InodeId inode, const InodeRecord& record, uint64_t names, uint64_t subdirectories, bool is_orphan);
  Status CheckSmallTables();

  // --- scrub_homes.cc: pass 5, homes against the backing
  Status CheckHomes();
  Status CheckHomeOf(InodeId inode, const InodeRecord& record, uint64_t& agreeing);
  Status CheckDirectoryOfHome(InodeId directory);
  Status CheckHomeless(InodeId inode, const InodeRecord& record);
  Status CheckHomeRows();
  Status CheckEntries(InodeId directory, const InodeRecord* record);
  Status CheckTypeOf(const Place& place, const std::string& row, FileType type);
  Status CheckMissing(InodeId directory, const BackingDirectoryRef& ref);

  // --- scrub_remake.cc: records made anew, lost+found
  struct Evidence {
    FileType type = FileType::kUnknown;
    std::vector<NameRow> names;  // of them no more than Catalog::kNamesConsidered
    uint64_t count = 0;          // all, also those that cannot be read
    std::optional<Place> home;
    BackingStat seen;  // of the home, if there is one
  };
  Status RemakeInodes();
  Result<std::map<InodeId, std::vector<Place>>> HomesOf(const std::set<InodeId>& inodes);
  Result<std::set<InodeId>> LostDirectoriesOf(const std::map<InodeId, std::vector<Place>>& homes, const std::set<InodeId>& known);
  Status Remake(InodeId inode, const std::vector<Place>& homes);
  Result<Evidence> Gather(InodeId inode, const std::vector<Place>& homes);
  Status DropInode(InodeId inode);
  Result<std::optional<BackingStat>> StatAt(const Place& place);
  Result<std::optional<Place>> FindContent(InodeId inode, FileType type, const std::vector<NameRow>& names);
  Result<Place> MakeHome(InodeId directory);
  Result<uint64_t> CountSubdirectories(InodeId directory);
  Result<InodeId> LostAndFound();
  Result<InodeId> MakeLostAndFound(const Name& name);
  // Adds a name in lost+found; `record` is put too. REQUIRES: it has no other name after the transaction.
  Status Reconnect(Transaction& transaction, InodeId inode, InodeRecord record);
  bool IsUnderName(const InodeRecord& record, const NameRow& row) const;

  const ScrubTarget& target_;
  ScrubListener& listener_;
  Backing& backing_;
  Catalog& catalog_;
  const Engine& engine_;
  std::vector<NameCodec> codecs_;  // one, unless nothing may be repaired
  std::unique_ptr<HomeDirectories> directories_;

  MetaRecord meta_;
  ScrubSummary summary_;
  unsigned round_ = 0;
  unsigned pass_ = 0;
  uint64_t done_ = 0;
  uint64_t total_ = 0;
  uint64_t repaired_before_round_ = 0;
  uint64_t put_off_ = 0;  // in this round
  bool marked_ = false;   // as not clean
  // Of the slots. kNew: the right one is lost, so every name is at a wrong slot, and is moved without a word; kUnknown: nothing can be
  // said.
  enum class Seed { kKnown, kNew, kUnknown };
  Seed seed_ = Seed::kKnown;
  bool only_look_ = false;  // there is no record of the volume, and there shall be none
  Status failed_;
  std::unordered_map<size_t, unsigned> told_;  // hash of a problem, how often it was repaired

  InodeSet with_record_;          // of directories in which homes lie: once there, a record does not go
  std::set<Place> in_motion_;     // where homes may lie that are being moved
  std::set<InodeId> bad_inodes_;  // to be made anew in this pass
  std::set<std::pair<InodeId, Slot>> bad_names_;
  std::set<Place> bad_homes_;
};

// How things are called in what is told. Bytes that a terminal might take for something else are escaped.
std::string Quoted(std::string_view bytes);
std::string Called(InodeId inode);
std::string Called(const Place& place);

// Before what is left of a symlink's target.
inline constexpr char kDamagedTarget[] = "damaged: ";

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_VOLUME_SCRUBBER_H_
